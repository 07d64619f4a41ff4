import CoAP
import TestSupport
import Testing

@Suite("A server's session with one peer")
struct ServerSessionTests {
    private var session = ServerSession(
        endpoint: Endpoint(parameters: .rfc7252, seed: 3, firstMessageID: 100),
        limits: .init(blockExponent: 2, bodyBytes: 1_000, observations: 2))
    private var nextID: UInt16 = 1

    /// Sends a request, has it answered with `response`, and returns what the session sends.
    private mutating func exchange(
        _ request: Request, type: MessageType = .confirmable, token: [UInt8] = [7], _ response: Response? = nil,
        now: Int64 = 0
    ) throws -> (seen: Request?, answer: Message?) {
        nextID += 1
        let message = Message(
            type: type, code: request.method, messageID: nextID, token: token, options: request.options,
            payload: request.payload)
        session.receive(try message.encoded(), now: now)
        var seen: Request?
        if case .request(let id, let request) = session.nextEvent() {
            seen = request
            if let response { session.respond(to: id, response, now: now) }
        }
        return (seen, try sent())
    }

    private mutating func sent() throws -> Message? {
        guard let transmission = session.nextTransmission(), case .message(let bytes) = transmission.content else {
            return nil
        }
        if transmission.isConfirmable { session.endpoint.sent(transmission.handle, lastBitAt: 0) }
        return try Message(decoding: bytes)
    }

    private static func block(_ number: OptionNumber, _ block: UInt32, more: Bool = false, _ exponent: UInt8 = 2)
        -> MessageOption
    {
        BlockOption(number: block, more: more, exponent: exponent).option(number)
    }

    private func put(_ block: UInt32, more: Bool, count: Int = 64, tag: [UInt8]? = nil) -> Request {
        var options = [Self.block(.block1, block, more: more)]
        if let tag { options.append(MessageOption(.requestTag, tag)) }
        return Request(
            .put, path: [[0x74]], options: options, payload: [UInt8](repeating: UInt8(block + 1), count: count))
    }

    // MARK: Blocks of requests

    @Test("a body in blocks is put together, each block acknowledged with 2.31, the whole answered once")
    mutating func assembling() throws {
        #expect(try exchange(put(0, more: true)).answer?.code == .continue)
        #expect(try exchange(put(1, more: true)).answer?.code == .continue)
        // Once more under another message id, as a client does whose answer got lost.
        let again = try exchange(put(1, more: true))
        #expect(again.answer?.code == .continue)
        #expect(again.answer?.option(.block1) == Self.block(.block1, 1, more: true))
        let last = try exchange(put(2, more: false, count: 10), Response(.changed))
        #expect(last.seen?.payload.count == 138)
        #expect(last.seen?.payload.last == 3)
        #expect(last.answer?.code == .changed)
        #expect(last.answer?.option(.block1) == Self.block(.block1, 2))
        #expect(session.bodyBytesHeld == 0)
    }

    @Test("a block out of order is answered with 4.08, and so is one whose beginning is gone")
    mutating func incomplete() throws {
        #expect(try exchange(put(1, more: true)).answer?.code == .requestEntityIncomplete)
        _ = try exchange(put(0, more: true))
        #expect(try exchange(put(2, more: false, count: 3)).answer?.code == .requestEntityIncomplete)
        let later = TransmissionParameters.rfc7252.exchangeLifetime
        #expect(try exchange(put(1, more: true), now: later).answer?.code == .requestEntityIncomplete)
    }

    @Test("two bodies to one resource do not mix when their Request-Tag tells them apart")
    mutating func requestTags() throws {
        for tag in [[UInt8(1)], [2]] { _ = try exchange(put(0, more: true, tag: tag)) }
        for tag in [[UInt8(1)], [2]] {
            let last = try exchange(put(1, more: false, count: Int(tag[0]), tag: tag), Response(.changed))
            #expect(last.seen?.payload.count == 64 + Int(tag[0]))
        }
    }

