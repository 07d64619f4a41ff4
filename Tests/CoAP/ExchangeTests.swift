import CoAP
import TestSupport
import Testing

/// Exchanges of one endpoint, the peer's messages made by hand.
@Suite("Requests, answers, observations")
struct ExchangeTests {
    static let parameters = TransmissionParameters(
        roundTrip: 1_000, perAnswerByte: 0, randomFactorPerMille: 1000, emptyAcknowledgementAfter: 400,
        exchangeLifetime: 100_000)

    func endpoint() -> Endpoint {
        Endpoint(parameters: Self.parameters, seed: 0x55_0000, firstMessageID: 0x0100)
    }

    /// The next message that the endpoint wants sent, told to have left at once.
    func take(_ endpoint: inout Endpoint, now: Int64 = 0) throws -> Message {
        let next = endpoint.nextTransmission()
        let transmission = try #require(next)
        if transmission.isConfirmable { endpoint.sent(transmission.handle, lastBitAt: now) }
        guard case .message(let message) = transmission.content else {
            throw Unexpected.repetition
        }
        return try Message(decoding: message)
    }

    enum Unexpected: Error { case repetition, event }

    func takeRequest(_ endpoint: inout Endpoint) throws -> Endpoint.IncomingRequest {
        guard case .request(let request)? = endpoint.nextEvent() else { throw Unexpected.event }
        return request
    }

    func feed(_ message: Message, to endpoint: inout Endpoint, now: Int64 = 0) throws {
        endpoint.receive(try message.encoded(), now: now)
    }

    // MARK: As a client

