import CZlib
import Foundation
import MatrixJSON
import TestSupport
import Testing

/// Compact messages that were made to cost.
@Suite("Hostile compact messages")
struct CompactHostileTests {
    private func reason(_ bytes: [UInt8], _ limits: DocumentLimits = .standard) -> CBORCodecError.Reason? {
        do throws(CBORCodecError) {
            _ = try CompactCodec.decode(bytes, limits: limits)
            return nil
        } catch {
            return error.reason
        }
    }

    /// Raw deflate, one block, without a dictionary: offsets within its own output need none.
    private func deflated(_ input: [UInt8]) throws -> [UInt8] {
        var stream = z_stream()
        let size = Int32(MemoryLayout<z_stream>.size)
        try #require(deflateInit2_(&stream, 9, Z_DEFLATED, -15, 9, Z_FIXED, ZLIB_VERSION, size) == Z_OK)
        defer { deflateEnd(&stream) }
        var input = input
        var output = [UInt8](repeating: 0, count: input.count + 1_000)
        let room = UInt32(output.count)
        let status = input.withUnsafeMutableBufferPointer { source in
            output.withUnsafeMutableBufferPointer { target in
                stream.next_in = source.baseAddress
                stream.avail_in = UInt32(source.count)
                stream.next_out = target.baseAddress
                stream.avail_out = room
                return deflate(&stream, Z_FINISH)
            }
        }
        try #require(status == Z_STREAM_END)
        return Array(output.prefix(Int(room - stream.avail_out)))
    }

    @Test("what expands beyond the limit is refused before more than the limit is made")
    func bombs() throws {
        // An array of zeros: 64 KiB and a head of three bytes, and the same again with a byte more.
        func array(_ count: Int) -> [UInt8] {
            [0x99, UInt8(count >> 8), UInt8(count & 0xFF)] + [UInt8](repeating: 0, count: count)
        }
        let fits = try deflated(array(16_000))
        #expect(fits.count < 300)
        let limits = DocumentLimits(maximumBytes: 16_003, maximumValues: 20_000)
        #expect(reason(fits, limits) == nil)
        #expect(reason(fits, DocumentLimits(maximumBytes: 16_002, maximumValues: 20_000)) == .compression)
        #expect(reason(fits, DocumentLimits(maximumBytes: 16_003, maximumValues: 16_000)) == .tooManyValues)
        // 40 MB out of 170 KB, were it made: inflating that much takes many times the processor time allowed here.
        let bomb = try deflated([0x9A, 0x02, 0x80, 0x00, 0x00] + [UInt8](repeating: 0, count: 40 << 20))
        #expect(bomb.count < 400_000)
        #expect(reason(bomb, .event) == .tooLong)
        #expect(reason(bomb, .standard) == .compression)
        let begin = threadNanoseconds()
        #expect(reason(Array(bomb.prefix(60_000)), .event) == .compression)
        #expect(threadNanoseconds() - begin < 15_000_000)
    }

