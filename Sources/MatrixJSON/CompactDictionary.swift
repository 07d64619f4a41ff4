/// What the compressor knows beforehand, version 1: shapes of Matrix documents in compact CBOR, made by Tests/Dictionary
/// from the specification's keys and from captured answers without their names, ids and texts. The most frequent shapes
/// stand at the end, where distances are short.
enum CompactDictionary {
    static let version = 1

    static let deflate = FixedDeflate(dictionary: bytes)
}