    @Test("a piggybacked answer ends a request: message id and token have to match")
    func piggybacked() throws {
        var client = endpoint()
        let handle = try client.start(Request(.get, path: [[0x6D]]), now: 0)
        let request = try take(&client)
        #expect(
            request == Message(type: .confirmable, code: .get, messageID: 0x0100, options: [.init(.uriPath, [0x6D])]))
        let answer = Message(type: .acknowledgement, code: .content, messageID: 0x0100, payload: [1])
        var other = answer
        other.messageID = 0x0101
        try feed(other, to: &client)
        other = answer
        other.token = [1]
        try feed(other, to: &client)
        #expect(client.nextEvent() == nil)
        try feed(answer, to: &client)
        #expect(client.nextEvent() == .response(handle, Response(.content, payload: [1])))
        // A copy that comes late is nothing to anybody.
        try feed(answer, to: &client)
        #expect(client.nextEvent() == nil)
        #expect(client.nextTransmission() == nil)
        #expect(client.isIdle)
    }

    @Test("a separate answer is acknowledged, and so is each copy of it, without a second event")
    func separateAnswer() throws {
        var client = endpoint()
        let handle = try client.start(Request(.get), now: 0)
        _ = try take(&client)
        try feed(.empty(.acknowledgement, 0x0100), to: &client)
        #expect(client.nextEvent() == nil)
        let answer = Message(type: .confirmable, code: .content, messageID: 0xAD7B, payload: [7])
        try feed(answer, to: &client)
        #expect(client.nextEvent() == .response(handle, Response(.content, payload: [7])))
        #expect(try take(&client) == .empty(.acknowledgement, 0xAD7B))
        try feed(answer, to: &client)
        #expect(client.nextEvent() == nil)
        #expect(try take(&client) == .empty(.acknowledgement, 0xAD7B))
    }

    @Test("a separate answer that overtakes the acknowledgement of the request ends it as well")
    func answerBeforeAcknowledgement() throws {
        var client = endpoint()
        let handle = try client.start(Request(.get), now: 0)
        _ = try take(&client)
        try feed(Message(type: .nonConfirmable, code: .content, messageID: 1, payload: [7]), to: &client)
        #expect(client.nextEvent() == .response(handle, Response(.content, payload: [7])))
        try feed(.empty(.acknowledgement, 0x0100), to: &client)
        #expect(client.nextEvent() == nil)
        #expect(client.isIdle)
    }

    @Test("a copy of the last request's separate answer does not answer the next request")
    func lateCopyOfAnswer() throws {
        var client = endpoint()
        let first = try client.start(Request(.get, payload: [1]), now: 0)
        _ = try take(&client)
        try feed(.empty(.acknowledgement, 0x0100), to: &client)
        let answer = Message(type: .confirmable, code: .content, messageID: 0xAD7B, payload: [7])
        try feed(answer, to: &client)
        #expect(client.nextEvent() == .response(first, Response(.content, payload: [7])))
        _ = try take(&client)
        let second = try client.start(Request(.get, payload: [2]), now: 10)
        _ = try take(&client)
        try feed(answer, to: &client, now: 20)
        #expect(client.nextEvent() == nil)
        #expect(try take(&client) == .empty(.acknowledgement, 0xAD7B))
        // The same words under another message id are another answer.
        var another = answer
        another.messageID = 0xAD7C
        try feed(another, to: &client, now: 30)
        #expect(client.nextEvent() == .response(second, Response(.content, payload: [7])))
    }

    @Test("the answer to a request that failed does not answer the next request")
    func answerAfterFailure() throws {
        var client = endpoint()
        let first = try client.start(Request(.get, payload: [1]), now: 0)
        let request = try take(&client)
        // Waiting already when the first one fails.
        let second = try client.start(Request(.get, payload: [2]), now: 0)
        try feed(.empty(.acknowledgement, 0x0100), to: &client)
        let end = try #require(client.deadline)
        client.handleTimeout(now: end)
        #expect(client.nextEvent() == .failed(first, .timeout))
        _ = try take(&client)
        let third = try client.start(Request(.get, payload: [3]), now: end)
        let late = Message(type: .confirmable, code: .content, messageID: 0xAD7B, token: request.token, payload: [1])
        try feed(late, to: &client, now: end + 10)
        #expect(client.nextEvent() == nil)
        #expect(try take(&client) == .empty(.reset, 0xAD7B))
        client.cancel(second)
        _ = try take(&client)
        var later = late
        later.messageID = 0xAD7C
        try feed(later, to: &client, now: end + 20)
        #expect(client.nextEvent() == nil)
        #expect(try take(&client) == .empty(.reset, 0xAD7C))
        client.cancel(third)
    }

    @Test("requests under way at the same time have tokens of their own")
    func tokens() throws {
        var parameters = Self.parameters
        parameters.nstart = 3
        var client = Endpoint(parameters: parameters, seed: 0xFE_0000, firstMessageID: 0)
        var handles: [Endpoint.Handle] = []
        var tokens: [[UInt8]] = []
        for _ in 0..<3 {
            handles.append(try client.start(Request(.get), now: 0))
            tokens.append(try take(&client).token)
        }
        #expect(Set(tokens).count == 3)
        #expect(tokens[0] == [])
        for index in [2, 0, 1] {
            let answer = Message(
                type: .nonConfirmable, code: .content, messageID: UInt16(index), token: tokens[index],
                payload: [UInt8(index)])
            try feed(answer, to: &client)
            #expect(client.nextEvent() == .response(handles[index], Response(.content, payload: [UInt8(index)])))
        }
        // With nothing under way the shortest token serves again.
        _ = try client.start(Request(.get), now: 0)
        #expect(try take(&client).token == [])
    }

    @Test("a reset ends a request, and only the one that it names")
    func refused() throws {
        var client = endpoint()
        let handle = try client.start(Request(.get), now: 0)
        _ = try take(&client)
        try feed(.empty(.reset, 0x0099), to: &client)
        #expect(client.nextEvent() == nil)
        try feed(.empty(.reset, 0x0100), to: &client)
        #expect(client.nextEvent() == .failed(handle, .reset))
        #expect(client.isIdle)
    }

    @Test("an answer that comes while the repetition waits for the modem ends the request")
    func answerWhileLeaving() throws {
        var client = endpoint()
        let handle = try client.start(Request(.get), now: 0)
        _ = try take(&client)
        client.handleTimeout(now: 1_000)
        #expect(client.nextTransmission()?.content == .again)
        try feed(Message(type: .acknowledgement, code: .valid, messageID: 0x0100), to: &client)
        #expect(client.nextEvent() == .response(handle, Response(.valid)))
        client.sent(handle, lastBitAt: 5_000)
        #expect(client.deadline == nil)
    }

    @Test("a ping is an empty confirmable message, and a reset its answer")
    func pingFromUs() throws {
        var client = endpoint()
        let handle = client.ping()
        #expect(try take(&client) == .empty(.confirmable, 0x0100))
        try feed(.empty(.reset, 0x0100), to: &client)
        #expect(client.nextEvent() == .pong(handle))
        let second = client.ping()
        _ = try take(&client)
        try feed(.empty(.acknowledgement, 0x0101), to: &client)
        #expect(client.nextEvent() == .pong(second))
        #expect(client.isIdle)
    }

    @Test("a ping that nobody answers fails")
    func pingUnanswered() throws {
        var client = endpoint()
        let handle = client.ping()
        var sent = 0
        while let transmission = client.nextTransmission() {
            sent += 1
            client.sent(transmission.handle, lastBitAt: 0)
            client.handleTimeout(now: client.deadline ?? 0)
        }
        #expect(sent == 5)
        #expect(client.nextEvent() == .failed(handle, .timeout))
    }

    @Test("a ping to us is answered by a reset")
    func pingToUs() throws {
        var server = endpoint()
        try feed(.empty(.confirmable, 0x4242), to: &server)
        #expect(try take(&server) == .empty(.reset, 0x4242))
        #expect(server.nextEvent() == nil)
    }

    @Test("a request of an earlier run leaves with its first bytes, and the id of the next message goes on")
    func resumed() throws {
        let message = Message(
            type: .confirmable, code: .post, messageID: 0x0077, token: [], options: [.init(.uriPath, [0x74])],
            payload: [1])
        var client = endpoint()
        let handle = try client.resume(message: try message.encoded())
        #expect(try take(&client) == message)
        try feed(Message(type: .acknowledgement, code: .changed, messageID: 0x0077), to: &client)
        #expect(client.nextEvent() == .response(handle, Response(.changed)))
        #expect(client.nextMessageID == 0x0100)
        #expect(throws: MessageError.shorterThanHeader) { try client.resume(message: [1, 2]) }
        _ = try client.start(Request(.get), now: 0)
        #expect(client.nextMessageID == 0x0101)
    }

    @Test("a message that the channel could not deliver is handed over anew, with all its repetitions before it")
    func sentAnew() throws {
        var client = endpoint()
        let handle = try client.start(Request(.get, payload: [9]), now: 0)
        let message = try take(&client)
        client.handleTimeout(now: 1_000)
        #expect(client.nextTransmission()?.content == .again)
        client.sent(handle, lastBitAt: 2_000)
        #expect(client.deadline == 3_500)
        client.sendAnew(handle)
        #expect(client.deadline == nil)
        #expect(try take(&client, now: 3_000) == message)
        #expect(client.deadline == 4_000)
        client.sendAnew(handle + 100)
        #expect(client.nextTransmission() == nil)
    }

    // MARK: As a server

    let request = Message(
        type: .confirmable, code: .post, messageID: 0x2000, token: [5], options: [.init(.uriPath, [0x74])], payload: [1]
    )

    @Test("a repeated request gets the identical answer again, and is not handled again")
    func deduplication() throws {
        var server = endpoint()
        try feed(request, to: &server)
        let incoming = try takeRequest(&server)
        #expect(incoming.id == .init(messageID: 0x2000, token: [5]))
        #expect(incoming.isConfirmable)
        #expect(incoming.request == Request(.post, path: [[0x74]], payload: [1]))
        // Before there is an answer: silence. The empty acknowledgement will leave at its time.
        try feed(request, to: &server, now: 100)
        #expect(server.nextTransmission() == nil)
        try server.respond(to: incoming.id, Response(.changed, payload: [2]), now: 200)
        let next = server.nextTransmission()
        let answer = try #require(next)
        #expect(answer.answering == incoming.id)
        #expect(!answer.isConfirmable)
        guard case .message(let first) = answer.content else { throw Unexpected.repetition }
        #expect(
            try Message(decoding: first)
                == Message(type: .acknowledgement, code: .changed, messageID: 0x2000, token: [5], payload: [2]))
        for copy in 1...5 {
            try feed(request, to: &server, now: Int64(copy) * 10_000)
            let again = server.nextTransmission()
            #expect(again?.content == .message(first))
            #expect(again?.answering == incoming.id)
            #expect(server.nextEvent() == nil)
        }
        // A second answer to the same request is nobody's wish.
        try server.respond(to: incoming.id, Response(.content), now: 60_000)
        #expect(server.nextTransmission() == nil)
        // A message id comes round again after the exchange's lifetime.
        try feed(request, to: &server, now: 100_000)
        #expect(try takeRequest(&server).id == incoming.id)
    }

    @Test("an unconfirmed request is answered unconfirmed, and its copy gets the identical answer")
    func unconfirmedRequest() throws {
        var request = request
        request.type = .nonConfirmable
        var server = endpoint()
        try feed(request, to: &server)
        let incoming = try takeRequest(&server)
        #expect(!incoming.isConfirmable)
        #expect(server.deadline == nil)
        try server.respond(to: incoming.id, Response(.changed), now: 5)
        let answer = try take(&server)
        #expect(answer == Message(type: .nonConfirmable, code: .changed, messageID: 0x0100, token: [5]))
        try feed(request, to: &server)
        #expect(try take(&server) == answer)
        #expect(server.nextEvent() == nil)
    }

    @Test("an answer that takes its time is announced by an empty acknowledgement, then comes by itself")
    func separateResponse() throws {
        var server = endpoint()
        try feed(request, to: &server, now: 50)
        let incoming = try takeRequest(&server)
        #expect(server.deadline == 450)
        server.handleTimeout(now: 449)
        #expect(server.nextTransmission() == nil)
        server.handleTimeout(now: 450)
        #expect(try take(&server) == .empty(.acknowledgement, 0x2000))
        #expect(server.deadline == nil)
        try feed(request, to: &server, now: 500)
        #expect(try take(&server) == .empty(.acknowledgement, 0x2000))
        try server.respond(to: incoming.id, Response(.content, payload: [3]), now: 600)
        let answer = try take(&server, now: 600)
        #expect(answer == Message(type: .confirmable, code: .content, messageID: 0x0100, token: [5], payload: [3]))
        // It is a message of its own: repeated until it is acknowledged.
        server.handleTimeout(now: 1_600)
        #expect(server.nextTransmission()?.content == .again)
        try feed(request, to: &server, now: 1_700)
        #expect(try take(&server) == .empty(.acknowledgement, 0x2000))
        try feed(.empty(.acknowledgement, 0x0100), to: &server, now: 1_800)
        #expect(server.isIdle)
        #expect(server.deadline == nil)
        #expect(server.nextEvent() == nil)
    }

    @Test(
        "an answer that cannot be written leaves room for another, piggybacked or separate", arguments: [false, true])
    func unwritableAnswer(separate: Bool) throws {
        var server = endpoint()
        try feed(request, to: &server)
        let incoming = try takeRequest(&server)
        if separate {
            server.handleTimeout(now: 400)
            _ = try take(&server)
        }
        let unwritable = Response(.content, options: [.init(.eTag, [UInt8](repeating: 0, count: 70_000))])
        #expect(throws: MessageError.cannotEncode) { try server.respond(to: incoming.id, unwritable, now: 500) }
        #expect(server.nextTransmission() == nil)
        try server.respond(to: incoming.id, Response(.internalServerError), now: 500)
        #expect(try take(&server).code == .internalServerError)
    }

    @Test("an answer of an earlier run is given again, and its request not handled")
    func restored() throws {
        var server = endpoint()
        server.restore(answer: [0x60, 0x44, 0x20, 0x00], to: .init(messageID: 0x2000, token: [5]), expires: 5_000)
        try feed(request, to: &server, now: 4_999)
        #expect(server.nextTransmission()?.content == .message([0x60, 0x44, 0x20, 0x00]))
        #expect(server.nextEvent() == nil)
        try feed(request, to: &server, now: 5_000)
        #expect(try takeRequest(&server).request.payload == [1])
    }

    // MARK: Observation

    @Test(
        "an observation keeps its token: every notification arrives under its handle, until an answer without Observe")
    func observation() throws {
        var client = endpoint()
        let handle = try client.start(
            Request(.get, path: [[0x6D]], options: [.init(.observe, uint: 0)]), now: 0)
        let registration = try take(&client)
        #expect(registration.token.count == 1)
        #expect(registration.option(.observe)?.value == [])
        func notification(_ sequence: UInt64, _ type: MessageType, _ id: UInt16) -> Message {
            Message(
                type: type, code: .content, messageID: id, token: registration.token,
                options: [.init(.observe, uint: sequence)], payload: [UInt8(sequence)])
        }
        func response(_ sequence: UInt64) -> Response {
            Response(.content, options: [.init(.observe, uint: sequence)], payload: [UInt8(sequence)])
        }
        try feed(notification(1, .acknowledgement, registration.messageID), to: &client)
        #expect(client.nextEvent() == .notification(handle, response(1)))
        #expect(client.isIdle)
        try feed(notification(2, .confirmable, 0x3000), to: &client)
        #expect(client.nextEvent() == .notification(handle, response(2)))
        #expect(try take(&client) == .empty(.acknowledgement, 0x3000))
        try feed(notification(3, .nonConfirmable, 0x3001), to: &client)
        #expect(client.nextEvent() == .notification(handle, response(3)))
        #expect(client.nextTransmission() == nil)
        // Copies change nothing.
        try feed(notification(2, .confirmable, 0x3000), to: &client)
        try feed(notification(3, .nonConfirmable, 0x3001), to: &client)
        #expect(client.nextEvent() == nil)
        #expect(try take(&client) == .empty(.acknowledgement, 0x3000))
        // Other requests go on beside it.
        let other = try client.start(Request(.get), now: 0)
        let request = try take(&client)
        #expect(request.token != registration.token)
        try feed(Message(type: .acknowledgement, code: .valid, messageID: request.messageID), to: &client)
        #expect(client.nextEvent() == .response(other, Response(.valid)))
        // The end of it.
        try feed(
            Message(type: .confirmable, code: .notFound, messageID: 0x3002, token: registration.token), to: &client)
        #expect(client.nextEvent() == .response(handle, Response(.notFound)))
        #expect(try take(&client) == .empty(.acknowledgement, 0x3002))
        try feed(notification(4, .confirmable, 0x3003), to: &client)
        #expect(client.nextEvent() == nil)
        #expect(try take(&client) == .empty(.reset, 0x3003))
    }

    @Test("a cancelled observation is ended at the peer by a reset to its next notification")
    func cancelled() throws {
        var client = endpoint()
        let handle = try client.start(Request(.get, options: [.init(.observe, uint: 0)]), now: 0)
        let registration = try take(&client)
        try feed(
            Message(
                type: .acknowledgement, code: .content, messageID: registration.messageID, token: registration.token,
                options: [.init(.observe, uint: 1)]), to: &client)
        _ = client.nextEvent()
        client.cancel(handle)

        var server = endpoint()
        let notification = try server.notify(
            token: registration.token, sequence: 0x1_2345_6789, response: Response(.content))
        let message = try take(&server)
        #expect(message.type == .confirmable)
        #expect(message.option(.observe)?.uint == 0x45_6789)
        try feed(message, to: &client)
        #expect(client.nextEvent() == nil)
        let reset = try take(&client)
        #expect(reset == .empty(.reset, message.messageID))
        try feed(reset, to: &server)
        #expect(server.nextEvent() == .notificationFailed(notification, .reset))
        #expect(server.isIdle)
    }

    @Test("a notification is delivered when it is acknowledged, and failed when nobody does")
    func notificationOutcome() throws {
        var server = endpoint()
        let first = try server.notify(token: [9], sequence: 1, response: Response(.content))
        let second = try server.notify(token: [9], sequence: 2, response: Response(.content))
        let message = try take(&server)
        #expect(server.nextTransmission() == nil)
        try feed(.empty(.acknowledgement, message.messageID), to: &server)
        #expect(server.nextEvent() == .notificationDelivered(first))
        while let transmission = server.nextTransmission() {
            server.sent(transmission.handle, lastBitAt: 0)
            server.handleTimeout(now: server.deadline ?? 0)
        }
        #expect(server.nextEvent() == .notificationFailed(second, .timeout))
    }

    @Test("a registration that is refused is an ordinary answer")
    func refusedObservation() throws {
        var client = endpoint()
        let handle = try client.start(Request(.get, options: [.init(.observe, uint: 0)]), now: 0)
        let registration = try take(&client)
        try feed(
            Message(
                type: .acknowledgement, code: .serviceUnavailable, messageID: registration.messageID,
                token: registration.token, options: [.init(.observe, uint: 3)]), to: &client)
        #expect(
            client.nextEvent() == .response(handle, Response(.serviceUnavailable, options: [.init(.observe, uint: 3)])))
        #expect(client.isIdle)
    }
}
