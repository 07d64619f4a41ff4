import CoAP
import CompactMatrix
import TestSupport
import Testing

@Suite("Compact headers in a session")
struct CompactConversationTests {
    private let id: [UInt8] = [1, 2, 3, 4, 5]
    private let lifetime: Int64 = 1_000

    private func conversation() -> CompactConversation { CompactConversation(session: id, lifetime: lifetime) }

    private func request(_ messageID: UInt16, _ payload: [UInt8] = [9], token: [UInt8] = [7]) throws -> [UInt8] {
        try Message(
            type: .confirmable, code: .post, messageID: messageID, token: token,
            options: [MessageOption(.uriPath, Resource.text.segment)], payload: payload
        ).encoded()
    }

    private func answer(to arrived: [UInt8], _ code: Code = .changed, _ payload: [UInt8] = []) throws -> [UInt8] {
        let request = try Message(decoding: arrived)
        return try Message(
            type: .acknowledgement, code: code, messageID: request.messageID, token: request.token, payload: payload
        ).encoded()
    }

    @Test(
        "a request and its acknowledgement have headers of one byte, and come out under the endpoint's own id and token"
    )
    func commonExchange() throws {
        var device = conversation()
        var gateway = conversation()
        for frame in [0, 31, 32, 70_000] as [UInt64] {
            let up = try device.encode(try request(0x1234), frame: frame, now: 0)
            #expect(up == [0xA0, 9])
            let arrived = try gateway.decode(up, frame: frame, now: 0)
            #expect(arrived.form == .short)
            let read = try Message(decoding: arrived.message)
            #expect(read.payload == [9] && read.code == .post)
            let down = try CompactConversation.encode(
                answer: try answer(to: arrived.message), frame: 5, answered: frame, form: arrived.form)
            #expect(down == [UInt8(frame & 31)])
            let back = try Message(decoding: try device.decode(down, frame: 5, now: 0).message)
            #expect(back.messageID == 0x1234 && back.token == [7] && back.code == .changed)
            #expect(throws: CompactMessageError.answersNothing) { try device.decode(down, frame: 6, now: 0) }
        }
    }

    @Test("while an answer may still come, none is taken for that of the request 32 frames later")
    func lateAnswer() throws {
        var device = conversation()
        var gateway = conversation()
        let first = try gateway.decode(try device.encode(try request(1), frame: 3, now: 0), frame: 3, now: 0)
        let late = try CompactConversation.encode(
            answer: try answer(to: first.message), frame: 0, answered: 3, form: first.form)
        // The device gives the first one up; the second one leaves in full form.
        let up = try device.encode(try request(2), frame: 35, now: 1)
        #expect(up.count == 6 && CompactConversation.form(of: up) == .full)
        let second = try gateway.decode(up, frame: 35, now: 1)
        let down = try CompactConversation.encode(
            answer: try answer(to: second.message), frame: 1, answered: 35, form: second.form)
        #expect(down.count == 4)
        #expect(try Message(decoding: try device.decode(late, frame: 0, now: 1).message).messageID == 1)
        #expect(try Message(decoding: try device.decode(down, frame: 1, now: 1).message).messageID == 2)
        // Both are answered: five bits do again.
        #expect(try device.encode(try request(3), frame: 67, now: 1) == [0xA0, 9])
        // As they do when nothing can come any more.
        #expect(try device.encode(try request(4), frame: 99, now: lifetime + 1) == [0xA0, 9])
    }

    @Test("after a restart frames of before are held as long, and their answers are for nobody")
    func restart() throws {
        var device = conversation()
        let up = try device.encode(try request(1), frame: 3, now: 0)
        var gateway = conversation()
        let arrived = try gateway.decode(up, frame: 3, now: 0)
        let late = try CompactConversation.encode(
            answer: try answer(to: arrived.message), frame: 0, answered: 3, form: arrived.form)
        var again = conversation()
        again.hold(device.heldFrames, now: 10)
        #expect(throws: CompactMessageError.answersNothing) { try again.decode(late, frame: 0, now: 10) }
        #expect(try again.encode(try request(2), frame: 35, now: 10).count == 6)
        #expect(try again.encode(try request(3), frame: 36, now: 10).count == 2)
        #expect(try again.encode(try request(4), frame: 67, now: 10 + lifetime).count == 2)
        // Who does not know which, holds all.
        var ignorant = CompactConversation(session: id, lifetime: lifetime, shortFrom: 500)
        #expect(try ignorant.encode(try request(1), frame: 1, now: 499).count == 6)
        #expect(try ignorant.encode(try request(1), frame: 2, now: 500).count == 2)
    }

