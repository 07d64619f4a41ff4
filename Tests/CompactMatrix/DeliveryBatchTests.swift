import CompactMatrix
import TestSupport
import Testing

@Suite("Deliveries that travel together")
struct DeliveryBatchTests {
    private static let none = IdentifierTable(capacity: 0)

    private static func shown(_ items: [DeliveryBatch.Item]) -> [String] {
        items.map { "\($0.sender) \($0.unixSeconds) \($0.content)" }
    }

    @Test("a known sender is a byte, a later time its difference")
    func bytes() throws {
        let items = [
            DeliveryBatch.Item(
                sender: "@alice:example.org", unixSeconds: 1_700_000_000, content: .said(.message("hi"))),
            DeliveryBatch.Item(
                sender: "@alice:example.org", unixSeconds: 1_700_000_010, content: .said(.message("you"))),
        ]
        var first = IdentifierPass(frame: 0, own: Self.none, other: Self.none)
        let inWords = DeliveryBatch.encode(items, &first)
        #expect(hex(inWords) == "72" + hex(Array("@alice:example.org".utf8)) + "1a6553f100" + "626869" + "000a63796f75")
        var table = IdentifierTable(capacity: 256)
        table.record(first.mentions, in: 0)
        var reading = IdentifierPass(frame: 0, own: Self.none, other: Self.none)
        #expect(Self.shown(try DeliveryBatch.decode(inWords, &reading)) == Self.shown(items))
        #expect(reading.mentions == first.mentions)
        // Not acknowledged: in words again. Then by reference, to the frame before, and within the frame.
        var early = IdentifierPass(frame: 1, own: table, other: Self.none)
        #expect(DeliveryBatch.encode(items, &early) == inWords)
        table.acknowledged(0)
        var second = IdentifierPass(frame: 1, own: table, other: Self.none)
        let byReference = DeliveryBatch.encode(items, &second)
        #expect(hex(byReference) == "041a6553f100626869000a63796f75")
        var again = IdentifierPass(frame: 1, own: table, other: Self.none)
        #expect(Self.shown(try DeliveryBatch.decode(byReference, &again)) == Self.shown(items))
        var stranger = IdentifierPass(frame: 1, own: Self.none, other: Self.none)
        #expect(throws: DeliveryBatch.Refusal.unknownReference) { try DeliveryBatch.decode(byReference, &stranger) }
    }

    @Test("random batches come back as they were; cut ones and damaged ones do no harm")
    func random() throws {
        var random = SplitMix64(seed: 8)
        for round in 0..<500 {
            let items = (0..<random.below(6)).map { _ in
                let content: DeliveryBatch.Content =
                    switch random.below(3) {
                    case 0: .said(.message("text \(random.below(1_000))"))
                    case 1: .said(.command(verb: "set", arguments: [(key: "a", value: "\(random.below(9))")]))
                    default: .event(random.bytes(random.below(40)))
                    }
                return DeliveryBatch.Item(
                    sender: "@u\(random.below(4)):x", unixSeconds: UInt64(random.below(1 << 33)), content: content)
            }
            var writing = IdentifierPass(frame: 3, own: Self.none, other: Self.none)
            let encoded = DeliveryBatch.encode(items, &writing)
            var reading = IdentifierPass(frame: 3, own: Self.none, other: Self.none)
            #expect(Self.shown(try DeliveryBatch.decode(encoded, &reading)) == Self.shown(items), "round \(round)")
            guard !encoded.isEmpty else { continue }
            var damaged = Array(encoded.prefix(1 + random.below(encoded.count)))
            damaged[random.below(damaged.count)] = random.byte()
            var pass = IdentifierPass(frame: 3, own: Self.none, other: Self.none)
            _ = try? DeliveryBatch.decode(damaged, &pass)
        }
    }
}
