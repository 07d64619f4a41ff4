import Testing

@testable import MatrixJSON

@Suite("The static dictionary")
struct DictionaryTests {
    /// Users, servers, rooms, events and tokens of a document, and the parts that their ids are made of.
    private func names(in value: JSONValue, into names: inout Set<String>) {
        switch value {
        case .string(let text):
            guard let first = text.first, "@!$#".contains(first) || text.hasPrefix("sy") else { return }
            names.insert(text)
            for part in text.dropFirst().split(separator: ":") where part.utf8.count >= 4 { names.insert(String(part)) }
        case .array(let items): for item in items { self.names(in: item, into: &names) }
        case .object(let object):
            for member in object.members {
                self.names(in: .string(member.key), into: &names)
                self.names(in: member.value, into: &names)
            }
        default: break
        }
    }

    @Test("nothing of the users, servers, rooms and tokens of what it was trained on is in it")
    func holdsNoNames() throws {
        var names: Set<String> = []
        for body in try (FixtureFiles.homeserver() + FixtureFiles.measured()).flatMap(\.bodies) {
            self.names(in: body.value, into: &names)
        }
        #expect(names.count > 200)
        #expect(names.contains("hs1.test") && names.contains("alice"))
        // "@room" is the pattern of a push rule.
        names.remove("room")
        let text = String(decoding: CompactDictionary.bytes.map { $0 < 128 ? $0 : 0 }, as: UTF8.self)
        #expect(names.filter { text.contains($0) } == [])
        #expect(text.contains("temperature"))
        #expect(CompactDictionary.bytes.count <= 4_096)
    }

    @Test("the common answers are nearly all dictionary")
    func commonAnswers() {
        // 32 bytes of the id itself, and as much as three for the rest.
        let eventID: JSONValue = ["event_id": "$gWNCLdGpI1Sg-6Wn_uJyDbcJlmMrlCjKBm9nXB6FqXM"]
        #expect(CompactCodec.encode(eventID).count <= 37)
        let limited: JSONValue = ["errcode": "M_LIMIT_EXCEEDED", "error": "Too Many Requests", "retry_after_ms": 2_000]
        #expect(CompactCodec.encode(limited).count <= 8)
    }
}
