import CoAP
import TestSupport
import Testing

@Suite("Which notification is newer, and ends and renewals by the client")
struct NotificationOrderTests {
    private func notification(_ sequence: UInt64, maxAge: UInt64 = 60) -> Response {
        Response(.content, options: [.init(.observe, uint: sequence), .init(.maxAge, uint: maxAge)])
    }

    @Test("by number within half the circle of 24 bits, by time after 128 seconds")
    func order() {
        let second: Int64 = 1_000_000_000
        // Sequence and seconds of the one before; of this one; whether it is newer.
        let rows: [(UInt64, Int64, UInt64, Int64, Bool)] = [
            (1, 0, 2, 0, true), (2, 0, 1, 0, false), (2, 0, 2, 0, false), (0, 0, 0x7F_FFFF, 1, true),
            (0, 0, 0x80_0000, 1, false), (0xFF_FFFF, 0, 0, 1, true), (0x80_0001, 0, 0, 1, true),
            (0x80_0000, 0, 0, 1, false), (9, 0, 3, 128, false), (9, 0, 3, 129, true),
        ]
        for (before, beforeAt, sequence, at, isNewer) in rows {
            var order = NotificationOrder()
            #expect(order.takesPlace(notification(before), now: beforeAt * second) == true)
            #expect(order.takesPlace(notification(sequence), now: at * second) == isNewer, "\(before), \(sequence)")
        }
        var order = NotificationOrder()
        #expect(order.takesPlace(Response(.content), now: 0) == false)
    }

    @Test("to be registered anew Max-Age and 5 to 15 seconds after the newest")
    func renewal() {
        var order = NotificationOrder()
        #expect(order.renewAt(draw: 1) == nil)
        _ = order.takesPlace(notification(1, maxAge: 100), now: 7)
        #expect(order.staleAt == 100_000_000_007)
        for draw in [0, UInt64.max, 123_456_789_012] {
            #expect((105_000_000_007..<115_000_000_007).contains(order.renewAt(draw: draw) ?? 0))
        }
    }

    // MARK: The endpoint's part

    private struct Unexpected: Error {}

    private func take(_ endpoint: inout Endpoint) throws -> Message {
        guard let transmission = endpoint.nextTransmission(), case .message(let bytes) = transmission.content else {
            throw Unexpected()
        }
        if transmission.isConfirmable { endpoint.sent(transmission.handle, lastBitAt: 0) }
        return try Message(decoding: bytes)
    }

    private func observing() throws -> (Endpoint, Endpoint.Handle, [UInt8]) {
        var client = Endpoint(parameters: .rfc7252, seed: 0x55_0000, firstMessageID: 1)
        let handle = try client.start(Request(.get, options: [.init(.observe, [])]), now: 0)
        let registration = try take(&client)
        client.receive(
            try Message(
                type: .acknowledgement, code: .content, messageID: 1, token: registration.token,
                options: [.init(.observe, uint: 4)]
            ).encoded(), now: 0)
        #expect(client.nextEvent() == .notification(handle, Response(.content, options: [.init(.observe, uint: 4)])))
        return (client, handle, registration.token)
    }

    @Test("an observation is ended by a request with Observe 1 under its token; until the answer states still come")
    func deregistering() throws {
        var (client, handle, token) = try observing()
        let isEnding = try client.deregister(handle, Request(.get, path: [[1]]))
        #expect(isEnding)
        let message = try take(&client)
        #expect(message.token == token)
        #expect(message.option(.observe)?.uint == 1)
        let late = Message(
            type: .confirmable, code: .content, messageID: 0x99, token: token, options: [.init(.observe, uint: 5)])
        client.receive(try late.encoded(), now: 0)
        #expect(client.nextEvent() == .notification(handle, Response(.content, options: [.init(.observe, uint: 5)])))
        #expect(try take(&client) == .empty(.acknowledgement, 0x99))
        let end = Message(type: .acknowledgement, code: .content, messageID: message.messageID, token: token)
        client.receive(try end.encoded(), now: 0)
        #expect(client.nextEvent() == .response(handle, Response(.content)))
        #expect(client.isIdle)
        let isEndingAgain = try client.deregister(handle, Request(.get))
        #expect(!isEndingAgain)
    }

