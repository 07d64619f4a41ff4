import CoAP
import TestSupport
import Testing

@Suite("The bytes of a CoAP message")
struct MessageTests {
    /// RFC 7252 appendix A, with bytes made by hand from its figures.
    static let figures: [(String, Message, String)] = [
        (
            "figure 16, request", Message(type: .confirmable, code: .get, messageID: 0x7d34, options: [temperature]),
            "40 01 7d34 bb 74656d7065726174757265"
        ),
        (
            "figure 16, response",
            Message(type: .acknowledgement, code: .content, messageID: 0x7d34, payload: Array("22.3 C".utf8)),
            "60 45 7d34 ff 32322e332043"
        ),
        (
            "figure 17, request",
            Message(type: .confirmable, code: .get, messageID: 0x7d35, token: [0x20], options: [temperature]),
            "41 01 7d35 20 bb 74656d7065726174757265"
        ),
        (
            "figure 17, response",
            Message(
                type: .acknowledgement, code: .content, messageID: 0x7d35, token: [0x20], payload: Array("22.3 C".utf8)),
            "61 45 7d35 20 ff 32322e332043"
        ),
        (
            "figure 20, separate response",
            Message(
                type: .confirmable, code: .content, messageID: 0xad7b, token: [0x53], payload: Array("22.3 C".utf8)),
            "41 45 ad7b 53 ff 32322e332043"
        ),
        ("figure 20, empty acknowledgement", .empty(.acknowledgement, 0x7d38), "60 00 7d38"),
        ("figure 21, reset", .empty(.reset, 0xad7b), "70 00 ad7b"),
        (
            "figure 22, unconfirmed request",
            Message(type: .nonConfirmable, code: .get, messageID: 0x7d40, token: [0x75], options: [temperature]),
            "51 01 7d40 75 bb 74656d7065726174757265"
        ),
        (
            "figure 22, unconfirmed response",
            Message(
                type: .nonConfirmable, code: .content, messageID: 0xad7c, token: [0x75], payload: Array("22.3 C".utf8)),
            "51 45 ad7c 75 ff 32322e332043"
        ),
    ]
    static let temperature = MessageOption(.uriPath, Array("temperature".utf8))

    @Test("the exchanges that RFC 7252 shows have its bytes", arguments: figures)
    func rfcFigures(name: String, message: Message, encoding: String) throws {
        #expect(try message.encoded() == bytes(hex: encoding))
        #expect(try Message(decoding: bytes(hex: encoding)) == message)
    }

    @Test(
        "deltas and lengths go to extended bytes at 13 and at 269",
        arguments: [
            (12, 12, "cc"), (13, 0, "d000"), (12, 13, "cd00"), (268, 0, "d0ff"), (269, 0, "e00000"), (0, 268, "0dff"),
            (0, 269, "0e0000"), (300, 300, "ee001f001f"), (65_535, 0, "e0fef2"), (1, 65_804, "1effff"),
        ])
    func optionHeads(number: Int, length: Int, head: String) throws {
        let value = [UInt8](repeating: 0x61, count: length)
        let message = Message(
            type: .confirmable, code: .get, messageID: 1, options: [MessageOption(OptionNumber(UInt16(number)), value)])
        let encoding = try message.encoded()
        #expect(encoding == bytes(hex: "40010001" + head) + value)
        #expect(try Message(decoding: encoding) == message)
    }

    @Test("options leave in the order of their numbers, repeated ones in theirs")
    func optionOrder() throws {
        let message = Message(
            type: .confirmable, code: .post, messageID: 2,
            options: [
                MessageOption(.uriQuery, [1]), MessageOption(.uriPath, [2]), MessageOption(.contentFormat, []),
                MessageOption(.uriPath, [1]), MessageOption(.uriQuery, [0]),
            ])
        let encoding = try message.encoded()
        #expect(encoding == bytes(hex: "40020002" + "b102" + "0101" + "10" + "3101" + "0100"))
        #expect(try Message(decoding: encoding).options.map(\.value) == [[2], [1], [], [1], [0]])
    }

    @Test("what has no encoding is refused")
    func noEncoding() {
        let refused = [
            Message(type: .confirmable, code: .get, messageID: 0, token: [UInt8](repeating: 0, count: 9)),
            Message(type: .reset, code: .empty, messageID: 0, token: [1]),
            Message(type: .reset, code: .empty, messageID: 0, options: [MessageOption(.uriPath, [])]),
            Message(type: .acknowledgement, code: .empty, messageID: 0, payload: [1]),
            Message(
                type: .confirmable, code: .get, messageID: 0,
                options: [MessageOption(.uriPath, [UInt8](repeating: 0, count: 65_805))]),
        ]
        for message in refused {
            #expect(throws: MessageError.cannotEncode) { try message.encoded() }
        }
    }

