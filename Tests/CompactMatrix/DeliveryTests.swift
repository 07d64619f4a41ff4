import CBOR
import CompactMatrix
import TestSupport
import Testing

@Suite("What arrives at a device")
struct DeliveryTests {
    /// Everything in a delivery, in a form that compares byte by byte.
    private func parts(_ delivery: Delivery) -> [[UInt8]] {
        var parts = [Array(delivery.sender.utf8), Array(String(delivery.unixSeconds).utf8)]
        switch delivery.content {
        case .message(let text):
            parts += [[0], Array(text.utf8)]
        case .command(let verb, let arguments):
            parts += [[1], Array(verb.utf8)]
            for argument in arguments { parts += [Array(argument.key.utf8), Array(argument.value.utf8)] }
        }
        return parts
    }

    private let message = Delivery(sender: "@a:b", unixSeconds: 1_700_000_000, content: .message("hi"))
    private let command = Delivery(
        sender: "@a:b", unixSeconds: 23,
        content: .command(
            verb: "set", arguments: [(key: "z", value: "1"), (key: "a", value: ""), (key: "z", value: "2")]))

    @Test("a message and a command have the bytes that the protocol says")
    func exactBytes() {
        #expect(hex(message.body) == "83" + "6440613a62" + "1a6553f100" + "626869")
        #expect(
            hex(command.body) == "84" + "6440613a62" + "17" + "63736574" + "a3" + "617a6131" + "616160" + "617a6132")
        let plain = Delivery(sender: "", unixSeconds: 0, content: .command(verb: "", arguments: []))
        #expect(hex(plain.body) == "84" + "60" + "00" + "60" + "a0")
    }

    @Test("arguments keep their order, also where a key comes twice")
    func order() throws {
        #expect(parts(try Delivery(decoding: command.body)) == parts(command))
        guard case .command(let verb, let arguments) = try Delivery(decoding: command.body).content else {
            Issue.record("no command")
            return
        }
        #expect(verb == "set")
        #expect(arguments.map(\.key) == ["z", "a", "z"])
        #expect(arguments.map(\.value) == ["1", "", "2"])
    }

    @Test("random deliveries come back as they were")
    func roundTrip() {
        var random = SplitMix64(seed: 19)
        func text() -> String {
            var text = ""
            for _ in 0..<random.below(40) {
                text.unicodeScalars.append(Unicode.Scalar(UInt32(random.next() % 0x11_0000)) ?? "\u{e9}")
            }
            return text
        }
        var wrong: [String] = []
        for _ in 0..<10_000 {
            let content: Delivery.Content
            if random.chance(50) {
                content = .message(text())
            } else {
                let arguments = (0..<random.below(5)).map { _ in (key: text(), value: text()) }
                content = .command(verb: text(), arguments: arguments)
            }
            let delivery = Delivery(
                sender: text(), unixSeconds: random.next() >> UInt64(random.below(64)), content: content)
            guard let read = try? Delivery(decoding: delivery.body), parts(read) == parts(delivery) else {
                wrong.append(hex(delivery.body))
                continue
            }
        }
        #expect(wrong == [])
    }

    @Test("a body cut at any length, or with anything behind it, is refused")
    func cutAndLengthened() {
        for body in [message.body, command.body] {
            for length in 0..<body.count {
                #expect(throws: CBORError.self, "\(length) bytes") {
                    try Delivery(decoding: Array(body.prefix(length)))
                }
            }
            #expect(throws: CBORError.trailingBytes(at: body.count)) { try Delivery(decoding: body + [0]) }
        }
    }

    @Test(
        "a body of another shape is refused",
        arguments: [
            // No array; arrays of too few or too many items, whatever stands behind them.
            "00", "60", "a3616100616200616300", "80", "816161", "82616101", "80616101" + "6162", "81616101" + "6162",
            "82616101" + "6162", "85616101" + "6162", "85616101" + "6162" + "a0" + "00", "86616101" + "6162",
            "8461616101" + "6162", "98036161" + "016162",
            // Items of another type in each place.
            "83016101" + "6162", "83416101" + "6162", "8361616131" + "6162", "83616120" + "6162", "836161f4" + "6162",
            "8361610102", "836161014162", "83616101" + "f6", "84616101" + "6162" + "80", "84616101" + "6162" + "60",
            "84616101" + "6162" + "f6", "84616101" + "6162" + "a1" + "0161", "84616101" + "6162" + "a1" + "6161" + "01",
            // Lengths that lie.
            "9bffffffffffffffff616101", "837bffffffffffffffff01" + "6162", "84616101" + "6162" + "bbffffffffffffffff",
            "84616101" + "6162" + "a2" + "6161" + "6161",
            // Text that is no UTF-8, heads that are too long, indefinite lengths.
            "8361ff01" + "6162", "8361611801" + "6162", "8361617f616101ff", "9f616101" + "6162ff",
            "84616101" + "6162" + "bf61616161ff",
        ])
    func hostile(body: String) {
        #expect(throws: CBORError.self) { try Delivery(decoding: bytes(hex: body)) }
    }

    @Test("random and damaged bodies do no harm, and what is read has exactly the bytes that it was read from")
    func randomBodies() {
        var random = SplitMix64(seed: 20)
        var wrong: [String] = []
        var read = 0
        for round in 0..<40_000 {
            var body: [UInt8]
            if round % 2 == 0 {
                body = random.chance(50) ? message.body : command.body
                for _ in 0..<1 + random.below(2) { body[random.below(body.count)] = random.byte() }
            } else {
                body = [UInt8(0x80 + random.below(6))] + random.bytes(random.below(30))
            }
            guard let delivery = try? Delivery(decoding: body) else { continue }
            read += 1
            if delivery.body != body { wrong.append(hex(body)) }
        }
        #expect(wrong == [])
        #expect(read > 3_000)
    }
}
