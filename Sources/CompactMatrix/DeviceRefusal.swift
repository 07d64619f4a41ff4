public import CBOR
public import CoAP

/// An error answer as a device wants it: the code, when to try again, and which of Matrix's error codes it was where that is
/// not the usual one of its CoAP code. No text, no options: what there is stands in the payload.
public struct DeviceRefusal: Equatable, Sendable {
    public var code: Code
    /// Seconds to wait before trying again (the meaning of Max-Age with 4.29 and 5.03); nil: not said.
    public var maxAge: UInt32?
    /// The number of an error code in the table of values; nil: none.
    public var errorNumber: UInt16?

    public init(_ code: Code, maxAge: UInt32? = nil, errorNumber: UInt16? = nil) {
        self.code = code
        self.maxAge = maxAge
        self.errorNumber = errorNumber
    }

    /// With the usual error code of its CoAP code.
    public init(usual code: Code, maxAge: UInt32?) {
        self.init(code, maxAge: maxAge, errorNumber: Self.usual(code))
    }

    /// The seconds as an integer from 0 on, then the number as -1 - number where it is not the usual one.
    public var payload: [UInt8] {
        var writer = CBORWriter()
        if let maxAge { writer.unsigned(UInt64(maxAge)) }
        if errorNumber != Self.usual(code) {
            // A number that no table has says that there is none.
            writer.integer(-1 - Int64(errorNumber ?? .max))
        }
        return writer.bytes
    }

    public init(_ code: Code, payload: [UInt8]) throws(CBORError) {
        self.code = code
        errorNumber = Self.usual(code)
        var reader = CBORReader(payload)
        if !reader.isAtEnd, payload[0] >> 5 == 0 {
            let seconds = try reader.unsigned()
            guard let seconds = UInt32(exactly: seconds) else { throw .outOfRange(at: 0) }
            maxAge = seconds
        }
        if !reader.isAtEnd {
            let start = reader.position
            let integer = try reader.integer()
            guard integer < 0, let number = UInt16(exactly: -1 - integer) else { throw .outOfRange(at: start) }
            errorNumber = number == .max ? nil : number
            guard errorNumber != Self.usual(code) else { throw .notShortest(at: start) }
        }
        try reader.finish()
    }

    /// M_LIMIT_EXCEEDED, M_FORBIDDEN, M_NOT_FOUND and M_TOO_LARGE in version 1 of the table of values.
    private static func usual(_ code: Code) -> UInt16? {
        switch code {
        case .tooManyRequests: 18
        case .forbidden: 187
        case .notFound: 192
        case .requestEntityTooLarge: 214
        default: nil
        }
    }
}
