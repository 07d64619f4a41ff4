/// The number of a CoAP option (RFC 7252 section 5.10 and 12.2).
public struct OptionNumber: Equatable, Hashable, Comparable, Sendable {
    public var rawValue: UInt16

    public init(_ rawValue: UInt16) {
        self.rawValue = rawValue
    }

    /// A message with a critical option that is not understood is refused; an elective one is ignored
    /// (RFC 7252 section 5.4.1).
    public var isCritical: Bool { rawValue & 1 == 1 }

    public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }

    public static let ifMatch = OptionNumber(1)
    public static let uriHost = OptionNumber(3)
    public static let eTag = OptionNumber(4)
    public static let ifNoneMatch = OptionNumber(5)
    /// RFC 7641.
    public static let observe = OptionNumber(6)
    public static let uriPort = OptionNumber(7)
    public static let locationPath = OptionNumber(8)
    public static let uriPath = OptionNumber(11)
    public static let contentFormat = OptionNumber(12)
    public static let maxAge = OptionNumber(14)
    public static let uriQuery = OptionNumber(15)
    public static let accept = OptionNumber(17)
    /// RFC 8768.
    public static let hopLimit = OptionNumber(16)
    /// RFC 9177.
    public static let qBlock1 = OptionNumber(19)
    public static let locationQuery = OptionNumber(20)
    /// RFC 7959.
    public static let block2 = OptionNumber(23)
    public static let block1 = OptionNumber(27)
    public static let size2 = OptionNumber(28)
    /// RFC 9177.
    public static let qBlock2 = OptionNumber(31)
    public static let proxyURI = OptionNumber(35)
    public static let proxyScheme = OptionNumber(39)
    public static let size1 = OptionNumber(60)
    /// RFC 9175.
    public static let echo = OptionNumber(252)
    /// RFC 7967.
    public static let noResponse = OptionNumber(258)
    /// RFC 9175.
    public static let requestTag = OptionNumber(292)
}

/// One option of a CoAP message; repeatable options stand several times.
public struct MessageOption: Equatable, Sendable {
    public var number: OptionNumber
    public var value: [UInt8]

    public init(_ number: OptionNumber, _ value: [UInt8]) {
        self.number = number
        self.value = value
    }

    /// An option of format `uint`: big-endian without leading zero bytes, zero is empty (RFC 7252 section 3.2).
    public init(_ number: OptionNumber, uint value: UInt64) {
        var bytes: [UInt8] = []
        var shift = 56
        while shift >= 0 {
            let byte = UInt8(truncatingIfNeeded: value >> UInt64(shift))
            if !bytes.isEmpty || byte != 0 { bytes.append(byte) }
            shift -= 8
        }
        self.init(number, bytes)
    }

    /// The value read as `uint`; nil when it is longer than 8 bytes. Leading zeros are accepted
    /// (RFC 7252 section 3.2: "A recipient MUST be prepared to process values with leading zero bytes").
    public var uint: UInt64? {
        var result: UInt64 = 0
        for byte in value {
            guard result >> 56 == 0 else { return nil }
            result = result << 8 | UInt64(byte)
        }
        return result
    }
}
