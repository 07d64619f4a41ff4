/// JSON as CBOR and back, exactly: every value that Matrix allows comes out identical, order of members included.
///
/// Integers become CBOR integers, floats the shortest of half, single and double precision that holds them (RFC 8949 section
/// 4.2.1), never an integer. Lengths are definite and heads the shortest, written and accepted alike.
public enum CBORCodec {
    public static func encode(_ value: JSONValue) -> [UInt8] {
        var encoder = CBOREncoder()
        encoder.write(value)
        return encoder.bytes
    }

    /// A JSON text in UTF-8 as CBOR.
    public static func encode(json: [UInt8], limits: DocumentLimits = .standard) throws(JSONError) -> [UInt8] {
        encode(try JSONValue(parsing: json, limits: limits))
    }

    /// One CBOR item and nothing after it.
    ///
    /// Time and memory are bounded by the input's length, whatever it declares. Refused: indefinite lengths, tags, byte
    /// strings, `undefined`, NaN and infinities, longer heads than needed, keys that are not text or come twice.
    public static func decode(
        _ bytes: [UInt8], limits: DocumentLimits = .standard
    ) throws(CBORCodecError) -> JSONValue {
        var decoder = CBORDecoder(bytes, limits: limits)
        return try decoder.document()
    }

    /// CBOR as compact JSON in UTF-8.
    public static func decodeToJSON(
        _ bytes: [UInt8], limits: DocumentLimits = .standard
    ) throws(CBORCodecError) -> [UInt8] {
        try decode(bytes, limits: limits).jsonBytes
    }
}
