import CoAP
import ConformanceSite
import TestSupport
import Testing

/// What the ETSI test descriptions (TD_COAP_...) ask of a server's resources, over the server's machine.
@Suite("The resources that checkers of conformance ask for")
struct ConformanceSiteTests {
    private var server = DatagramTableTests.server()
    private var messageID: UInt16 = 0
    private var now: Int64 = 0

    private static func segments(_ path: String) -> [MessageOption] {
        path.split(separator: "/").map { MessageOption(.uriPath, Array($0.utf8)) }
    }

    private mutating func exchange(
        _ method: Code, _ path: String, _ options: [MessageOption] = [], payload: String = "",
        type: MessageType = .confirmable, token: [UInt8] = [1], from address: Int = 1
    ) throws -> [Message] {
        messageID += 1
        let message = Message(
            type: type, code: method, messageID: messageID, token: token, options: Self.segments(path) + options,
            payload: Array(payload.utf8))
        _ = server.receive(try message.encoded(), from: address, now: now)
        return try sent()
    }

    private mutating func ask(
        _ method: Code, _ path: String, _ options: [MessageOption] = [], payload: String = "",
        type: MessageType = .confirmable
    ) throws -> Message {
        let answers = try exchange(method, path, options, payload: payload, type: type)
        try #require(answers.count == 1)
        #expect(answers[0].type == (type == .confirmable ? .acknowledgement : .nonConfirmable))
        return answers[0]
    }

    private mutating func sent() throws -> [Message] {
        defer { server.outgoing = [] }
        return try server.outgoing.map { try Message(decoding: $0.bytes) }
    }

    private mutating func pass(_ seconds: Int64) throws -> [Message] {
        let end = now + seconds * 1_000_000_000
        var messages: [Message] = []
        while server.deadline <= end {
            now = max(now, server.deadline)
            server.handleTimeout(now: now)
            let new = try sent()
            messages += new
            for message in new where message.type == .confirmable {
                _ = server.receive(try Message.empty(.acknowledgement, message.messageID).encoded(), from: 1, now: now)
            }
        }
        now = end
        return messages
    }

    private static let text = MessageOption(.contentFormat, uint: 0)

    @Test(
        "CORE_01 to 08, 10, 12: each method of /test, confirmable and not",
        arguments: [MessageType.confirmable, .nonConfirmable])
    mutating func methods(type: MessageType) throws {
        for _ in 0..<2 {
            let got = try ask(.get, "test", type: type)
            #expect(got.code == .content && !got.payload.isEmpty && got.option(.contentFormat) != nil)
            #expect(try ask(.put, "test", [Self.text], payload: "new", type: type).code == .changed)
            #expect(try ask(.get, "test", type: type).payload == Array("new".utf8))
            #expect(try ask(.post, "test", [Self.text], payload: "x", type: type).code == .created)
            #expect(try ask(.delete, "test", type: type).code == .deleted)
        }
    }

    @Test(
        "CORE_09, 11, 17: /separate is acknowledged at once and answered a second later; unconfirmed it is answered only"
    )
    mutating func separate() throws {
        #expect(try exchange(.get, "separate").map(\.code) == [.empty])
        let answers = try pass(3).filter { $0.code == .content }
        #expect(answers.map(\.type) == [.confirmable])
        #expect(answers.first?.token == [1] && answers.first?.option(.contentFormat) != nil)
        #expect(try exchange(.get, "separate", type: .nonConfirmable) == [])
        #expect(try pass(3).filter { $0.code == .content }.map(\.type) == [.nonConfirmable])
    }

    @Test("CORE_13, 14: several segments, several queries")
    mutating func uris() throws {
        #expect(try ask(.get, "seg1/seg2/seg3").payload == Array("/seg1/seg2/seg3".utf8))
        #expect(try ask(.get, "seg1/seg2").code == .notFound)
        let queries = ["first=1", "second=2", "third=3"].map { MessageOption(.uriQuery, Array($0.utf8)) }
        #expect(try ask(.get, "query", queries).payload == Array("/query?first=1&second=2&third=3".utf8))
    }

