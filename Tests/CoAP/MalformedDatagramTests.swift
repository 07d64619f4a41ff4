import CoAP
import Foundation
import TestSupport
import Testing

/// Datagrams that are no messages, against an endpoint that has nothing under way.
@Suite("Malformed datagrams")
struct MalformedDatagramTests {
    enum Answer: Equatable, Sendable {
        case silence, reset
    }

    /// A Uri-Path option, "time".
    static let path = "b474696d65"

    static let datagrams: [(String, String, Answer)] = [
        ("nothing", "", .silence),
        ("one byte", "40", .silence),
        ("three bytes", "400112", .silence),
        ("version 0, confirmable", "00011004" + path, .silence),
        ("version 2, confirmable", "80011005" + path, .silence),
        ("version 3, confirmable", "c0011006" + path, .silence),
        ("version 3 and nothing sound behind it", "cf001006ffff", .silence),
        ("token of 9 bytes", "49011007010203040506070809" + path, .reset),
        ("token of 15 bytes", "4f011009000102030405060708090a0b0c0d0e" + path, .reset),
        ("token of 15 bytes, unconfirmed", "5f01100a000102030405060708090a0b0c0d0e" + path, .silence),
        ("token of 14, its extended length cut", "4e01100c00", .reset),
        ("token of 14, its extended length a lie", "4e01100dffff0102", .reset),
        ("token cut", "44011010010203", .reset),
        ("token missing", "41011011", .reset),
        ("token cut, unconfirmed", "54011010010203", .silence),
        ("empty with a token length", "4100100faa", .reset),
        ("empty with a token length and no token", "41001010", .reset),
        ("empty with an option", "40001010" + path, .reset),
        ("empty with a payload", "40001010ff61", .reset),
        ("empty with a marker", "40001010ff", .reset),
        ("empty with content, unconfirmed", "50001010ff61", .silence),
        ("acknowledgement of nothing we know", "60001012", .silence),
        ("acknowledgement with trailing bytes", "60001013ff61", .silence),
        ("acknowledgement with a token length", "61001013aa", .silence),
        ("reset of nothing we know", "70001014", .silence),
        ("reset with trailing bytes", "70001014ff61", .silence),
        ("reset with the code of a request", "70011015" + path, .silence),
        ("reset with the code of a response", "70451015", .silence),
        ("acknowledgement with a request in it", "60011016" + path, .silence),
        ("unconfirmed message without code", "50001017", .silence),
        ("reserved class 1", "40211018", .reset),
        ("reserved class 1, unconfirmed", "50211018", .silence),
        ("class 3", "40601021" + path, .reset),
        ("reserved class 6", "40c01019", .reset),
        ("reserved class 7", "40e1101a", .reset),
        ("reserved class 7, unconfirmed", "50e1101b", .silence),
        ("reserved class in an acknowledgement", "60e1101b", .silence),
        ("reserved class in a reset", "7021101b", .silence),
        ("response that nobody asked for", "4145101c77", .reset),
        ("response that nobody asked for, unconfirmed", "5145101d77", .silence),
        ("response that nobody asked for, piggybacked", "6145101e77", .silence),
        ("option delta 15", "40011022f0", .reset),
        ("option length 15", "400110230f", .reset),
        ("option delta 15, length 14", "40011024fe", .reset),
        ("option delta 15 behind an option", "40011024" + path + "f1aa", .reset),
        ("extended delta missing", "40011025d0", .reset),
        ("extended delta of two bytes missing", "40011026e0", .reset),
        ("extended delta of two bytes cut", "40011027e001", .reset),
        ("extended length missing", "40011028bd", .reset),
        ("extended length of two bytes cut", "40011029be01", .reset),
        ("extended delta and length both cut", "40011031ed01", .reset),
        ("value cut", "4001102ab47469", .reset),
        ("value missing", "4001102ab4", .reset),
        ("value of 65,804 bytes, one there", "4001102bbeffff74", .reset),
        ("option numbers that wrap to Uri-Path in 16 bits", "4001102de0fef2c474696d65", .reset),
        ("option number 65,536", "4001102de0fef210", .reset),
        ("marker without payload", "4001102e" + path + "ff", .reset),
        ("marker without payload or options", "4001102fff", .reset),
        ("marker without payload, unconfirmed", "50011030" + path + "ff", .silence),
        ("marker without payload in an acknowledgement", "60451030ff", .silence),
        ("extended delta missing, unconfirmed", "50011025d0", .silence),
        ("a datagram that felled er-coap", "515151008051515151 4e51515151515151f506", .silence),
        (
            "another one",
            "424342424242429e8042422801e1e1e1e1e1e1e1e1e1e1e1e1e1e1bfe10000100043425342ff49",
            .reset
        ),
    ]