    @Test("a body over the bound is refused with the bound, and unfinished ones never take more memory")
    mutating func memory() throws {
        var request = put(0, more: true)
        request.options.append(MessageOption(.size1, uint: 1_001))
        let refused = try exchange(request)
        #expect(refused.answer?.code == .requestEntityTooLarge)
        #expect(refused.answer?.option(.size1)?.uint == 1_000)
        for block in 0..<15 { #expect(try exchange(put(UInt32(block), more: true)).answer?.code == .continue) }
        #expect(try exchange(put(15, more: true)).answer?.code == .requestEntityTooLarge)
        for tag in 0..<200 {
            _ = try exchange(put(0, more: true, tag: [UInt8(tag)]))
            #expect(session.bodyBytesHeld <= 1_000)
        }
        #expect(session.bodyBytesHeld > 900)
        session.handleTimeout(now: TransmissionParameters.rfc7252.exchangeLifetime)
        #expect(session.bodyBytesHeld == 0)
    }

    // MARK: Blocks of answers

    private let long = Response(.content, payload: (0..<200).map { UInt8($0) })

    @Test("a long answer goes out in blocks of the size that the client asks for, at most our own")
    mutating func slicing() throws {
        for (asked, size) in [(UInt8?.none, 64), (6, 64), (2, 64), (0, 16)] {
            var body: [UInt8] = []
            var number: UInt32 = 0
            var exponent = asked
            var tags: Set<[UInt8]> = []
            while true {
                let options = number == 0 && asked == nil ? [] : [Self.block(.block2, number, exponent ?? 2)]
                let part = try exchange(Request(.get, path: [[1]], options: options), long)
                let answer = try #require(part.answer)
                let block = try #require(answer.option(.block2).flatMap { BlockOption($0) })
                #expect(block.size == size)
                #expect(block.offset == body.count)
                body += answer.payload
                tags.insert(answer.option(.eTag)?.value ?? [])
                guard block.more else { break }
                exponent = block.exponent
                number = UInt32(body.count / block.size)
            }
            #expect(body == long.payload)
            #expect(tags.count == 1 && tags.first?.count == 4)
        }
    }

    @Test("later blocks of an answer to POST come from memory, or are refused: the request is not run again")
    mutating func laterBlocksOfPost() throws {
        _ = try exchange(Request(.post, path: [[1]]), long)
        let later = try exchange(Request(.post, path: [[1]], options: [Self.block(.block2, 1)]), long)
        #expect(later.seen == nil)
        #expect(later.answer?.payload.first == 64)
        let other = try exchange(Request(.post, path: [[2]], options: [Self.block(.block2, 1)]), long)
        #expect(other.seen == nil)
        #expect(other.answer?.code == .requestEntityIncomplete)
    }

    @Test("a block past the end is a 4.00, and Size2 is told to who asks")
    mutating func pastTheEnd() throws {
        #expect(try exchange(Request(.get, options: [Self.block(.block2, 4)]), long).answer?.code == .badRequest)
        let sized = try exchange(Request(.get, options: [MessageOption(.size2, [])]), long)
        #expect(sized.answer?.option(.size2)?.uint == 200)
    }

    // MARK: What is refused or left out

    @Test("problem details come with an error whose client accepts them, and name the option")
    mutating func problemDetails() throws {
        let accept = MessageOption(.accept, uint: 257)
        let missing = try exchange(Request(.get, options: [accept]), Response(.notFound))
        #expect(missing.answer?.option(.contentFormat)?.uint == 257)
        #expect(missing.answer?.payload == bytes(hex: "a1 20 69") + Array("Not found".utf8))
        let bad = try exchange(Request(.get, options: [accept, MessageOption(OptionNumber(2_001), [1])]))
        #expect(bad.answer?.code == .badOption)
        #expect(bad.answer?.payload == bytes(hex: "a2 20 6a") + Array("Bad option".utf8) + bytes(hex: "27 19 07d1"))
        #expect(try exchange(Request(.get), Response(.notFound)).answer?.payload == [])
    }

    @Test("an answer that is declined is not sent; a confirmable request is acknowledged still")
    mutating func declined() throws {
        let request = Request(.post, options: [MessageOption(.noResponse, uint: 2)])
        let confirmed = try exchange(request, Response(.changed))
        #expect(confirmed.seen != nil)
        #expect(confirmed.answer?.code == .empty)
        #expect(try exchange(request, type: .nonConfirmable, Response(.changed)).answer == nil)
        #expect(try exchange(request, type: .nonConfirmable, Response(.badRequest)).answer?.code == .badRequest)
    }

    // MARK: Addresses

    private static let mint = EchoMint(key0: 1, key1: 2)

    private func unproved() -> ServerSession {
        ServerSession(
            endpoint: Endpoint(parameters: .rfc7252, seed: 3, firstMessageID: 100), proof: (Self.mint, [10, 0, 0, 1]))
    }

    @Test("who has not proved its address gets 136 bytes at most, then Echo; with the value returned, everything")
    mutating func amplification() throws {
        session = unproved()
        let short = Response(.content, payload: [UInt8](repeating: 1, count: 136 - 6))
        #expect(try exchange(Request(.get), short).answer?.payload.count == 130)
        let longer = Response(.content, payload: [UInt8](repeating: 1, count: 136 - 5))
        let challenge = try exchange(Request(.get), longer)
        #expect(challenge.answer?.code == .unauthorized)
        #expect(challenge.answer?.type == .acknowledgement)
        let value = try #require(challenge.answer?.option(.echo)?.value)
        var forged = value
        forged[11] ^= 1
        for wrong in [forged, [], [1, 2, 3], Self.mint.value(for: [10, 0, 0, 2], now: 0)] {
            let refused = try exchange(Request(.get, options: [MessageOption(.echo, wrong)]), longer)
            #expect(refused.answer?.code == .unauthorized)
        }
        let late = try exchange(
            Request(.get, options: [MessageOption(.echo, value)]), longer, now: 400_000_000_000)
        #expect(late.answer?.code == .unauthorized)
        let proved = try exchange(Request(.get, options: [MessageOption(.echo, value)]), longer, now: 1_000_000_000)
        #expect(proved.answer?.payload.count == 131)
        // From then on without it.
        #expect(try exchange(Request(.get), longer).answer?.code == .content)
    }

    @Test("an effect is not repeated for the sake of a proof: its outcome is told, its body is not")
    mutating func amplificationByEffects() throws {
        session = unproved()
        let answer = try exchange(Request(.post), Response(.changed, payload: [UInt8](repeating: 1, count: 500)))
        #expect(answer.answer?.code == .changed)
        #expect(answer.answer?.payload == [])
    }

    @Test("nobody observes from an address that is not proved")
    mutating func observingUnproved() throws {
        session = unproved()
        session.receive(
            try Message(
                type: .confirmable, code: .get, messageID: 9, token: [1], options: [MessageOption(.observe, [])]
            ).encoded(), now: 0)
        guard case .request(let id, _)? = session.nextEvent() else { throw Unexpected() }
        let answer = session.register(id, resource: 1, Response(.content), now: 0)
        #expect(answer.code == .unauthorized)
        #expect(!session.isObserved(1))
    }

    @Test("the keyed hash is SipHash-2-4, by its authors' vector")
    func sipHash() {
        // Appendix A of the paper: key 00..0f, message 00..0e.
        #expect(Self.mint.value(for: [1], now: 0) != Self.mint.value(for: [2], now: 0))
        #expect(Self.mint.value(for: [1], now: 0) != EchoMint(key0: 1, key1: 3).value(for: [1], now: 0))
        #expect(
            EchoMint.hash(key0: 0x0706_0504_0302_0100, key1: 0x0f0e_0d0c_0b0a_0908, Array(0..<15))
                == 0xa129_ca61_49be_45e5)
    }