    @Test("an answer that is made anew names its request in full, in whatever frame")
    func laterAnswer() throws {
        var device = conversation()
        var gateway = conversation()
        let arrived = try gateway.decode(try device.encode(try request(77), frame: 40, now: 0), frame: 40, now: 0)
        let later = try CompactConversation.encode(laterAnswer: try answer(to: arrived.message), form: arrived.form)
        #expect(later.count == 4)
        // Not by the next request with the same five bits either.
        var other = conversation()
        _ = try other.encode(try request(5), frame: 72, now: 0)
        #expect(throws: CompactMessageError.answersNothing) { try other.decode(later, frame: 9, now: 0) }
        let back = try Message(decoding: try device.decode(later, frame: 9, now: 0).message)
        #expect(back.messageID == 77 && back.token == [7] && back.code == .changed)
    }

    @Test("notifications carry neither token nor sequence nor age, and find the observation of the day")
    func notifications() throws {
        var gateway = conversation()
        var device = conversation()
        let options = [MessageOption(.observe, uint: 12), MessageOption(.maxAge, uint: 3600)]
        func notification(_ more: [MessageOption]) throws -> [UInt8] {
            try Message(
                type: .confirmable, code: .content, messageID: 0xBEEF, token: [1, 2], options: more + options,
                payload: [5]
            ).encoded()
        }
        let short = try gateway.encode(try notification([]), frame: 12, observation: [1, 2], now: 0)
        #expect(short == [0xBF, 5])
        #expect(CompactConversation.isConfirmableNotification(short, frame: 12))
        let arrived = try device.decode(short, frame: 12, observation: [0x42], now: 0)
        let read = try Message(decoding: arrived.message)
        #expect(read.token == [0x42] && read.option(.observe)?.uint == 12 && read.option(.maxAge)?.uint == 3600)
        let acknowledgement = try Message.empty(.acknowledgement, read.messageID).encoded()
        let up = try CompactConversation.encode(answer: acknowledgement, frame: 3, answered: 12, form: arrived.form)
        #expect(up == [0x80 | 12])
        #expect(try Message(decoding: try gateway.decode(up, frame: 3, now: 0).message).messageID == 0xBEEF)
        // One that says more.
        let long = try gateway.encode(
            try notification([MessageOption(.eTag, [1])]), frame: 13, observation: [1, 2], now: 0)
        #expect(CompactConversation.form(of: long) == .full)
        let full = try device.decode(long, frame: 13, observation: [0x42], now: 0)
        #expect(try Message(decoding: full.message).token == [0x42])
        let reply = try Message.empty(.acknowledgement, try Message(decoding: full.message).messageID).encoded()
        let named = try CompactConversation.encode(answer: reply, frame: 4, answered: 13, form: full.form)
        #expect(try Message(decoding: try gateway.decode(named, frame: 4, now: 0).message).messageID == 0xBEEF)
    }