    @Test(
        "each class of damage is answered by a reset to a confirmable message, otherwise by silence",
        arguments: datagrams)
    func damage(name: String, datagram: String, answer: Answer) {
        let datagram = bytes(hex: datagram)
        var endpoint = idleEndpoint()
        endpoint.receive(datagram, now: 0)
        #expect(endpoint.nextEvent() == nil)
        switch answer {
        case .silence:
            #expect(endpoint.nextTransmission() == nil)
        case .reset:
            let transmission = endpoint.nextTransmission()
            #expect(transmission?.content == .message([0x70, 0x00, datagram[2], datagram[3]]))
            #expect(transmission?.isConfirmable == false)
            #expect(endpoint.nextTransmission() == nil)
        }
        #expect(endpoint.isIdle)
        #expect(endpoint.deadline == nil)
    }

    @Test("the reason is told apart, with what an answer needs")
    func reasons() {
        let reasons: [(String, MessageError)] = [
            ("4001", .shorterThanHeader),
            ("00011004", .unknownVersion),
            ("49011007", .formatError(.tokenLength, type: .confirmable, messageID: 0x1007)),
            ("54011008aa", .formatError(.truncatedToken, type: .nonConfirmable, messageID: 0x1008)),
            ("60001013ff61", .formatError(.emptyMessageWithContent, type: .acknowledgement, messageID: 0x1013)),
            ("40011022f0", .formatError(.reservedOptionNibble, type: .confirmable, messageID: 0x1022)),
            ("70451022b4", .formatError(.truncatedOption, type: .reset, messageID: 0x1022)),
            ("4001102de0fef210", .formatError(.optionNumberOverflow, type: .confirmable, messageID: 0x102d)),
            ("4001102eff", .formatError(.markerWithoutPayload, type: .confirmable, messageID: 0x102e)),
            ("40211018", .formatError(.reservedCode, type: .confirmable, messageID: 0x1018)),
        ]
        for (datagram, reason) in reasons {
            #expect(throws: reason) { try Message(decoding: bytes(hex: datagram)) }
        }
    }

    @Test("no datagram of up to three bytes has any effect")
    func shortDatagrams() {
        var endpoint = idleEndpoint()
        endpoint.receive([], now: 0)
        for first in UInt8.min...UInt8.max {
            endpoint.receive([first], now: 0)
            for second in UInt8.min...UInt8.max {
                endpoint.receive([first, second], now: 0)
                // Not all 256: a debug build takes a minute for them. Each value comes up with each first byte.
                for third in [first ^ second, first &+ second] { endpoint.receive([first, second, third], now: 0) }
            }
        }
        #expect(endpoint.nextEvent() == nil)
        #expect(endpoint.nextTransmission() == nil)
        #expect(endpoint.deadline == nil)
    }

    @Test("every header of four bytes has the effect that its type and code call for")
    func headers() {
        var wrong: [String] = []
        for first in UInt8.min...UInt8.max {
            for code in UInt8.min...UInt8.max {
                let datagram = [first, code, 0x12, 0x34]
                if let fault = faultOfHandling(datagram) { wrong.append(hex(datagram) + ": " + fault) }
            }
        }
        #expect(wrong == [])
    }

    @Test("random and damaged datagrams have the effect that an independent reading of them calls for")
    func randomDatagrams() {
        var random = SplitMix64(seed: 10)
        var wrong: [String] = []
        var sound = 0
        for round in 0..<20_000 {
            var datagram: [UInt8]
            if round % 2 == 0, let message = try? Message.random(&random).encoded(), message.count < 400 {
                datagram = message
                for _ in 0..<random.below(3) { datagram[random.below(datagram.count)] ^= 1 << UInt8(random.below(8)) }
                if random.chance(30) { datagram = Array(datagram.prefix(random.below(datagram.count + 1))) }
            } else {
                datagram = random.bytes(random.below(40))
                // Version 1 more often than by chance.
                if !datagram.isEmpty, random.chance(80) { datagram[0] = datagram[0] & 0x3F | 0x40 }
            }
            if isSound(datagram) { sound += 1 }
            if let fault = faultOfHandling(datagram) { wrong.append(hex(datagram) + ": " + fault) }
        }
        #expect(wrong == [])
        #expect((2_500...17_500).contains(sound), "both kinds have to come up")
    }