    private struct Unexpected: Error {}

    // MARK: Observation

    private mutating func observe(_ token: UInt8, resource: Int = 1, confirmable: Bool = true, now: Int64 = 0) throws
        -> Message?
    {
        nextID += 1
        session.receive(
            try Message(
                type: .confirmable, code: .get, messageID: nextID, token: [token],
                options: [MessageOption(.observe, [])]
            ).encoded(), now: now)
        guard case .request(let id, _)? = session.nextEvent() else { throw Unexpected() }
        let answer = session.register(
            id, resource: resource, Response(.content, payload: [0]), confirmable: confirmable, now: now)
        session.respond(to: id, answer, now: now)
        return try sent()
    }

    @Test("observers get each state with a higher number; a newer one takes the place of one that is not confirmed")
    mutating func superseding() throws {
        let first = try #require(try observe(1)?.option(.observe)?.uint)
        session.notify(resource: 1, Response(.content, payload: [1]), now: 0)
        let one = try #require(try sent())
        #expect(one.type == .confirmable && one.payload == [1])
        #expect(try #require(one.option(.observe)?.uint) > first)
        session.notify(resource: 1, Response(.content, payload: [2]), now: 0)
        session.notify(resource: 1, Response(.content, payload: [3]), now: 0)
        #expect(try sent() == nil)
        // At the time of its repetition the newest state leaves, under another message id, and state 2 never does.
        session.handleTimeout(now: try #require(session.deadline))
        let three = try #require(try sent())
        #expect(three.payload == [3])
        #expect(three.messageID != one.messageID)
        #expect(try #require(three.option(.observe)?.uint) > one.option(.observe)?.uint ?? 0)
        // An acknowledgement of the superseded one says nothing of the newer.
        session.receive(try Message.empty(.acknowledgement, one.messageID).encoded(), now: 0)
        #expect(!session.endpoint.isIdle)
        session.receive(try Message.empty(.acknowledgement, three.messageID).encoded(), now: 0)
        #expect(session.endpoint.isIdle)
    }

    @Test("confirmed while a newer state waits, the newer one leaves at once")
    mutating func successor() throws {
        _ = try observe(1)
        session.notify(resource: 1, Response(.content, payload: [1]), now: 0)
        let one = try #require(try sent())
        session.notify(resource: 1, Response(.content, payload: [2]), now: 0)
        session.receive(try Message.empty(.acknowledgement, one.messageID).encoded(), now: 0)
        #expect(try sent()?.payload == [2])
    }

    @Test("notifications are unconfirmed where wished, but once in 24 hours one is confirmable")
    mutating func daily() throws {
        _ = try observe(1, confirmable: false)
        let hour: Int64 = 3_600_000_000_000
        var confirmable: [Int64] = []
        for at in 1...60 {
            session.notify(resource: 1, Response(.content, payload: [1]), now: Int64(at) * hour)
            let message = try #require(try sent())
            guard message.type == .confirmable else { continue }
            confirmable.append(Int64(at))
            session.receive(try Message.empty(.acknowledgement, message.messageID).encoded(), now: Int64(at) * hour)
        }
        #expect(confirmable == [24, 48])
    }

    @Test(
        "unconfirmed states leave three seconds apart, where no round trip is known; the newest of those between waits")
    mutating func unconfirmedPace() throws {
        let second: Int64 = 1_000_000_000
        _ = try observe(1, confirmable: false)
        for (at, payload) in [(0, 1), (1, 2), (2, 3)] as [(Int64, UInt8)] {
            session.notify(resource: 1, Response(.content, payload: [payload]), now: at * second)
        }
        let first = try #require(try sent())
        #expect(first.payload == [1] && first.type == .nonConfirmable)
        #expect(try sent() == nil)
        #expect(session.deadline == 3 * second)
        session.handleTimeout(now: 3 * second)
        let third = try #require(try sent())
        #expect(third.payload == [3] && third.type == .nonConfirmable)
        #expect(try #require(third.option(.observe)?.uint) > first.option(.observe)?.uint ?? 0)
        #expect(session.deadline == nil)
        // An end does not wait.
        session.notify(resource: 1, Response(.notFound), now: 4 * second)
        #expect(try sent()?.code == .notFound)
    }

    @Test("a reset ends the observation, of a confirmable notification and of one that was not")
    mutating func resets() throws {
        for confirmable in [true, false] {
            _ = try observe(1, confirmable: confirmable)
            session.notify(resource: 1, Response(.content), now: 0)
            let message = try #require(try sent())
            #expect(session.isObserved(1))
            session.receive(try Message.empty(.reset, message.messageID).encoded(), now: 0)
            #expect(!session.isObserved(1))
            #expect(session.nextEvent() == .observationEnded(resource: 1))
        }
    }

    @Test("silence ends it too, and so does an error, which carries no number")
    mutating func ends() throws {
        _ = try observe(1)
        session.notify(resource: 1, Response(.content), now: 0)
        while let transmission = session.nextTransmission() {
            session.endpoint.sent(transmission.handle, lastBitAt: 0)
            session.handleTimeout(now: session.deadline ?? 0)
        }
        #expect(session.nextEvent() == .observationEnded(resource: 1))
        _ = try observe(2, resource: 2)
        session.notify(resource: 2, Response(.notFound), now: 0)
        let last = try #require(try sent())
        #expect(last.code == .notFound && last.option(.observe) == nil && last.type == .confirmable)
        #expect(!session.isObserved(2))
    }

    @Test("the same token registers once, and a peer has a bounded number of observations")
    mutating func registrations() throws {
        _ = try observe(1)
        _ = try observe(1)
        session.notify(resource: 1, Response(.content), now: 0)
        #expect(try sent() != nil)
        #expect(try sent() == nil)
        #expect(try observe(2, resource: 2)?.option(.observe) != nil)
        // The third is answered, and told so by the lack of Observe.
        let third = try observe(3, resource: 3)
        #expect(third?.code == .content)
        #expect(third?.option(.observe) == nil)
    }
}
