import CoAP
import CompactMatrix
import Foundation
import TestSupport
import Testing

@Suite("Compact CoAP")
struct CompactMessageTests {
    static let context = CompactContext(
        observationToken: [0x5A], notificationOptions: [MessageOption(.maxAge, uint: 3_600)])

    private func request(_ frame: UInt64, _ resource: Resource = .text, payload: [UInt8] = [1, 2, 3]) -> Message {
        Message(
            type: .confirmable, code: .post, messageID: CompactContext.messageID(frame),
            token: CompactContext.token(frame), options: [MessageOption(.uriPath, resource.segment)], payload: payload)
    }

    private func answer(_ frame: UInt64, _ code: Code, _ options: [MessageOption] = []) -> Message {
        Message(
            type: .acknowledgement, code: code, messageID: CompactContext.messageID(frame),
            token: CompactContext.token(frame), options: options)
    }

    @Test("the common request and its acknowledgement have a header of one byte")
    func commonCase() throws {
        for frame: UInt64 in [0, 1, 31, 32, 70_000, .max] {
            for (resource, byte) in [(Resource.text, 0xA0), (.reading, 0xA1), (.event, 0xA2)] as [(Resource, UInt8)] {
                let up = try CompactMessage.encode(request(frame, resource), frame: frame, context: Self.context)
                #expect(up == [byte, 1, 2, 3])
            }
            let down = try CompactMessage.encode(
                answer(frame, .changed), frame: 9, answered: frame, context: Self.context)
            #expect(down == [UInt8(frame & 31)])
            let read = try CompactMessage.decode(
                down, frame: 9, outstanding: [frame &- 1, frame, frame &+ 1], context: Self.context)
            #expect(read.message == answer(frame, .changed))
            #expect(read.answered == frame)
        }
    }

