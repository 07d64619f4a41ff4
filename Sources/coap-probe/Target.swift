import CoAP

/// What a coap URI names, taken apart (RFC 7252 section 6.4), without percent-encoding.
struct Target {
    var host: String
    var port = "5683"
    var options: [MessageOption] = []

    init?(_ uri: String) {
        guard uri.hasPrefix("coap://") else { return nil }
        let rest = uri.dropFirst("coap://".count)
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        var authority = rest[..<slash]
        if authority.hasPrefix("["), let bracket = authority.firstIndex(of: "]") {
            host = String(authority[authority.index(after: authority.startIndex)..<bracket])
            authority = authority[authority.index(after: bracket)...]
        } else {
            let colon = authority.firstIndex(of: ":") ?? authority.endIndex
            host = String(authority[..<colon])
            authority = authority[colon...]
        }
        guard !host.isEmpty else { return nil }
        if authority.hasPrefix(":") { port = String(authority.dropFirst()) }
        let parts = rest[slash...].split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        if let path = parts.first, path.count > 1 {
            for segment in path.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
                options.append(MessageOption(.uriPath, Array(segment.utf8)))
            }
        }
        if parts.count == 2 {
            for query in parts[1].split(separator: "&") {
                options.append(MessageOption(.uriQuery, Array(query.utf8)))
            }
        }
    }
}