    @Test("a registration is made anew under the same token, and states go on", arguments: [false, true])
    func renewing(separate: Bool) throws {
        var (client, handle, token) = try observing()
        let request = Request(.get, options: [.init(.observe, []), .init(.eTag, [1])])
        let isRenewing = try client.renew(handle, request)
        #expect(isRenewing)
        let message = try take(&client)
        #expect(message.token == token)
        #expect(message.option(.eTag)?.value == [1])
        #expect(!client.isIdle)
        if separate {
            client.receive(try Message.empty(.acknowledgement, message.messageID).encoded(), now: 0)
            client.receive(
                try Message(
                    type: .confirmable, code: .valid, messageID: 0x88, token: token,
                    options: [.init(.observe, uint: 9)]
                ).encoded(), now: 0)
            #expect(try take(&client) == .empty(.acknowledgement, 0x88))
        } else {
            client.receive(
                try Message(
                    type: .acknowledgement, code: .valid, messageID: message.messageID, token: token,
                    options: [.init(.observe, uint: 9)]
                ).encoded(), now: 0)
        }
        #expect(client.nextEvent() == .notification(handle, Response(.valid, options: [.init(.observe, uint: 9)])))
        #expect(client.isIdle)
        #expect(client.deadline == nil)
    }

    // MARK: Unconfirmed requests

    @Test("an unconfirmed request leaves once, and fails when no answer comes in NON_LIFETIME")
    func unconfirmed() throws {
        var client = Endpoint(parameters: .rfc7252, seed: 1, firstMessageID: 1)
        let handle = try client.start(Request(.get), confirmable: false, now: 10)
        #expect(try take(&client).type == .nonConfirmable)
        #expect(client.deadline == 145_000_000_010)
        client.handleTimeout(now: 145_000_000_009)
        #expect(client.nextEvent() == nil)
        #expect(client.nextTransmission() == nil)
        client.handleTimeout(now: 145_000_000_010)
        #expect(client.nextEvent() == .failed(handle, .timeout))
        #expect(client.nextTransmission() == nil)
    }

    @Test("to a peer that is silent unconfirmed bytes leave at one a second; whoever answers hears them at once")
    func probingRate() throws {
        var client = Endpoint(parameters: .rfc7252, seed: 1, firstMessageID: 1)
        var left: [Int64] = []
        // 15 bytes the first, 16 the others, which have a token.
        for _ in 0..<4 {
            _ = try client.start(Request(.post, payload: [UInt8](repeating: 1, count: 10)), confirmable: false, now: 0)
        }
        for now in Int64(0)..<32 {
            client.handleTimeout(now: now * 1_000_000_000)
            while client.nextTransmission() != nil { left.append(now) }
        }
        #expect(left == [0, 15, 31])
        client.receive(bytes(hex: "60001234"), now: 32_000_000_000)
        #expect(client.deadline == 32_000_000_000)
        client.handleTimeout(now: 32_000_000_000)
        #expect(client.nextTransmission() != nil)
    }

    @Test("what declines every answer is over when it has left")
    func declining() throws {
        var client = Endpoint(parameters: .rfc7252, seed: 1, firstMessageID: 1)
        _ = try client.start(Request(.post, options: [.init(.noResponse, [26])]), confirmable: false, now: 0)
        #expect(client.nextTransmission() != nil)
        #expect(client.isIdle && client.deadline == nil)
    }

    // MARK: Links

    @Test("links are listed and filtered as RFC 6690 has it")
    func links() {
        let links = [
            ResourceLink("/a", [.init("rt", "x y"), .init("sz", "10", isQuoted: false)]),
            ResourceLink("/ab", [.init("rt", "yz"), .init("if", "core.b"), .init("obs", nil)]), ResourceLink("/c"),
        ]
        func encode(_ filters: String...) -> String {
            String(decoding: ResourceLink.encode(links, filters: filters.map { Array($0.utf8) }), as: UTF8.self)
        }
        let a = "</a>;rt=\"x y\";sz=10"
        let ab = "</ab>;rt=\"yz\";if=\"core.b\";obs"
        #expect(encode() == a + "," + ab + ",</c>")
        for (filter, wanted) in [
            ("rt=x", a), ("rt=y", a), ("rt=y*", a + "," + ab), ("rt=*", a + "," + ab), ("rt=x y", a), ("rt=z", ""),
            ("if=core*", ab), ("sz=*", a), ("href=/a", a), ("href=/a*", a + "," + ab), ("href=*", encode()),
            ("rt", ""), ("none=1", ""), ("rt=", ""),
        ] {
            #expect(encode(filter) == wanted, "\(filter)")
        }
        #expect(encode("rt=y*", "if=core.b") == ab)
    }
}