    @Test("a request cut at any length, or with any bit changed, is answered by a reset, or is another sound message")
    func damagedRequest() throws {
        let request = try Message(
            type: .confirmable, code: .post, messageID: 0x1051, token: [1, 2, 3, 4, 5, 6, 7, 8],
            options: [
                MessageOption(.uriPath, [0x74]), MessageOption(.uriQuery, [UInt8](repeating: 0x71, count: 20)),
                MessageOption(OptionNumber(2_000), [1]),
            ], payload: [0xAA, 0xBB]
        ).encoded()
        #expect(faultOfHandling(request) == nil)
        for length in 0..<request.count { #expect(faultOfHandling(Array(request.prefix(length))) == nil) }
        for bit in 0..<request.count * 8 {
            var damaged = request
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(faultOfHandling(damaged) == nil, "bit \(bit)")
        }
    }

    /// The inputs that fuzzing begins with.
    private static var corpus: [(String, [UInt8])] {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Fuzz/Corpus/CoAPMessageFuzz")
        let files = try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        return (files ?? []).compactMap { file in
            (try? Data(contentsOf: file)).map { (file.lastPathComponent, Array($0)) }
        }
    }

    @Test(
        "every message of the table and of the corpus, cut at any length or with any bit changed, has the effect that its bytes call for"
    )
    func damagedMessages() {
        var sound = 0
        var wrong: [String] = []
        let corpus = Self.corpus
        #expect(corpus.count > 15)
        for (name, message) in DatagramTableTests.table.map({ ($0.0, bytes(hex: $0.1)) }) + corpus {
            guard isSound(message), message.count < 300 else { continue }
            sound += 1
            for length in 0..<message.count {
                if let fault = faultOfHandling(Array(message.prefix(length))) {
                    wrong.append("\(name): \(length): \(fault)")
                }
            }
            for bit in 0..<message.count * 8 {
                var damaged = message
                damaged[bit / 8] ^= 1 << UInt8(bit % 8)
                if let fault = faultOfHandling(damaged) { wrong.append("\(name): bit \(bit): \(fault)") }
            }
        }
        #expect(wrong == [])
        #expect(sound > 30)
    }

    @Test("a thousand options, and the largest datagram of UDP, are one request")
    func large() throws {
        var endpoint = idleEndpoint()
        endpoint.receive(bytes(hex: "40011049b0") + [UInt8](repeating: 0, count: 999), now: 0)
        guard case .request(let request) = endpoint.nextEvent() else {
            Issue.record("no request")
            return
        }
        #expect(request.request.path.count == 1000)
        endpoint.receive(bytes(hex: "4002104aff") + [UInt8](repeating: 7, count: 65_507 - 5), now: 0)
        guard case .request(let large) = endpoint.nextEvent() else {
            Issue.record("no request")
            return
        }
        #expect(large.request.payload.count == 65_502)
    }

    // MARK: An independent reading

    private func idleEndpoint() -> Endpoint {
        Endpoint(parameters: .init(roundTrip: 1_000, perAnswerByte: 1), seed: 1, firstMessageID: 0)
    }

    /// nil where a fresh endpoint does with the datagram what RFC 7252 section 4.2 and 4.3 want.
    private func faultOfHandling(_ datagram: [UInt8]) -> String? {
        var endpoint = idleEndpoint()
        endpoint.receive(datagram, now: 0)
        let event = endpoint.nextEvent()
        let transmission = endpoint.nextTransmission()
        guard endpoint.nextEvent() == nil, endpoint.nextTransmission() == nil else { return "more than one effect" }
        guard datagram.count >= 4, datagram[0] >> 6 == 1 else {
            return event == nil && transmission == nil ? nil : "no message, and not ignored"
        }
        let type = datagram[0] >> 4 & 3
        let isRequest = (1...31).contains(datagram[1])
        if isSound(datagram), isRequest, type < 2 {
            guard case .request(let request) = event, transmission == nil else { return "request not taken" }
            let id = Endpoint.IncomingRequest.ID(
                messageID: UInt16(datagram[2]) << 8 | UInt16(datagram[3]),
                token: Array(datagram[4..<4 + Int(datagram[0] & 15)]))
            return request.id == id && request.isConfirmable == (type == 0) ? nil : "request garbled"
        }
        guard event == nil else { return "an event" }
        // Whatever else is confirmable cannot be processed: damaged, empty (a ping), or a response to nothing.
        let wanted: Endpoint.Transmission.Content? = type == 0 ? .message([0x70, 0, datagram[2], datagram[3]]) : nil
        return transmission?.content == wanted ? nil : "answer"
    }

    /// Whether the bytes are a message by RFC 7252 section 3; written a second time, sharing nothing with the decoder.
    private func isSound(_ datagram: [UInt8]) -> Bool {
        guard datagram.count >= 4, datagram[0] & 0xC0 == 0x40 else { return false }
        if datagram[1] == 0 { return datagram.count == 4 && datagram[0] & 0x0F == 0 }
        guard [0, 2, 4, 5].contains(datagram[1] / 32), datagram[0] & 0x0F <= 8 else { return false }
        var rest = datagram.dropFirst(4)
        guard rest.count >= Int(datagram[0] & 0x0F) else { return false }
        rest = rest.dropFirst(Int(datagram[0] & 0x0F))
        var number = 0
        while let head = rest.popFirst() {
            if head == 0xFF { return !rest.isEmpty }
            var fields = [Int(head >> 4), Int(head & 0x0F)]
            for index in 0...1 where fields[index] >= 13 {
                if fields[index] == 15 { return false }
                guard rest.count >= fields[index] - 12 else { return false }
                if fields[index] == 13 {
                    fields[index] = 13 + Int(rest.removeFirst())
                } else {
                    let high = Int(rest.removeFirst())
                    fields[index] = 269 + high * 256 + Int(rest.removeFirst())
                }
            }
            number += fields[0]
            guard number < 65_536, rest.count >= fields[1] else { return false }
            rest = rest.dropFirst(fields[1])
        }
        return true
    }
}
