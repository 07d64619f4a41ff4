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

    /// The variables of the path, by their names in the table of endpoints; empty for an unknown target.
    public var pathVariables: [(name: String, value: String)] {
        guard case .endpoint(let number, _, _, let variables, _) = RequestTarget(method: method, target: target).form,
            let endpoint = CompactTables.endpoints[UInt64(number)]
        else { return [] }
        return zip(endpoint.variables, variables).map { (name: $0.0, value: $0.1) }
    }

    /// Of a known target.
    public var queryParameters: [(name: String, value: String)] {
        guard case .endpoint(_, _, _, _, let query) = RequestTarget(method: method, target: target).form else {
            return []
        }
        return (query ?? []).map { (name: $0.name, value: $0.value) }
    }

    /// The same with other values in path and query, spelled in the same way. `change` gets name and value.
    public func changing(_ change: (String, String) -> String) -> CompactRequest {
        let form = RequestTarget(method: method, target: target).form
        guard case .endpoint(let number, let version, let style, let variables, let query) = form,
            let endpoint = CompactTables.endpoints[UInt64(number)]
        else { return self }
        let changed = RequestTarget.Form.endpoint(
            number: number, version: version, style: style,
            variables: zip(endpoint.variables, variables).map { change($0.0, $0.1) },
            query: query?.map { RequestTarget.Parameter(name: $0.name, value: change($0.name, $0.value)) })
        return CompactRequest(method: method, target: RequestTarget.spell(changed) ?? target, body: body)
    }

    /// Path and query as on a request line; what must be escaped in the query is.
    public static func target(path: String, query: [(name: String, value: String)]) -> String {
        guard !query.isEmpty else { return path }
        return path + "?"
            + query.map {
                PercentStyle.segment.encode($0.name, isQuery: true) + "="
                    + PercentStyle.segment.encode($0.value, isQuery: true)
            }.joined(separator: "&")
    }
}