    @Test("other usual messages have a byte or two, and what they say besides")
    func usualMessages() throws {
        func size(_ message: Message, frame: UInt64 = 8, answered: UInt64? = 5) throws -> Int {
            try CompactMessage.encode(message, frame: frame, answered: answered, context: Self.context).count
        }
        #expect(try size(answer(5, .content)) == 1)
        #expect(try size(.empty(.acknowledgement, 5)) == 1)
        #expect(try size(answer(5, .forbidden)) == 2)
        #expect(try size(answer(5, .created)) == 2)
        // 4.29 with Max-Age 2.
        #expect(try size(answer(5, .tooManyRequests, [MessageOption(.maxAge, uint: 2)])) == 6)
        #expect(try size(.empty(.reset, 5)) == 3)
        var separate = answer(5, .changed)
        separate.type = .confirmable
        separate.messageID = 8
        #expect(try size(separate) == 3)
        for type in [MessageType.confirmable, .nonConfirmable] {
            let notification = Message(
                type: type, code: .content, messageID: 8, token: [0x5A],
                options: [MessageOption(.observe, uint: 8), MessageOption(.maxAge, uint: 3_600)], payload: [7])
            #expect(try size(notification) == 2)
        }
        #expect(try size(.empty(.confirmable, 8)) == 2)
        #expect(
            try size(Message(type: .confirmable, code: .get, messageID: 8, token: CompactContext.token(8))) == 2)
    }

    @Test("an answer is taken only for the request whose low bits it carries")
    func answersNameTheirRequest() throws {
        let late = try CompactMessage.encode(answer(4, .changed), frame: 9, answered: 4, context: Self.context)
        for outstanding: [UInt64] in [[], [5], [3, 5], [4 + 16]] {
            #expect(throws: CompactMessageError.answersNothing) {
                try CompactMessage.decode(late, frame: 9, outstanding: outstanding, context: Self.context)
            }
        }
        // Two that it could be: none of them.
        #expect(throws: CompactMessageError.answersNothing) {
            try CompactMessage.decode(late, frame: 9, outstanding: [4, 36], context: Self.context)
        }
        let read = try CompactMessage.decode(late, frame: 9, outstanding: [4, 4, 5], context: Self.context)
        #expect(read.answered == 4)
    }

    /// Any valid message, often one that nearly has a short form.
    private func message(_ random: inout SplitMix64, frame: UInt64, answered: UInt64?) -> Message {
        let types: [MessageType] = [.confirmable, .nonConfirmable, .acknowledgement, .reset]
        let type = types[random.below(4)]
        let ids = [
            CompactContext.messageID(frame), CompactContext.messageID(answered ?? 0),
            UInt16(truncatingIfNeeded: random.next()),
        ]
        var message = Message.empty(type, ids[random.below(3)])
        if random.chance(10) { return message }
        let codes: [Code] = [
            .get, .post, .put, .changed, .content, .created, .forbidden, .tooManyRequests, .serviceUnavailable,
            Code(0, UInt8(1 + random.below(31))), Code([2, 4, 5][random.below(3)], UInt8(random.below(32))),
        ]
        message.code = codes[random.below(codes.count)]
        switch random.below(5) {
        case 0: message.token = CompactContext.token(frame)
        case 1: message.token = CompactContext.token(answered ?? 1)
        case 2: message.token = [0x5A]
        default: message.token = random.bytes(random.below(9))
        }
        switch random.below(4) {
        case 0: break
        case 1:
            let shapes = Self.context.shapes
            message.options = shapes[random.below(shapes.count)].options
        case 2:
            message.options = [
                MessageOption(.observe, uint: random.chance(80) ? frame & 0xFF_FFFF : random.next() & 0xFF_FFFF),
                MessageOption(.maxAge, uint: 3_600),
            ]
        default:
            for _ in 0..<random.below(4) {
                let number = OptionNumber(UInt16(random.chance(50) ? random.below(40) : random.below(65_536)))
                message.options.append(MessageOption(number, random.bytes(random.chance(5) ? 300 : random.below(20))))
            }
        }
        if random.chance(60) { message.payload = random.bytes(random.below(40)) }
        return message
    }

    @Test("every valid message comes out as it went in, as its verbatim form would, and is never longer than that")
    func reversible() throws {
        let rounds = ProcessInfo.processInfo.environment["SOTTO_LONG"] == "1" ? 1_000_000 : 30_000
        var random = SplitMix64(seed: 51)
        var wrong: [String] = []
        var oneByte = 0
        for round in 0..<rounds {
            let frame = random.chance(50) ? random.next() : UInt64(random.below(100_000))
            let answered: UInt64? = random.chance(70) ? random.next() : nil
            let message = message(&random, frame: frame, answered: answered)
            let context = random.chance(80) ? Self.context : CompactContext(shapes: [])
            let verbatim = try message.encoded()
            let encoded = try CompactMessage.encode(message, frame: frame, answered: answered, context: context)
            if encoded.count > verbatim.count { wrong.append("longer in round \(round)") }
            if encoded.count == 1 + message.payload.count { oneByte += 1 }
            let outstanding = answered.map { [$0, $0 &+ 1, $0 &+ 7] } ?? []
            let decoded = try? CompactMessage.decode(
                encoded, frame: frame, outstanding: outstanding, context: context)
            if decoded?.message != (try Message(decoding: verbatim)) { wrong.append("round \(round): \(hex(encoded))") }
            if let found = decoded?.answered, found != answered { wrong.append("answers another in round \(round)") }
        }
        #expect(wrong == [])
        #expect(oneByte > rounds / 200)
    }

    static let refused: [(String, CompactMessageError)] = [
        ("", .empty), ("c0", .truncated), ("20", .truncated), ("2003", .truncated), ("c401", .truncated),
        ("c40101", .truncated), ("c201", .truncated), ("c20109", .truncated), ("c2010255", .truncated),
        // Shapes and flags that are none, the first code of class 3 among them.
        ("a8", .undefined), ("bd", .undefined), ("2060", .undefined), ("20e0", .undefined), ("20ff", .undefined),
        // What RFC 7252 does not allow: a payload in an empty message, a reserved class, a marker without payload.
        ("8000", .malformed), ("c10001", .malformed), ("c120", .malformed), ("c160", .malformed),
        ("200645ff", .malformed), ("201001", .malformed), ("200200", .malformed), ("c045ff", .malformed),
        ("c001f0", .malformed),
        ("4009", .malformed), ("60450005ff", .malformed), ("c20001 01", .malformed),
    ]

    @Test("bytes that are no message are refused with their reason", arguments: refused)
    func refusedBytes(encoding: String, error: CompactMessageError) {
        #expect(throws: error) {
            try CompactMessage.decode(bytes(hex: encoding), frame: 1, outstanding: [0], context: Self.context)
        }
    }

    @Test("random bytes do no harm, and what they say can be said again")
    func randomBytes() {
        var random = SplitMix64(seed: 52)
        var read = 0
        var wrong: [String] = []
        for _ in 0..<50_000 {
            let input = random.bytes(1 + random.below(16))
            let frame = random.next()
            guard
                let decoded = try? CompactMessage.decode(
                    input, frame: frame, outstanding: [3, 17, 40], context: Self.context)
            else { continue }
            read += 1
            guard
                let again = try? CompactMessage.encode(
                    decoded.message, frame: frame, answered: decoded.answered, context: Self.context),
                again.count <= input.count,
                let second = try? CompactMessage.decode(
                    again, frame: frame, outstanding: [3, 17, 40], context: Self.context),
                second.message == decoded.message
            else {
                wrong.append(hex(input))
                continue
            }
        }
        #expect(wrong == [])
        #expect(read > 3_000)
    }
}