    @Test("CORE_18, 19, 24, 25: where what was created is located", arguments: ["test", "create2"])
    mutating func locations(path: String) throws {
        let created = try ask(.post, path, [Self.text], payload: "made")
        #expect(created.code == .created)
        let location = created.options.filter { $0.number == .locationPath }.map {
            String(decoding: $0.value, as: UTF8.self)
        }
        #expect(location == ["location1", "location2", "location3"])
        #expect(try ask(.get, location.joined(separator: "/")).payload == Array("made".utf8))
        let queried = try ask(.post, "location-query", [Self.text], payload: "x")
        #expect(queried.code == .created)
        #expect(
            queried.options.filter { $0.number == .locationQuery }.map(\.value) == [
                Array("first=1".utf8), Array("second=2".utf8),
            ])
    }

    @Test("CORE_20, 26: the format that is accepted, or 4.06")
    mutating func formats() throws {
        for format in [0, 41, 50, 60] as [UInt64] {
            let answer = try ask(.get, "multi-format", [MessageOption(.accept, uint: format)])
            #expect(answer.code == .content && answer.option(.contentFormat)?.uint == format && !answer.payload.isEmpty)
        }
        #expect(try ask(.get, "multi-format", [MessageOption(.accept, uint: 42)]).code == .notAcceptable)
        #expect(try ask(.get, "time", [MessageOption(.accept, uint: 41)]).code == .notAcceptable)
    }

    @Test("CORE_21, 22, 27, 29: ETag, If-Match and Max-Age of /validate")
    mutating func validation() throws {
        let first = try ask(.get, "validate")
        let tag = try #require(first.option(.eTag))
        #expect(first.option(.maxAge)?.uint == 30)
        let valid = try ask(.get, "validate", [tag])
        #expect(valid.code == .valid && valid.payload.isEmpty && valid.option(.eTag) == tag)
        #expect(valid.option(.maxAge)?.uint == 30)
        let match = MessageOption(.ifMatch, tag.value)
        #expect(try ask(.put, "validate", [match, Self.text], payload: "second").code == .changed)
        let second = try ask(.get, "validate", [tag])
        #expect(second.code == .content && second.option(.eTag) != tag && second.payload == Array("second".utf8))
        #expect(try ask(.put, "validate", [match, Self.text], payload: "third").code == .preconditionFailed)
        #expect(try ask(.get, "validate").payload == Array("second".utf8))
    }

    @Test("CORE_23, 28: created once by If-None-Match, then 4.12", arguments: ["create1", "create3"])
    mutating func creation(path: String) throws {
        #expect(try ask(.get, path).code == .notFound)
        let none = MessageOption(.ifNoneMatch, [])
        #expect(try ask(.put, path, [none, Self.text], payload: "a").code == .created)
        #expect(try ask(.put, path, [none, Self.text], payload: "b").code == .preconditionFailed)
        #expect(try ask(.get, path).payload == Array("a".utf8))
        #expect(try ask(.put, path, [Self.text], payload: "c").code == .changed)
        #expect(try ask(.delete, path).code == .deleted)
        #expect(try ask(.put, path, [none, Self.text], payload: "d").code == .created)
    }

    @Test("a condition holds or fails with any method, whatever the resource (RFC 7252 section 5.10.8)")
    mutating func conditions() throws {
        let exists = MessageOption(.ifMatch, [])
        #expect(try ask(.get, "time", [exists]).code == .content)
        #expect(try ask(.get, "time", [MessageOption(.ifMatch, [1, 2])]).code == .preconditionFailed)
        #expect(try ask(.get, "time", [MessageOption(.ifNoneMatch, [])]).code == .preconditionFailed)
        #expect(try ask(.get, "nowhere", [exists]).code == .preconditionFailed)
        #expect(try ask(.get, "nowhere", [MessageOption(.ifNoneMatch, [])]).code == .notFound)
        #expect(try ask(.put, "create1", [exists, Self.text], payload: "x").code == .preconditionFailed)
        #expect(try ask(.get, "create1").code == .notFound)
    }

    @Test("a body of a format that a method cannot read is a 4.15 (RFC 8132), one that it can is run")
    mutating func unreadable() throws {
        for method in [Code.fetch, .patch, .iPatch] {
            let unknown = try ask(method, "test", [MessageOption(.contentFormat, uint: 65_000)], payload: "x")
            #expect(unknown.code == .unsupportedContentFormat)
            #expect(try ask(method, "test", [Self.text], payload: "x").code.isSuccess)
        }
    }

    @Test("BLOCK_04: each large body that is posted has a place of its own below, where it is to be had")
    mutating func largeCreation() throws {
        var places: Set<String> = []
        for text in ["one", "two"] {
            let created = try ask(.post, "large-create", [Self.text], payload: text)
            #expect(created.code == .created)
            let location = created.options.filter { $0.number == .locationPath }
                .map { String(decoding: $0.value, as: UTF8.self) }
            #expect(location.count == 2 && location.first == "large-create")
            #expect(try ask(.get, location.joined(separator: "/")).payload == Array(text.utf8))
            places.insert(location.joined(separator: "/"))
        }
        #expect(places.count == 2)
        for _ in 0..<20 { _ = try ask(.post, "large-create", [Self.text], payload: "x") }
        // The oldest have made room.
        for place in places { #expect(try ask(.get, place).code == .notFound) }
    }

    private static let register = MessageOption(.observe, [])

    @Test("OBS_01, 02, 10, 12: states every five seconds until they are declined", arguments: ["obs", "obs-non"])
    mutating func observing(path: String) throws {
        let type: MessageType = path == "obs" ? .confirmable : .nonConfirmable
        let first = try #require(try exchange(.get, path, [Self.register], type: type, token: [7]).first)
        #expect(first.code == .content && first.option(.observe) != nil && first.option(.maxAge)?.uint == 5)
        // Another request does not end it.
        #expect(try exchange(.get, path, token: [8]).first?.option(.observe) == nil)
        let states = try pass(21)
        #expect(states.count == 4)
        #expect(states.allSatisfy { $0.type == type && $0.token == [7] && $0.option(.contentFormat)?.uint == 0 })
        let numbers = states.compactMap { $0.option(.observe)?.uint }
        #expect(numbers == numbers.sorted() && Set(numbers).count == 4)
        #expect(Set(states.map(\.payload)).count == 4)
        let end = try exchange(.get, path, [MessageOption(.observe, [1])], token: [7])
        #expect(end.first?.code == .content && end.first?.option(.observe) == nil)
        #expect(try pass(20) == [])
    }

    @Test("OBS_04: observers are forgotten without a word, and register anew under the same token")
    mutating func forgetting() throws {
        _ = try exchange(.get, "obs", [Self.register], token: [7])
        #expect(try ask(.post, "obs-reset", payload: "wrong").code == .forbidden)
        #expect(try pass(5).count == 1)
        #expect(try ask(.post, "obs-reset", payload: "sesame").code == .changed)
        #expect(try pass(20) == [])
        #expect(try exchange(.get, "obs", [Self.register], token: [7]).first?.option(.observe) != nil)
        #expect(try pass(5).count == 1)
    }

    @Test("OBS_07, 08, 09: deleted, changed to another format, changed")
    mutating func changes() throws {
        for (method, format, payload, code) in [
            (Code.put, 0, "new", Code.content), (.put, 41, "<x/>", .notAcceptable), (.delete, 0, "", .notFound),
            (.put, 0, "newer", .content),
        ] as [(Code, UInt64, String, Code)] {
            let first = try exchange(.get, "obs", [Self.register], token: [7]).first
            #expect(first?.code == .content && first?.option(.contentFormat)?.uint == 0)
            let answers = try exchange(
                method, "obs", [MessageOption(.contentFormat, uint: format)], payload: payload, token: [9])
            let told = try #require(answers.first { $0.token == [7] })
            #expect(told.type == .confirmable && told.code == code)
            #expect((told.option(.observe) != nil) == (code == .content))
            if code == .content { #expect(told.payload == Array(payload.utf8)) }
            _ = server.receive(try Message.empty(.acknowledgement, told.messageID).encoded(), from: 1, now: now)
            #expect(try pass(11).count == (code == .content ? 2 : 0))
            _ = try exchange(.get, "obs", [MessageOption(.observe, [1])], token: [7])
        }
    }

    @Test("OBS_13, 14: large states, and states that are large by turns, begin with their first block")
    mutating func largeStates() throws {
        for (path, isMixed) in [("obs-large", false), ("obs-pumping", true)] {
            _ = try exchange(.get, path, [Self.register], token: [7])
            let states = try pass(20)
            #expect(states.count == 4)
            var sizes: Set<Bool> = []
            for state in states {
                let block = state.option(.block2).flatMap { BlockOption($0) }
                sizes.insert(block != nil)
                guard let block else { continue }
                #expect(block.number == 0 && block.more && state.payload.count == block.size)
            }
            #expect(sizes == (isMixed ? [true, false] : [true]))
            _ = try exchange(.get, path, [MessageOption(.observe, [1])], token: [7])
        }
    }

    @Test(
        "LINK_01 to 09: what each filter selects",
        arguments: [
            ("rt=Type1", ["/link1", "/link3"]), ("rt=Type2", ["/link1", "/link2"]),
            ("if=If*", ["/link1", "/link2"]), ("if=foo", ["/link3"]), ("href=/link1", ["/link1"]),
            ("href=/link*", ["/link1", "/link2", "/link3"]), ("sz=*", ["/large", "/large-update"]),
            ("ct=40", ["/path"]), ("rt=Type1 Type2", ["/link1"]), ("nothing=1", []), ("nothing", []),
        ] as [(String, [String])])
    mutating func links(filter: String, paths: [String]) throws {
        let answer = try ask(.get, ".well-known/core", [MessageOption(.uriQuery, Array(filter.utf8))])
        #expect(answer.code == .content && answer.option(.contentFormat)?.uint == 40)
        let text = String(decoding: answer.payload, as: UTF8.self)
        #expect(
            text.split(separator: ",").compactMap { $0.split(separator: ">").first?.dropFirst() }.map(String.init)
                == paths)
    }

    @Test("rt=* selects what has the attribute; /path lists what is below it, each with its name for a body")
    mutating func hierarchy() throws {
        let typed = try ask(.get, ".well-known/core", [MessageOption(.uriQuery, Array("rt=*".utf8))])
        let links = String(decoding: typed.payload, as: UTF8.self).split(separator: ",")
        #expect(links.count >= 3 && links.allSatisfy { $0.contains(";rt=") })
        let path = try ask(.get, "path")
        #expect(path.option(.contentFormat)?.uint == 40)
        #expect(String(decoding: path.payload, as: UTF8.self) == "</path/sub1>,</path/sub2>,</path/sub3>")
        #expect(try ask(.get, "path/sub1").payload == Array("/path/sub1".utf8))
    }
}
