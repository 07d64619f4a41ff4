import CBOR
import MatrixJSON
import TestSupport
import Testing

/// The CBOR that a device has and the one over libcbor that the gateway has share no code: each is tested by the other.
@Suite("A device's CBOR and the gateway's")
struct TwoCodecsTests {
    private func write(_ value: JSONValue, to writer: inout CBORWriter) {
        switch value {
        case .null: writer.null()
        case .bool(let value): writer.bool(value)
        case .integer(let value): writer.integer(value)
        case .double: Issue.record("a device writes no floats")
        case .string(let value): writer.text(value)
        case .array(let items):
            writer.array(items.count)
            for item in items { write(item, to: &writer) }
        case .object(let object):
            writer.map(object.count)
            for member in object.members {
                writer.text(member.key)
                write(member.value, to: &writer)
            }
        }
    }

    /// Reads what `shape` is like; a null is passed over, since nothing else reads it.
    private func read(like shape: JSONValue, from reader: inout CBORReader) throws -> JSONValue {
        switch shape {
        case .null, .double:
            try reader.skip()
            return .null
        case .bool: return .bool(try reader.bool())
        case .integer: return .integer(try reader.integer())
        case .string: return .string(try reader.text())
        case .array(let items):
            guard try reader.array() == items.count else { throw CBORError.outOfRange(at: reader.position) }
            return .array(try items.map { try read(like: $0, from: &reader) })
        case .object(let object):
            guard try reader.map() == object.count else { throw CBORError.outOfRange(at: reader.position) }
            return .object(
                JSONObject(
                    try object.members.map { member in
                        let key = try reader.text()
                        return JSONObject.Member(key: key, value: try read(like: member.value, from: &reader))
                    }))
        }
    }

    @Test("both write the same bytes for the same value, and each reads what the other wrote")
    func bothDirections() {
        var random = SplitMix64(seed: 24)
        var wrong: [String] = []
        for _ in 0..<10_000 {
            let value = JSONValue.random(&random, floats: false)
            var writer = CBORWriter()
            write(value, to: &writer)
            let encoded = CBORCodec.encode(value)
            var reader = CBORReader(encoded)
            guard writer.bytes == encoded, (try? CBORCodec.decode(writer.bytes)) == value,
                let read = try? read(like: value, from: &reader), reader.isAtEnd, read == value,
                read.jsonBytes == value.jsonBytes
            else {
                wrong.append(hex(encoded.prefix(100)))
                continue
            }
        }
        #expect(wrong == [])
    }

    @Test("on random bytes they differ only in what JSON has not: both refuse the rest")
    func agreement() {
        var random = SplitMix64(seed: 25)
        var wrong: [String] = []
        var both = 0
        for round in 0..<40_000 {
            var input: [UInt8]
            if round % 2 == 0 {
                input = CBORCodec.encode(.random(&random, floats: false, depth: 3))
                guard input.count < 200 else { continue }
                for _ in 0..<random.below(3) { input[random.below(input.count)] = random.byte() }
            } else {
                input = random.bytes(1 + random.below(10))
            }
            var reader = CBORReader(input)
            let passes = (try? reader.skip()) != nil && reader.isAtEnd
            do throws(CBORCodecError) {
                let value = try CBORCodec.decode(input)
                if passes { both += 1 }
                // Floats are the gateway's alone.
                if !passes, !hasFloat(value) { wrong.append("only the gateway: " + hex(input)) }
            } catch {
                switch error.reason {
                case .byteString, .invalidUTF8, .keyNotText, .duplicateKey, .integerOutOfRange: break
                default: if passes { wrong.append("only the device: " + hex(input)) }
                }
            }
        }
        #expect(wrong == [])
        #expect(both > 3_000)
    }

    private func hasFloat(_ value: JSONValue) -> Bool {
        switch value {
        case .double: true
        case .array(let items): items.contains { hasFloat($0) }
        case .object(let object): object.members.contains { hasFloat($0.value) }
        default: false
        }
    }
}
