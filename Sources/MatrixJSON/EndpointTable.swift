/// Finds the endpoint that a request goes to.
struct EndpointTable: Sendable {
    private let endpoints: [Endpoint]
    /// Numbers by method and count of segments, those with more literals first.
    private let candidates: [String: [Int]]

    init(_ endpoints: [Endpoint]) {
        self.endpoints = endpoints
        var candidates: [String: [Int]] = [:]
        for (number, endpoint) in endpoints.enumerated() {
            candidates["\(endpoint.method) \(endpoint.parts.count)", default: []].append(number)
        }
        for key in candidates.keys {
            candidates[key]?.sort { endpoints[$0].literalCount > endpoints[$1].literalCount }
        }
        self.candidates = candidates
    }

    var count: Int { endpoints.count }

    subscript(number: UInt64) -> Endpoint? {
        guard let number = Int(exactly: number), endpoints.indices.contains(number) else { return nil }
        return endpoints[number]
    }

    /// The endpoint with the same version where there is one, otherwise one that differs in the version alone.
    func match(method: String, segments: [String]) -> (number: Int, version: String?)? {
        var other: (number: Int, version: String?)?
        for number in candidates["\(method) \(segments.count)"] ?? [] {
            guard let version = Self.match(endpoints[number], segments) else { continue }
            if version == endpoints[number].version { return (number, version) }
            if other == nil { other = (number, version) }
        }
        return other
    }

    /// nil: no match; otherwise the version segment, where the endpoint has one.
    private static func match(_ endpoint: Endpoint, _ segments: [String]) -> String?? {
        var version: String?
        for (part, segment) in zip(endpoint.parts, segments) {
            switch part {
            case .literal(let literal): if literal != segment { return .none }
            case .version:
                guard Endpoint.versions.contains(segment) else { return .none }
                version = segment
            case .variable: break
            }
        }
        return .some(version)
    }
}
