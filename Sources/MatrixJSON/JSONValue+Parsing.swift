extension JSONValue {
    /// Parses a JSON text (RFC 8259) in UTF-8.
    ///
    /// Of equal keys the last one counts, as with Synapse. `-0` is the integer 0. An integer beyond 64 bits is refused rather
    /// than rounded. Lone surrogates are refused.
    public init(parsing bytes: [UInt8], limits: DocumentLimits = .standard) throws(JSONError) {
        var parser = JSONParser(bytes, limits: limits)
        self = try parser.document()
    }

    public init(parsing text: String, limits: DocumentLimits = .standard) throws(JSONError) {
        try self.init(parsing: [UInt8](text.utf8), limits: limits)
    }
}
