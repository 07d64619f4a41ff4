extension MSC3079 {
    private struct ShortPath: Sendable {
        let code: String
        let parts: [Endpoint.Part]
    }

    /// As written: these paths have one version only.
    private static let shortPaths: [ShortPath] = pathLines.map { line in
        let fields = line.split(separator: " ").map(String.init)
        let parts = fields[1].split(separator: "/", omittingEmptySubsequences: false).dropFirst().map { segment in
            segment.hasPrefix("{") ? Endpoint.Part.variable : .literal(String(segment))
        }
        return ShortPath(code: fields[0], parts: parts)
    }

    /// `/_matrix/client/r0/sync` as `/7`, variables behind in their order and as they stand; nil where the table has no code
    /// for a path, which then goes in full.
    public static func shortPath(of path: String) -> String? {
        guard path.hasPrefix("/") else { return nil }
        let segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map(String.init)
        search: for short in shortPaths where short.parts.count == segments.count {
            var text = "/" + short.code
            for (part, segment) in zip(short.parts, segments) {
                switch part {
                case .literal(let literal), .version(let literal):
                    guard literal.hasSameUTF8(as: segment) else { continue search }
                case .variable: text += "/" + segment
                }
            }
            return text
        }
        return nil
    }

    /// The path that a short one stands for. A full path stands for itself; nil: an unknown code, or another number of
    /// variables than it has.
    public static func fullPath(of path: String) -> String? {
        if path.hasPrefix("/_matrix/") || path.hasPrefix("/.well-known/") { return path }
        let segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map(String.init)
        guard path.hasPrefix("/"), let code = segments.first,
            let short = shortPaths.first(where: { $0.code.hasSameUTF8(as: code) })
        else { return nil }
        var variables = segments.dropFirst()
        var full = ""
        for part in short.parts {
            switch part {
            case .literal(let literal), .version(let literal): full += "/" + literal
            case .variable:
                guard let variable = variables.popFirst() else { return nil }
                full += "/" + variable
            }
        }
        return variables.isEmpty ? full : nil
    }
}
