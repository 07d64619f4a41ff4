/// An HTTP request of the Matrix APIs in compact form, without headers: who asks is known from elsewhere.
///
/// Behind the target stands the body, where there is one. Method and path are one number, versions other than the one of the
/// table cost a byte, and so does a query. A target that does not come back byte for byte this way travels as text.
public struct CompactRequest: Equatable, Sendable {
    public var method: String
    /// Path and query, as on the request line.
    public var target: String
    public var body: JSONValue?

    public init(method: String, target: String, body: JSONValue? = nil) {
        self.method = method
        self.target = target
        self.body = body
    }

    public func encoded(compresses: Bool = true) -> [UInt8] {
        let target = RequestTarget(method: method, target: target)
        return CompactCodec.encode(compresses: compresses) { encoder in
            target.write(to: &encoder)
            if let body { encoder.write(body) }
        }
    }

    /// What the compressor gets to see; see `CompactCodec.compressedPart`.
    public var compressedPart: [UInt8] {
        var encoder = CompactEncoder(splits: true)
        RequestTarget(method: method, target: target).write(to: &encoder)
        if let body { encoder.write(body) }
        return encoder.structure
    }

    public init(decoding bytes: [UInt8], limits: DocumentLimits = .standard) throws(CBORCodecError) {
        var decoder = try CompactCodec.decoder(bytes, limits: limits)
        let found = try RequestTarget(from: &decoder)
        method = found.method
        target = found.target
        body = decoder.isAtEnd ? nil : try decoder.value()
        try decoder.finish()
    }

    /// Whether the bodies of this request and its answer may only be compressed with the static dictionary, never with what
    /// other messages taught: they carry passwords, tokens or keys. True for everything unknown.
    public var isAlone: Bool {
        guard case .endpoint(let number, _, _, _, _) = RequestTarget(method: method, target: target).form else {
            return true
        }
        return CompactTables.endpoints[UInt64(number)]?.isAlone ?? true
    }
}
