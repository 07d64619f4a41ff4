/// A method and a path with variables: a line of the table of endpoints.
struct Endpoint: Sendable {
    enum Part: Equatable, Sendable {
        case literal(String)
        /// `v3` and the like after `/_matrix/client`: the default of a segment that may be another.
        case version(String)
        case variable
    }

    /// Names of the variables, in order.
    let variables: [String]

    let method: String
    let parts: [Part]
    /// Bodies carry secrets: never compressed with what other messages taught.
    let isAlone: Bool

    init(line: String) {
        let fields = line.split(separator: " ").map(String.init)
        method = fields.first ?? ""
        parts = fields.count > 1 ? Self.parts(of: fields[1]) : []
        variables = (fields.count > 1 ? fields[1] : "").split(separator: "/").filter { $0.hasPrefix("{") }
            .map { String($0.dropFirst().dropLast()) }
        isAlone = fields.last == "alone"
    }

    /// Segments after the leading slash; a trailing slash makes a last empty one.
    static func parts(of path: String) -> [Part] {
        let segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map(String.init)
        return segments.enumerated().map { place, segment in
            if segment.hasPrefix("{") { return .variable }
            if place == 2, segments[0] == "_matrix", Self.versions.contains(segment) { return .version(segment) }
            return .literal(segment)
        }
    }

    static let versions = ["r0", "v1", "v2", "v3"]

    var version: String? {
        for case .version(let version) in parts { return version }
        return nil
    }

    var literalCount: Int { parts.count - variables.count }

    /// Whether a variable is a value that the gateway may make itself: a client's transaction id. Those of servers are signed.
    func isOpaque(_ variable: String) -> Bool {
        variable == "txnId" && parts.count > 1 && parts[1] == .literal("client")
    }
}
