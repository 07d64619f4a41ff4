import CBOR
import TestSupport
import Testing

/// A value of what `CBORWriter` writes.
private indirect enum Item: Equatable {
    case unsigned(UInt64)
    case integer(Int64)
    case bytes([UInt8])
    case text(String)
    case bool(Bool)
    case array([Item])
    case map([[Item]])

    /// Sizes around the steps of a head's length come up as often as others.
    static func random(_ random: inout SplitMix64, depth: Int) -> Item {
        switch random.below(depth < 4 ? 7 : 5) {
        case 0: return .unsigned(number(&random))
        case 1:
            let magnitude = Int64(number(&random) >> 1)
            return .integer(random.chance(50) ? magnitude : -1 - magnitude)
        case 2: return .bytes(random.bytes(length(&random)))
        case 3:
            var text = ""
            for _ in 0..<length(&random) {
                text.unicodeScalars.append(Unicode.Scalar(UInt32(random.next() % 0x11_0000)) ?? "\u{1F4E1}")
            }
            return .text(text)
        case 4: return .bool(random.chance(50))
        case 5: return .array((0..<random.below(6)).map { _ in Item.random(&random, depth: depth + 1) })
        default:
            return .map(
                (0..<random.below(4)).map { _ in
                    [.random(&random, depth: depth + 1), .random(&random, depth: depth + 1)]
                }
            )
        }
    }

    private static func number(_ random: inout SplitMix64) -> UInt64 {
        let edges: [UInt64] = [0, 23, 24, 0xFF, 0x100, 0xFFFF, 0x1_0000, 0xFFFF_FFFF, 0x1_0000_0000, .max]
        return random.chance(30) ? edges[random.below(edges.count)] : random.next() >> UInt64(random.below(64))
    }

    private static func length(_ random: inout SplitMix64) -> Int {
        random.chance(5) ? 250 + random.below(12) : random.below(27)
    }

    func write(to writer: inout CBORWriter) {
        switch self {
        case .unsigned(let value): writer.unsigned(value)
        case .integer(let value): writer.integer(value)
        case .bytes(let value): writer.bytes(value)
        case .text(let value): writer.text(value)
        case .bool(let value): writer.bool(value)
        case .array(let items):
            writer.array(items.count)
            for item in items { item.write(to: &writer) }
        case .map(let pairs):
            writer.map(pairs.count)
            for item in pairs.joined() { item.write(to: &writer) }
        }
    }

    /// Reads an item of the shape of `self`.
    func read(from reader: inout CBORReader) throws -> Item {
        switch self {
        case .unsigned: .unsigned(try reader.unsigned())
        case .integer: .integer(try reader.integer())
        case .bytes: .bytes(try reader.bytes())
        case .text: .text(try reader.text())
        case .bool: .bool(try reader.bool())
        case .array(let items):
            .array(try check(try reader.array(), items.count, items.map { item in try item.read(from: &reader) }))
        case .map(let pairs):
            .map(
                try check(
                    try reader.map(), pairs.count,
                    pairs.map { pair in try pair.map { item in try item.read(from: &reader) } }))
        }
    }

    /// Both operands are read from one input: the count first.
    private func check<T>(_ count: Int, _ wanted: Int, _ items: @autoclosure () throws -> T) throws -> T {
        guard count == wanted else { throw CBORError.outOfRange(at: count) }
        return try items()
    }
}

@Suite("CBOR there and back")
struct RoundTripTests {
    @Test("whatever is written reads back the same, passes over in one step, and is refused when cut")
    func roundTrip() throws {
        var random = SplitMix64(seed: 7)
        var wrong: [String] = []
        for _ in 0..<20_000 {
            let item = Item.random(&random, depth: 0)
            var writer = CBORWriter()
            item.write(to: &writer)
            var reader = CBORReader(writer.bytes)
            var skipping = reader
            guard let read = try? item.read(from: &reader), read == item, reader.isAtEnd, (try? skipping.skip()) != nil,
                skipping.isAtEnd
            else {
                wrong.append(hex(writer.bytes))
                continue
            }
            var cut = CBORReader(Array(writer.bytes.prefix(random.below(writer.bytes.count))))
            if (try? cut.skip()) != nil { wrong.append("cut " + hex(writer.bytes)) }
        }
        #expect(wrong == [])
    }

    @Test("bytes that were encoded before go in as they are")
    func raw() throws {
        var inner = CBORWriter()
        inner.text("a")
        var writer = CBORWriter()
        writer.array(2)
        writer.raw(inner.bytes)
        writer.raw([0x18, 0x64])
        #expect(hex(writer.bytes) == "82" + "6161" + "1864")
    }
}