    @Test("20,000 random messages come back as they were")
    func roundTrip() throws {
        var random = SplitMix64(seed: 8)
        var wrong: [Message] = []
        for _ in 0..<20_000 {
            let message = Message.random(&random)
            guard let encoding = try? message.encoded(), let decoded = try? Message(decoding: encoding),
                decoded == message
            else {
                wrong.append(message)
                continue
            }
        }
        #expect(wrong == [])
    }

    @Test("no option value of a number is longer than the number needs, and leading zeros are read")
    func unsignedOptions() {
        let values: [(UInt64, [UInt8])] = [
            (0, []), (1, [1]), (255, [255]), (256, [1, 0]), (60, [60]), (86_400, [1, 0x51, 0x80]),
            (0xFF_FFFF, [255, 255, 255]), (.max, [UInt8](repeating: 255, count: 8)),
        ]
        for (value, encoding) in values {
            #expect(MessageOption(.maxAge, uint: value).value == encoding)
            #expect(MessageOption(.maxAge, encoding).uint == value)
            #expect(MessageOption(.maxAge, [0, 0] + encoding).uint == value)
        }
        #expect(MessageOption(.maxAge, [1] + [UInt8](repeating: 0, count: 8)).uint == nil)
        var random = SplitMix64(seed: 9)
        var wrong: [UInt64] = []
        for _ in 0..<10_000 {
            let value = random.next() >> UInt64(random.below(64))
            if MessageOption(.observe, uint: value).uint != value { wrong.append(value) }
        }
        #expect(wrong == [])
    }

    @Test("codes fall into requests, responses and what is reserved")
    func codes() {
        for raw in UInt8.min...UInt8.max {
            let code = Code(rawValue: raw)
            #expect(Code(code.codeClass, code.detail) == code)
            #expect(code.isRequest == (1...31).contains(raw))
            #expect(code.isResponse == [2, 4, 5].contains(raw / 32))
            #expect(code.isSuccess == (64...95).contains(raw))
        }
        #expect(Code.content.rawValue == 0x45)
        #expect(Code.tooManyRequests.rawValue == 0x9D)
        #expect(Code.serviceUnavailable.rawValue == 0xA3)
    }

    @Test("odd option numbers are critical")
    func criticalOptions() {
        #expect(OptionNumber.uriPath.isCritical)
        #expect(OptionNumber.accept.isCritical)
        #expect(!OptionNumber.observe.isCritical)
        #expect(!OptionNumber.maxAge.isCritical)
    }

    @Test("an application sees path, Observe and Max-Age, and the default of Max-Age")
    func applicationView() {
        let request = Request(
            .get, path: [[0x6D], [0x61, 0x62]],
            options: [MessageOption(.observe, uint: 0), MessageOption(.accept, [60])])
        #expect(request.path == [[0x6D], [0x61, 0x62]])
        #expect(request.observe == 0)
        #expect(Request(.get, path: [[1]]).observe == nil)
        let response = Response(
            .content, options: [MessageOption(.observe, uint: 7), MessageOption(.maxAge, uint: 300)])
        #expect(response.observe == 7)
        #expect(response.maxAge == 300)
        #expect(Response(.content).maxAge == 60)
        let longest = Response(.content, options: [MessageOption(.maxAge, uint: 0xFFFF_FFFF)])
        #expect(longest.maxAge == 0xFFFF_FFFF)
        let tooLong = Response(.content, options: [MessageOption(.maxAge, uint: 0x1_0000_0000)])
        #expect(tooLong.maxAge == 60)
        #expect(Response(.content).observe == nil)
    }
}

extension Message {
    /// A message of any sound shape, its options in order.
    static func random(_ random: inout SplitMix64) -> Message {
        let type = MessageType(rawValue: UInt8(random.below(4))) ?? .confirmable
        if random.chance(5) { return .empty(type, UInt16(random.below(0x1_0000))) }
        let codeClass: [UInt8] = [0, 2, 4, 5]
        var code = Code(codeClass[random.below(4)], random.byte())
        if code == .empty { code = .get }
        var number = 0
        var options: [MessageOption] = []
        for _ in 0..<random.below(6) {
            number +=
                random.chance(40) ? random.below(14) : random.chance(80) ? random.below(300) : random.below(20_000)
            guard number <= 0xFFFF else { break }
            let length =
                random.chance(70) ? random.below(16) : random.chance(90) ? random.below(300) : random.below(2_000)
            options.append(MessageOption(OptionNumber(UInt16(number)), random.bytes(length)))
        }
        return Message(
            type: type, code: code, messageID: UInt16(random.below(0x1_0000)), token: random.bytes(random.below(9)),
            options: options, payload: random.bytes(random.chance(30) ? 0 : random.below(100)))
    }
}
