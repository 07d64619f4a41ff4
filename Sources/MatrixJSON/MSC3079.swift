/// CBOR with the integer keys of MSC3079 (github.com/matrix-org/matrix-spec-proposals/pull/3079), table version 1, for peers
/// that ask for it.
public enum MSC3079 {
    public static let tableVersion = 1

    static let keys = StringTable(keyNames, first: 1)

    public static func encode(_ value: JSONValue) -> [UInt8] {
        var writer = CBORHeadWriter()
        write(value, to: &writer)
        return writer.bytes
    }

    /// One CBOR item and nothing after it.
    ///
    /// Where a key stands both as text and as its number, the text's value counts. An integer that the table has not is
    /// refused: its meaning cannot be guessed. Text of digits is text.
    ///
    /// - Parameter takesIntegralFloatsAsIntegers: the only other implementation (matrix-org/lb) sends every number as a
    ///   float, and a homeserver refuses events with floats.
    public static func decode(
        _ bytes: [UInt8], limits: DocumentLimits = .standard, takesIntegralFloatsAsIntegers: Bool = true
    ) throws(CBORCodecError) -> JSONValue {
        var decoder = CBORDecoder(
            bytes, limits: limits, keys: keys, takesIntegralFloatsAsIntegers: takesIntegralFloatsAsIntegers)
        return try decoder.document()
    }

    private static func write(_ value: JSONValue, to writer: inout CBORHeadWriter) {
        switch value {
        case .array(let items):
            writer.array(items.count)
            for item in items { write(item, to: &writer) }
        case .object(let object):
            writer.map(object.count)
            for member in object.members {
                if let number = keys.number(of: member.key) {
                    writer.unsigned(UInt64(number))
                } else {
                    writer.text(member.key)
                }
                write(member.value, to: &writer)
            }
        case .null: writer.null()
        case .bool(let value): writer.bool(value)
        case .integer(let value): writer.integer(value)
        case .double(let value): writer.double(value)
        case .string(let value): writer.text(value)
        }
    }
}
