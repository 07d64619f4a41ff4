/// Why CBOR from outside has no JSON form, and where.
public struct CBORCodecError: Error, Equatable, Sendable {
    public enum Reason: Equatable, Sendable {
        /// The bytes end before the item does, or containers declare more items than bytes are left.
        case truncated
        /// Something follows the item.
        case trailingBytes
        /// A head longer than its argument needs (RFC 8949 section 4.2.1). Floats may have any width.
        case nonMinimal
        case indefiniteLength
        case tag
        /// JSON has none; text carries base64 where Matrix needs bytes.
        case byteString
        /// `undefined`, an unassigned simple value or a reserved head.
        case unsupported
        case invalidUTF8
        case keyNotText
        case duplicateKey
        /// Outside 64 bits with a sign.
        case integerOutOfRange
        /// An infinity or a NaN.
        case notFinite
        case tooLong
        case tooDeep
        case tooManyValues
        /// No table gives this number a meaning.
        case undefinedNumber
        /// An identifier or an earlier message that this end does not remember: to be answered so, and sent again without.
        case unknownReference
        /// Bytes that no text packs into.
        case packing
        /// No compressed form of a message, or one that holds more than was allowed.
        case compression
    }

    public let reason: Reason
    /// Of the item's first byte.
    public let offset: Int

    init(_ reason: Reason, at offset: Int) {
        self.reason = reason
        self.offset = offset
    }
}

extension CBORCodecError: CustomStringConvertible {
    public var description: String {
        let what =
            switch reason {
            case .truncated: "the bytes end too early"
            case .trailingBytes: "more bytes after the item"
            case .nonMinimal: "a head longer than needed"
            case .indefiniteLength: "an indefinite length"
            case .tag: "a tag"
            case .byteString: "a byte string, which JSON has not"
            case .unsupported: "a simple value that JSON has not"
            case .invalidUTF8: "text that is not UTF-8"
            case .keyNotText: "a key that is not text"
            case .duplicateKey: "a key for the second time"
            case .integerOutOfRange: "an integer beyond 64 bits"
            case .notFinite: "a float that is not finite"
            case .tooLong: "input too long"
            case .tooDeep: "nested too deep"
            case .tooManyValues: "too many values"
            case .undefinedNumber: "a number that the tables do not know"
            case .unknownReference: "a reference to what is not remembered"
            case .packing: "packed text that nobody packs so"
            case .compression: "compressed content that is damaged or too large"
            }
        return "byte \(offset): \(what)"
    }
}
