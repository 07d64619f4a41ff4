extension JSONValue {
    /// Compact JSON in UTF-8, members in their order.
    public var jsonBytes: [UInt8] {
        var emitter = JSONEmitter()
        emitter.write(self)
        return emitter.bytes
    }

    /// Compact JSON, members in their order.
    public var jsonText: String {
        String(decoding: jsonBytes, as: UTF8.self)
    }

    /// Canonical JSON (Matrix specification, appendices, "Canonical JSON"): what signatures and hashes are made over.
    ///
    /// - Throws: where the first float or too large an integer stands, by its path from the document.
    public func canonicalJSON() throws(NumberFault) -> [UInt8] {
        if let fault = firstNumberFault(root: "") { throw fault }
        var emitter = JSONEmitter(sortsKeys: true)
        emitter.write(self)
        return emitter.bytes
    }
}
