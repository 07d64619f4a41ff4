/// Which strings a session remembers: names of rooms, users, events, servers, devices and keys. Both ends decide alike, by
/// what a string is and where it stands, never by how it travels.
enum IdentifierRule {
    /// Where a string stands.
    enum Position {
        /// Under this key, or in an array or nowhere.
        case value(of: String?)
        case key
        /// A variable of a path.
        case variable
        /// Where secrets, opaque values or nothing to remember stand.
        case elsewhere
    }

    static func isIdentifier(_ text: String, _ position: Position) -> Bool {
        let utf8 = text.utf8
        guard utf8.count >= 4, utf8.count <= 255, let first = utf8.first else { return false }
        switch position {
        case .elsewhere: return false
        case .variable: return true
        case .value(let key?) where keys.contains(key): return true
        case .value, .key: break
        }
        var hasMark = false
        for byte in utf8 {
            if byte <= 0x20 { return false }
            if byte == UInt8(ascii: ":") { hasMark = true }
            if case .key = position, byte == UInt8(ascii: ".") { hasMark = true }
        }
        switch first {
        case UInt8(ascii: "$"), UInt8(ascii: "!"): return hasMark || utf8.count == 44
        case UInt8(ascii: "@"), UInt8(ascii: "#"): return hasMark
        default:
            if case .key = position { return hasMark }
            return false
        }
    }

    /// Keys whose strings are names, whatever they look like.
    private static let keys: Set<String> = [
        "type", "device_id", "sender_key", "session_id", "origin", "destination", "home_server", "server_name",
        "base_url", "algorithm", "edu_type", "event_type", "rel_type",
    ]
}
