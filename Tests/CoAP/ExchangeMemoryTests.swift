import CoAP
import TestSupport
import Testing

/// What a server remembers of requests, and of those that end otherwise than by a piggybacked answer.
extension ExchangeTests {
    @Test(
        "answers kept for repetitions are bounded, and a request whose answer is gone is run again only if it is safe")
    func answerMemory() throws {
        for method in [Code.get, .fetch, .post, .put, .delete] {
            var server = endpoint()
            var request = request
            request.code = method
            for id in 0..<40 {
                request.messageID = UInt16(id)
                try feed(request, to: &server)
                try server.respond(
                    to: try takeRequest(&server).id, Response(.content, payload: [UInt8](repeating: 0, count: 1_000)),
                    now: 0)
                _ = try take(&server)
            }
            request.messageID = 39
            try feed(request, to: &server)
            #expect(server.nextEvent() == nil)
            #expect(try take(&server).payload.count == 1_000)
            request.messageID = 0
            try feed(request, to: &server)
            if method == .get || method == .fetch {
                #expect(try takeRequest(&server).id.messageID == 0)
            } else {
                #expect(server.nextEvent() == nil)
                #expect(try take(&server) == .empty(.reset, 0))
            }
            // Which holds until the exchange is over.
            try feed(request, to: &server, now: 100_000)
            if method != .get && method != .fetch { #expect(try takeRequest(&server).id.messageID == 0) }
        }
    }

    @Test("a request that wants no answer is acknowledged if it asked for that, and not run again")
    func endedWithoutAnswer() throws {
        var server = endpoint()
        try feed(request, to: &server)
        let incoming = try takeRequest(&server)
        server.endWithoutAnswer(incoming.id)
        for copy in 0..<3 {
            #expect(try take(&server) == .empty(.acknowledgement, 0x2000), "copy \(copy)")
            try feed(request, to: &server)
            #expect(server.nextEvent() == nil)
        }
        var unconfirmed = request
        unconfirmed.type = .nonConfirmable
        unconfirmed.messageID = 0x2001
        try feed(unconfirmed, to: &server)
        _ = server.nextTransmission()
        server.endWithoutAnswer(try takeRequest(&server).id)
        try feed(unconfirmed, to: &server)
        #expect(server.nextTransmission() == nil)
        #expect(server.nextEvent() == nil)
    }

    @Test("a late answer that must not be repeated leaves once, unconfirmed")
    func unconfirmedSeparateAnswer() throws {
        var server = endpoint()
        try feed(request, to: &server)
        let incoming = try takeRequest(&server)
        server.handleTimeout(now: 400)
        _ = try take(&server)
        try server.respond(to: incoming.id, Response(.content, payload: [3]), confirmably: false, now: 500)
        #expect(try take(&server).type == .nonConfirmable)
        #expect(server.isIdle)
    }

    @Test("no more than 64 requests wait for an answer at once")
    func pendingRequests() throws {
        var server = endpoint()
        var request = request
        for id in 0..<65 {
            request.messageID = UInt16(id)
            try feed(request, to: &server)
        }
        for _ in 0..<64 { _ = try takeRequest(&server) }
        #expect(server.nextEvent() == nil)
        #expect(server.nextTransmission() == nil)
    }
}
