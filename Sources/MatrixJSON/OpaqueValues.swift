/// The gateway's side of opaque names: puts names in the place of tokens before an answer travels, and tokens in the place of
/// names in requests. What it holds is to be on disk before the answer leaves, as the token itself would be at a client.
public struct OpaqueValues: Sendable {
    private let session: String
    private var tokens: [OpaqueName: String] = [:]

    /// Keys of tokens that only the homeserver reads.
    static let keys: Set<String> = ["next_batch", "prev_batch", "access_token", "refresh_token", "filter_id"]
    static let parameters: Set<String> = ["since", "from", "to", "filter", "access_token"]

    public init(session: String) {
        self.session = session
    }

    /// - Parameter frame: the one that the answer will travel in.
    public mutating func hide(_ answer: JSONValue, frame: UInt64) -> JSONValue {
        var place = 0
        return hide(answer, frame, &place)
    }

    private mutating func hide(_ value: JSONValue, _ frame: UInt64, _ place: inout Int) -> JSONValue {
        switch value {
        case .array(let items):
            var hidden: [JSONValue] = []
            for item in items { hidden.append(hide(item, frame, &place)) }
            return .array(hidden)
        case .object(var object):
            for member in object.members {
                if case .string(let token) = member.value, Self.keys.contains(member.key) {
                    guard place < Int(OpaqueName.places) else { continue }
                    let name = OpaqueName(session: session, frame: frame, place: place)
                    tokens[name] = token
                    object[member.key] = .string(name.text)
                    place += 1
                } else {
                    switch member.value {
                    case .array, .object: object[member.key] = hide(member.value, frame, &place)
                    default: break
                    }
                }
            }
            return .object(object)
        default: return value
        }
    }

    /// Names in the query of a request become tokens again; what is no name stays.
    public func reveal(_ request: CompactRequest) -> CompactRequest {
        request.changing { name, value in Self.parameters.contains(name) ? token(value) ?? value : value }
    }

    /// Names under the keys of tokens become these again.
    public func reveal(_ value: JSONValue) -> JSONValue {
        switch value {
        case .array(let items): return .array(items.map(reveal))
        case .object(let object):
            return .object(
                JSONObject(
                    object.members.map { member in
                        if case .string(let text) = member.value, Self.keys.contains(member.key) {
                            return JSONObject.Member(key: member.key, value: .string(token(text) ?? text))
                        }
                        return JSONObject.Member(key: member.key, value: reveal(member.value))
                    }))
        default: return value
        }
    }

    /// What a name stands for; nil: not a name of this session, or forgotten.
    public func token(_ text: String) -> String? {
        OpaqueName(text, session: session).flatMap { tokens[$0] }
    }

    /// Tokens of frames that no client can come back to.
    public mutating func forget(before frame: UInt64) {
        tokens = tokens.filter { $0.key.frame >= frame }
    }
}