    @Test("messages of RFC 7252 pass as they are, and are answered so")
    func verbatim() throws {
        var gateway = conversation()
        let plain = try request(0x0102, token: [])
        let arrived = try gateway.decode(plain, frame: 0x0102, now: 0)
        #expect(arrived == CompactConversation.Arrived(message: plain, form: .verbatim))
        let reply = try answer(to: plain)
        #expect(
            try CompactConversation.encode(answer: reply, frame: 7, answered: 0x0102, form: .verbatim) == reply)
        #expect(try CompactConversation.encode(laterAnswer: reply, form: .verbatim) == reply)
    }

    @Test("a ping is answered, and a separate response finds its request")
    func otherMessages() throws {
        var device = conversation()
        var gateway = conversation()
        let ping = try device.encode(try Message.empty(.confirmable, 0x55).encoded(), frame: 2, now: 0)
        #expect(ping.count == 2)
        let arrived = try gateway.decode(ping, frame: 2, now: 0)
        let reset = try Message.empty(.reset, try Message(decoding: arrived.message).messageID).encoded()
        let down = try CompactConversation.encode(answer: reset, frame: 2, answered: 2, form: arrived.form)
        #expect(try Message(decoding: try device.decode(down, frame: 2, now: 0).message) == .empty(.reset, 0x55))

        let asked = try gateway.decode(try device.encode(try request(9), frame: 4, now: 0), frame: 4, now: 0)
        let asking = try Message(decoding: asked.message)
        let acknowledgement = Message.empty(.acknowledgement, asking.messageID)
        let first = try CompactConversation.encode(
            answer: try acknowledgement.encoded(), frame: 4, answered: 4, form: asked.form)
        #expect(first.count == 1)
        #expect(
            try Message(decoding: try device.decode(first, frame: 4, now: 0).message) == .empty(.acknowledgement, 9))
        let separate = try Message(type: .confirmable, code: .changed, messageID: 0x9999, token: asking.token).encoded()
        // Of the same number as the request, in the other direction.
        for frame in [4, 5] as [UInt64] {
            let bytes = try gateway.encode(separate, frame: frame, now: 0)
            let read = try Message(decoding: try device.decode(bytes, frame: frame, now: 0).message)
            #expect(read.token == [7] && read.code == .changed)
            let taken = try Message.empty(.acknowledgement, read.messageID).encoded()
            let up = try CompactConversation.encode(answer: taken, frame: 6, answered: frame, form: .full)
            #expect(try Message(decoding: try gateway.decode(up, frame: 6, now: 0).message).messageID == 0x9999)
        }
    }

    @Test("whatever is lost, late, answered anew or forgotten in a restart, no answer is taken for another's")
    func schedules() throws {
        var exchanges = 0
        for seed in 0..<2_000 as Range<UInt64> {
            var random = SplitMix64(seed: seed)
            var device = conversation()
            var gateway = conversation()
            var frame: UInt64 = 0
            var down: UInt64 = 0
            var now: Int64 = 0
            // Each request's payload says which message id its endpoint gave it.
            var nextID = UInt16(truncatingIfNeeded: random.next())
            // With the time at which their requests left.
            var answers: [(frame: UInt64, bytes: [UInt8], asked: Int64)] = []
            for _ in 0..<120 {
                now += Int64(random.below(40)) + (random.chance(5) ? lifetime : 0)
                // An answer comes within its lifetime or not at all.
                answers.removeAll { $0.asked + lifetime <= now }
                switch random.below(10) {
                case 0..<5:
                    nextID &+= 1
                    // Numbers are skipped where others use them.
                    frame += UInt64(1 + (random.chance(30) ? 31 : 0))
                    let bytes = try device.encode(
                        try request(nextID, [UInt8(nextID >> 8), UInt8(nextID & 0xFF)], token: [1]), frame: frame,
                        now: now)
                    guard random.chance(70) else { break }
                    let arrived = try gateway.decode(bytes, frame: frame, now: now)
                    let payload = try Message(decoding: arrived.message).payload
                    let reply = try answer(to: arrived.message, .content, payload)
                    down += 1
                    answers.append(
                        (
                            down,
                            try CompactConversation.encode(
                                answer: reply, frame: down, answered: frame, form: arrived.form), now
                        ))
                    if random.chance(30) {
                        down += 1
                        answers.append(
                            (down, try CompactConversation.encode(laterAnswer: reply, form: arrived.form), now))
                    }
                case 5:
                    let held = device.heldFrames
                    device = conversation()
                    device.hold(held, now: now)
                case 6: gateway = CompactConversation(session: id, lifetime: lifetime, shortFrom: now + lifetime)
                default:
                    guard !answers.isEmpty else { break }
                    let taken = answers.remove(at: random.below(answers.count))
                    guard let arrived = try? device.decode(taken.bytes, frame: taken.frame, now: now) else { break }
                    let message = try Message(decoding: arrived.message)
                    let named = UInt16(message.payload[0]) << 8 | UInt16(message.payload[1])
                    exchanges += 1
                    guard message.messageID == named, message.token == [1] else {
                        Issue.record("seed \(seed): the answer to \(named) was taken for that to \(message.messageID)")
                        return
                    }
                }
            }
        }
        #expect(exchanges > 20_000)
    }

    @Test("hostile bytes are refused, or are messages")
    func hostile() throws {
        var random = SplitMix64(seed: 4)
        var device = conversation()
        for frame in 0..<40 as Range<UInt64> { _ = try device.encode(try request(1), frame: frame, now: 0) }
        for _ in 0..<50_000 {
            let bytes = (0..<random.below(24)).map { _ in random.byte() }
            guard let arrived = try? device.decode(bytes, frame: 50, observation: [1], now: 0),
                arrived.form != .verbatim
            else { continue }
            #expect(throws: Never.self) { try Message(decoding: arrived.message) }
        }
    }
}

@Suite("Names of deliveries")
struct DeliveryNameTests {
    @Test("a name and its tag are one")
    func tags() {
        let name = DeliveryName(session: [0xDE, 0xAD, 0xBE, 0xEF, 1], frame: 0x1_000_002)
        #expect(name.rawValue == 0xDEAD_BEEF_00_0002)
        #expect(name.tag == [0xDE, 0xAD, 0xBE, 0xEF, 0, 0, 2])
        #expect(DeliveryName(tag: name.tag) == name)
        #expect(DeliveryName(tag: [1, 2, 3, 4]) == nil)
        #expect(DeliveryName(session: [], frame: 7).tag == [0, 0, 0, 0, 0, 0, 7])
    }
}
