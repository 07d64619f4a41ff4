/// Compact Matrix: JSON as the fewest bytes that a peer without memory of earlier messages can read.
///
/// A message is compact CBOR, as it is or with its structure compressed. The low three bits of its first byte tell: those of
/// a final deflate block are `011` or `101` (RFC 1951 section 3.2.3, bits counted from the lowest), and `000` stands before
/// CBOR as it is. Behind a compressed structure the contents of its byte strings follow, which do not compress.
public enum CompactCodec {
    /// - Parameter compresses: false where a message is to be readable without a dictionary.
    public static func encode(_ value: JSONValue, compresses: Bool = true) -> [UInt8] {
        encode(compresses: compresses) { $0.write(value) }
    }

    /// A JSON text in UTF-8: the same bytes as its value gives.
    public static func encode(
        json: [UInt8], compresses: Bool = true, limits: DocumentLimits = .standard
    ) throws(JSONError) -> [UInt8] {
        guard let whole = JSONToCompact.encode(json, splits: false, limits: limits) else {
            return encode(try JSONValue(parsing: json, limits: limits), compresses: compresses)
        }
        guard compresses else { return plain(whole) }
        guard let split = JSONToCompact.encode(json, splits: true, limits: limits) else { return plain(whole) }
        return shorter(whole, split)
    }

    /// Compact JSON in UTF-8: the same bytes, and the same refusals, as `decode` gives.
    public static func decodeToJSON(
        _ bytes: [UInt8], limits: DocumentLimits = .standard
    ) throws(CBORCodecError) -> [UInt8] {
        let opened = try CompactForm.open(bytes, frame: 0, contexts: nil, limits: limits)
        if let json = CompactToJSON.decode(opened, limits: limits) { return json }
        return try decode(bytes, limits: limits).jsonBytes
    }

    /// Exactly the value that was encoded; time and memory are bounded by the limits, whatever the bytes claim.
    public static func decode(
        _ bytes: [UInt8], limits: DocumentLimits = .standard
    ) throws(CBORCodecError) -> JSONValue {
        var decoder = try decoder(bytes, limits: limits)
        let value = try decoder.value()
        try decoder.finish()
        return value
    }

    /// The number of a string in the table of values, as error codes travel to devices; nil: it has none.
    public static func number(ofValue text: String) -> UInt16? {
        CompactTables.values.number(of: text).map { UInt16(truncatingIfNeeded: $0) }
    }

    /// What the compressor gets to see of a value: for the making of dictionaries, and for tests of what is not in it.
    public static func compressedPart(of value: JSONValue) -> [UInt8] {
        var encoder = CompactEncoder(splits: true)
        encoder.write(value)
        return encoder.structure
    }

    static func encode(compresses: Bool, _ write: (inout CompactEncoder) -> Void) -> [UInt8] {
        var whole = CompactEncoder(splits: false)
        write(&whole)
        guard compresses else { return plain(whole) }
        var split = CompactEncoder(splits: true)
        write(&split)
        return shorter(whole, split)
    }

    private static func plain(_ whole: CompactEncoder) -> [UInt8] { [CompactForm.plain] + whole.structure }

    private static func shorter(_ whole: CompactEncoder, _ split: CompactEncoder) -> [UInt8] {
        let compressed = Deflate.compress(
            split.structure, with: CompactDictionary.deflate, dictionary: CompactDictionary.bytes)
        guard compressed.count + split.tail.count <= whole.structure.count else { return plain(whole) }
        return compressed + split.tail
    }

    static func decoder(_ bytes: [UInt8], limits: DocumentLimits) throws(CBORCodecError) -> CompactDecoder {
        let opened = try CompactForm.open(bytes, frame: 0, contexts: nil, limits: limits)
        return CompactDecoder(opened.structure, tail: opened.tail, limits: limits)
    }
}
