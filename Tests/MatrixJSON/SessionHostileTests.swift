import CZlib
import CompactMatrix
import MatrixJSON
import TestSupport
import Testing

@Suite("Hostile messages to an end that remembers")
struct SessionHostileTests {
    /// A gateway that has two messages, and the device that sent them.
    static func standing() throws -> (device: SessionMemory, gateway: SessionMemory) {
        var (device, gateway) = SessionMemoryTests.pair(.edge)
        for frame in UInt64(0)..<2 {
            _ = try gateway.decodeRequest(device.encode(SessionMemoryTests.send("hello"), frame: frame), frame: frame)
            device.acknowledged(frame)
        }
        return (device, gateway)
    }

    private static func reason(_ gateway: SessionMemory, _ bytes: [UInt8]) -> CBORCodecError.Reason? {
        var gateway = gateway
        do throws(CBORCodecError) {
            _ = try gateway.decodeRequest(bytes, frame: 2, limits: .event)
            return nil
        } catch {
            return error.reason
        }
    }

    @Test("frames that are not remembered, too far or written too long are refused with their reason")
    func references() throws {
        let (_, gateway) = try Self.standing()
        for (bytes, reason) in [
            ("17", CBORCodecError.Reason.unknownReference), ("1f00", .unknownReference), ("ff00", .unknownReference),
            ("ffffffffffffff7f", .unknownReference), ("ffff", .truncated), ("ff8000", .nonMinimal),
            ("ffffffffffffffffffff01", .truncated), ("0c", .compression), ("", .truncated), ("08", .compression),
            // The shape of a message, and not all of its contents, or more.
            ("0768656c6c", .truncated), ("0768656c6c6f6f", .trailingBytes), ("0668656c6c6f", nil),
        ] {
            #expect(Self.reason(gateway, bytesOf(bytes)) == reason, "\(bytes)")
        }
    }

    private func bytesOf(_ hex: String) -> [UInt8] { bytes(hex: hex) }

    @Test("what expands beyond the limit after a shape is refused at the limit")
    func bomb() throws {
        let (_, gateway) = try Self.standing()
        // Fixed codes without their first three bits: length 258 at distance 1, again and again: 13 bits each.
        var bits: [Bool] = []
        func append(_ code: UInt32, _ count: Int) {
            for place in (0..<count).reversed() { bits.append(code >> UInt32(place) & 1 == 1) }
        }
        append(0x30 + 0x61, 8)
        for _ in 0..<20_000 {
            append(0b1100_0101, 8)
            append(0, 5)
        }
        var bytes: [UInt8] = [0x01]
        for (place, bit) in bits.enumerated() {
            if place % 8 == 0 { bytes.append(0) }
            if bit { bytes[bytes.count - 1] |= 1 << UInt8(place % 8) }
        }
        #expect(Self.reason(gateway, bytes) == .compression)
    }

    @Test("random and damaged messages do no harm, and the next true one is read")
    func damage() throws {
        var random = SplitMix64(seed: 12)
        let (standingDevice, standingGateway) = try Self.standing()
        var device = standingDevice
        let good = device.encode(SessionMemoryTests.send("hello"), frame: 2)
        var gateway = standingGateway
        for round in 0..<5_000 {
            var bytes = round % 2 == 0 ? random.bytes(1 + random.below(40)) : good + random.bytes(random.below(4))
            if round % 2 == 0 {
                bytes[0] = bytes[0] & 0b111 | (random.chance(70) ? UInt8(random.below(2)) << 3 : bytes[0])
            }
            for _ in 0..<random.below(3) { bytes[random.below(bytes.count)] = random.byte() }
            if bytes == good { continue }
            // A frame's number comes once: each damaged one would be another frame.
            var copy = gateway
            _ = try? copy.decodeRequest(bytes, frame: 2, limits: .event)
            if (try? gateway.decodeRequest(bytes, frame: 2, limits: .event)) != nil { gateway = standingGateway }
        }
        #expect(try gateway.decodeRequest(good, frame: 2).body?["body"] == "hello")
    }

    @Test("a table and a store of shapes stay within what was agreed, whatever comes")
    func bounded() throws {
        var random = SplitMix64(seed: 5)
        let sizes = SessionMemory.Sizes(identifiers: 256, contexts: 512)
        var (device, gateway) = SessionMemoryTests.pair(sizes)
        for frame in UInt64(0)..<400 {
            let users = (0..<random.below(90)).map { JSONValue.string("@user\($0)of\(frame):example.org") }
            let request = CompactRequest(
                method: "POST", target: "/_matrix/client/v3/rooms/!r\(frame % 7):example.org/invite",
                body: ["users": .array(users), "user_id": "@a:example.org"])
            let encoded = device.encode(request, frame: frame)
            #expect(try gateway.decodeRequest(encoded, frame: frame) == request)
            if random.chance(80) { device.acknowledged(frame) }
            #expect(gateway.identifierBytes <= 256)
            #expect(device.identifierBytes <= 256)
            #expect(gateway.shapeBytes <= 512)
        }
    }
}
