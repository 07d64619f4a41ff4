extension CompactRequest {
    /// Messages that may be one another's context: the same account (which has a memory of its own), direction, endpoint and
    /// variables, which say the room. nil: none, since they carry secrets or tell of several rooms.
    var contextKey: String? {
        guard case .endpoint(let number, _, _, let variables, _) = RequestTarget(method: method, target: target).form,
            let endpoint = CompactTables.endpoints[UInt64(number)], !endpoint.isAlone
        else { return nil }
        guard let room = Self.room(in: body ?? .null) else { return nil }
        let names = zip(variables, endpoint.variables).filter { $0.1 != "txnId" }.map(\.0)
        return (["\(number)", room] + names).joined(separator: "\u{0}")
    }

    func answerKey(_ answer: JSONValue) -> String? {
        guard let room = Self.room(in: answer) else { return nil }
        return contextKey.map { $0 + "\u{0}" + room }
    }

    /// The one room that a document of several events tells of; empty: none is named. nil: several.
    private static func room(in document: JSONValue) -> String? {
        var rooms: Set<ExactString> = []
        for section in document["rooms"]?.objectValue?.members ?? [] {
            for member in section.value.objectValue?.members ?? [] { rooms.insert(ExactString(member.key)) }
        }
        for list in ["pdus", "edus", "events", "chunk"] {
            for event in document[list]?.arrayValue ?? [] {
                for holder in [event, event["content"] ?? .null] {
                    if let room = holder["room_id"]?.stringValue { rooms.insert(ExactString(room)) }
                }
            }
        }
        guard rooms.count <= 1 else { return nil }
        return rooms.first?.value ?? ""
    }
}