    @Test("distances before the dictionary, cut streams, other block types and empty messages are refused")
    func damagedStreams() throws {
        #expect(reason([]) == .truncated)
        #expect(reason([0]) == .truncated)
        // Not final, stored, reserved, and the forms that mean nothing yet.
        for first: UInt8 in [0b001, 0b010, 0b100, 0b110, 0b111, 0x08, 0xF8] { #expect(reason([first, 0, 0]) != nil) }
        let whole = CompactCodec.encode([
            "type": "m.room.message", "sender": "@a:b", "content": ["body": "abcabcabcabc"],
        ])
        #expect(whole[0] & 0b111 == 0b011)
        for length in 0..<whole.count { #expect(reason(Array(whole.prefix(length))) != nil) }
        #expect(reason(whole + [0]) == .trailingBytes)
        // Fixed code: length 3, the largest distance, which no dictionary of 4 KiB reaches.
        #expect(reason([0b0000_0011, 0b1110_1011, 0xFF, 0xFF, 0xFF, 0]) == .compression)
    }

    @Test("heads that promise what is not there are refused at once")
    func promises() throws {
        let promises = [
            "9affffffff", "baffffffff", "9bffffffffffffffff", "5bffffffffffffffff", "7bffffffffffffffff", "5affffffff",
            "c05affffffff", "d15a7fffffff", "c35bffffffffffffffff", "81c0", "a1c0", "cf", "cf1bffffffffffffffff",
            "cd1bffffffffffffffff", "ce1bffffffffffffffff", "cd3bffffffffffffffff", "d01bffffffffffffffff", "d0",
            "d001", "d03b7fffffffffffffff", "821b000001923f6bd07bd01b7fffffffffffffff",
            "821b000001923f6bd07bd03b7fffffffffffffff", "f8", "f8ff00", "9f", "bf", "5f", "7f", "ff", "c09f",
            "5f4101ff",
        ].map(bytes(hex:))
        for promise in promises {
            #expect(reason([0] + promise) != nil, "\(hex(promise))")
            #expect(reason(try deflated(promise)) != nil, "\(hex(promise))")
        }
        for opening: [UInt8] in [[0x81], [0xA1, 0x00]] {
            func nested(_ depth: Int) -> [UInt8] { [0] + (0..<depth).flatMap { _ in opening } + [0x01] }
            #expect(reason(nested(128)) == nil)
            #expect(reason(nested(129)) == .tooDeep)
            #expect(reason(nested(1_000_000)) == .tooDeep)
        }
        // Tags upon tags are no depth: the second one is refused.
        #expect(reason([0] + [UInt8](repeating: 0xC0, count: 100_000)) == .packing)
    }

    @Test("contents outside the compressed part are all there and nothing more")
    func tails() throws {
        let value: JSONValue = [
            "account_data": ["events": []], "to_device": ["events": []],
            "device_lists": ["changed": [], "left": []], "presence": ["events": []],
            "event_id": "$vNE2ur7IJ-mfwb-aUo9gjkSUs3WWMX_QXE7SpuRkbME", "access_token": "syt_abc",
        ]
        let encoded = CompactCodec.encode(value)
        #expect(encoded[0] & 0b111 == 0b011)
        #expect(try CompactCodec.decode(encoded) == value)
        #expect(encoded.suffix(7) == Array("syt_abc".utf8)[...])
        #expect(reason(Array(encoded.dropLast())) == .truncated)
        #expect(reason(encoded + [0]) == .trailingBytes)
        #expect(reason(Array(encoded.dropLast()) + [0xFF]) == .invalidUTF8)
    }

    @Test("random damage does no harm: what is still read can be written and read again")
    func randomDamage() throws {
        let rounds = ProcessInfo.processInfo.environment["SOTTO_LONG"] == "1" ? 400_000 : 20_000
        var random = SplitMix64(seed: 74)
        let bodies = try FixtureFiles.homeserver().flatMap(\.bodies).filter { $0.value.jsonBytes.count < 2_000 }
        let encodings = bodies.flatMap {
            [CompactCodec.encode($0.value), CompactCodec.encode($0.value, compresses: false)]
        }
        var read = 0
        var wrong: [String] = []
        for round in 0..<rounds {
            var bytes = round % 4 == 0 ? [0] + random.bytes(1 + random.below(20)) : encodings[round % encodings.count]
            for _ in 0..<random.below(4) { bytes[random.below(bytes.count)] = random.byte() }
            if random.chance(20) { bytes = Array(bytes.prefix(1 + random.below(bytes.count))) }
            guard let value = try? CompactCodec.decode(bytes, limits: .event) else { continue }
            read += 1
            if (try? CompactCodec.decode(CompactCodec.encode(value))) != value { wrong.append(hex(bytes.prefix(60))) }
        }
        #expect(wrong == [])
        #expect(read > rounds / 20)
    }
}

/// Processor time of the calling thread.
private func threadNanoseconds() -> Int {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
}
