/// The code of a CoAP message: class and detail, written `c.dd` (RFC 7252 section 3 and 12.1).
public struct Code: Equatable, Hashable, Sendable {
    public var rawValue: UInt8

    public init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// The code `class.detail`; `class` 0...7, `detail` 0...31 (higher bits are cut off).
    public init(_ codeClass: UInt8, _ detail: UInt8) {
        rawValue = (codeClass & 0x7) << 5 | (detail & 0x1F)
    }

    public var codeClass: UInt8 { rawValue >> 5 }
    public var detail: UInt8 { rawValue & 0x1F }

    /// Class 0 with a detail: a request method.
    public var isRequest: Bool { codeClass == 0 && detail != 0 }
    /// Classes 2, 4 and 5 (RFC 7252 section 5.9); class 3 and the rest are reserved.
    public var isResponse: Bool { codeClass == 2 || codeClass == 4 || codeClass == 5 }
    public var isSuccess: Bool { codeClass == 2 }
    /// A method that changes nothing, so that running it once more is no harm (RFC 7252 section 5.1, RFC 8132 section 2).
    public var isSafe: Bool { self == .get || self == .fetch }

    public static let empty = Code(0, 0)

    public static let get = Code(0, 1)
    public static let post = Code(0, 2)
    public static let put = Code(0, 3)
    public static let delete = Code(0, 4)
    /// RFC 8132.
    public static let fetch = Code(0, 5)
    public static let patch = Code(0, 6)
    public static let iPatch = Code(0, 7)

    public static let created = Code(2, 1)
    public static let deleted = Code(2, 2)
    public static let valid = Code(2, 3)
    public static let changed = Code(2, 4)
    public static let content = Code(2, 5)
    /// RFC 7959.
    public static let `continue` = Code(2, 31)

    public static let badRequest = Code(4, 0)
    public static let unauthorized = Code(4, 1)
    public static let badOption = Code(4, 2)
    public static let forbidden = Code(4, 3)
    public static let notFound = Code(4, 4)
    public static let methodNotAllowed = Code(4, 5)
    public static let notAcceptable = Code(4, 6)
    /// RFC 7959.
    public static let requestEntityIncomplete = Code(4, 8)
    /// RFC 8132.
    public static let conflict = Code(4, 9)
    public static let preconditionFailed = Code(4, 12)
    public static let requestEntityTooLarge = Code(4, 13)
    public static let unsupportedContentFormat = Code(4, 15)
    /// RFC 8132.
    public static let unprocessableEntity = Code(4, 22)
    /// RFC 8516.
    public static let tooManyRequests = Code(4, 29)

    public static let internalServerError = Code(5, 0)
    public static let notImplemented = Code(5, 1)
    public static let badGateway = Code(5, 2)
    public static let serviceUnavailable = Code(5, 3)
    public static let gatewayTimeout = Code(5, 4)
    public static let proxyingNotSupported = Code(5, 5)
    /// RFC 8768.
    public static let hopLimitReached = Code(5, 8)
}
