import Foundation
import MatrixJSON
import TestSupport
import Testing

/// Text that is bytes in disguise travels as bytes and comes back as that very text.
@Suite("Packing of text")
struct PackingTests {
    private func size(_ text: String) -> Int {
        CompactCodec.encode(.string(text), compresses: false).count - 1
    }

    private func survives(_ text: String) -> Bool {
        let value = JSONValue.string(text)
        return (try? CompactCodec.decode(CompactCodec.encode(value, compresses: false))) == value
            && (try? CompactCodec.decode(CompactCodec.encode(value))) == value
    }

    /// Text, and how many bytes it may take.
    static let packed: [(String, Int)] = [
        // An event id whose tail bits are zero, and one where they are not: they travel.
        ("$vNE2ur7IJ-mfwb-aUo9gjkSUs3WWMX_QXE7SpuRkbME", 34), ("$Rt4XfHx1Cq2ZbVn0mYkLsW8aPdEoUgTiJ3y5h7NQw9d", 36),
        // A room of version 12; one of an older version is not a hash.
        ("!sM73t2FsxFiYGygcZ_OrjWKTHJ-QsucqiIKNVOYBvyY", 35),
        // Keys and hashes in both alphabets, a signature, padded and unpadded.
        ("IlRMeOPX2e0MurIyfWEucYBRVOEEUMrOHqn/8mLqMjA", 35), ("gWNCLdGpI1Sg-6Wn_uJyDbcJlmMrlCjKBm9nXB6FqXM", 35),
        ("IlRMeOPX2e0MurIyfWEucYBRVOEEUMrOHqn/8mLqMjA=", 35), ("gWNCLdGpI1Sg-6Wn_uJyDbcJlmMrlCjKBm9nXB6FqXM=", 35),
        ("KqmLSbO39/Bzb0QIYE82zqLwsA+PDzYIpIRA2sRQ4sL53+sN6/fpNSoqE7BP7vBZhG6kYdD13EIMJpvhJI+6Bw", 67),
        ("IlRMeOPX2e0MurIyfWEucYBRVOEEUMrOHqn/8mLqMjB", 36), ("IlRMeOPX2e0MurIyfWEucYBRVOEEUMrOHqn/8mLqMjB=", 36),
        ("d41d8cd98f00b204e9800998ecf8427e", 18), ("D41D8CD98F00B204E9800998ECF8427E", 18),
        ("1727788800123", 8), ("30000", 4), ("12", 2), ("-40", 3), ("9223372036854775807", 10),
    ]

    @Test("ids, keys, hashes, signatures and numbers travel as bytes", arguments: packed)
    func sizes(text: String, bytes: Int) {
        #expect(size(text) == bytes)
        #expect(survives(text))
    }

    static let near: [String] = [
        "", "$", "!", "=", "0", "-0", "00", "007", "-", "-1", "+1", "1.0", "1e3", " 1", "1 ", "9223372036854775808",
        "-9223372036854775808", "-9223372036854775807", "99999999999999999999", "0x12", "١٢",
        "$vNE2ur7IJ-mfwb-aUo9gjkSUs3WWMX_QXE7SpuRkbME=", "$$vNE2ur7IJ-mfwb-aUo9gjkSUs3WWMX_QXE7SpuRkbM",
        "$vNE2ur7IJ+mfwb/aUo9gjkSUs3WWMX/QXE7SpuRkbME", "$vNE2ur7IJ-mfwb-aUo9gjkSUs3WWMX_QXE7SpuRkbME:hs1.test",
        "!GVDPJRdcVFDPYbHPqU:example.org", "IlRMeOPX2e0MurIyfWEucYBRVOEEUMrOHqn/8mLqMj-", "AAAAAAAAAAAAAAAAAAAAAA==",
        "AAAAAAAAAAAAAAAAAAAAAA===", "AAAAAAAAAAAAAAAAAAAAAB==", "aAAAAAAAAAAAAAAAAAAAA", "aAAAAAAAAAAAAAAAAAAAA===",
        "aAAAAAAAAAAAAAAAAAAA=", "aAAAAAAAAAAAAAAAAAAAAA=", "=aAAAAAAAAAAAAAAAAAAAA", "aAAAAAAAA=AAAAAAAAAAAA",
        "d41d8cd98f00b204e9800998ecf8427", "d41D8cd98f00b204e9800998ecf8427e", "d41d8cd98f00b204e9800998ecf8427g",
        "a_long_key_that_is_a_word_and_no_bytes", "AllTheseAreLettersOfOneWord", "m.room.message", "m.room.messagf",
        "M_FORBIDDEN", "m_forbidden", "content", "Content", "ｄ41d8cd98f00b204e9800998ecf8427e", "\u{0}", "\u{301}",
        "AAAAAAAAAAAAAAAAAAAAAAAA\u{301}", "12\u{301}", "IlRMeOPX2e0MurIyfWEucYBRVOEEUMrOHqn\n8mLqMjA",
    ]

    @Test("what only looks like these comes back as it is", arguments: near)
    func nearMisses(text: String) {
        #expect(survives(text))
    }

    @Test("random text over the alphabets, changed by a character here and there, comes back as it is")
    func randomText() {
        let rounds = ProcessInfo.processInfo.environment["SOTTO_LONG"] == "1" ? 200_000 : 15_000
        let alphabets = [
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", "0123456789abcdef", "0123456789ABCDEF",
            "0123456789",
        ].map { Array($0) }
        let strangers = Array("=+-_/$!. \u{e9}\u{212A}gG")
        var random = SplitMix64(seed: 17)
        var wrong: [String] = []
        var shorter = 0
        for _ in 0..<rounds {
            let alphabet = alphabets[random.below(alphabets.count)]
            var characters = (0..<random.below(70)).map { _ in alphabet[random.below(alphabet.count)] }
            if random.chance(25) { characters.insert(random.chance(50) ? "$" : "!", at: 0) }
            if random.chance(20) { characters += Array(repeating: "=", count: 1 + random.below(3)) }
            if random.chance(20), !characters.isEmpty {
                characters[random.below(characters.count)] = strangers[random.below(strangers.count)]
            }
            let text = String(characters)
            if !survives(text) { wrong.append(text) }
            if size(text) < text.utf8.count { shorter += 1 }
        }
        #expect(wrong == [])
        #expect(shorter > rounds / 3)
    }

    /// Tag, bytes: nothing packs into them.
    static let unpackable: [String] = [
        // Padded kinds without padding, ragged kinds whose last bits say nothing or too much, or with no byte at all.
        "c3 43 010203", "c4 43 010203", "c7 40", "c8 40", "c8 42 0100", "c8 43 010000", "c8 41 01", "c8 42 0101",
        "c8 43 010201", "cb 41 04", "c9 42 01 08",
        // Kinds that do not exist, or without bytes behind them.
        "d2 00", "d3 40", "d7 40", "d818 40", "c0 61 61", "c0 00", "c5 00", "cf 61 31", "cf f6",
        // Secrets stand outside, and here is no outside.
        "d1 61 61",
        // A time of another length than five bytes or six, in six where five do, before the times; or none.
        "d3 44 01020304", "d3 47 01020304050607", "d3 46 019248000000", "d3 46 00ffffffffff", "d3 01", "d0 01",
        // Integers that are small, negative, times or longer than need be; floats of no decimal or another form.
        "d4 41 17", "d4 41 ff", "d4 40", "d4 42 0018", "d4 46 010203040506", "d4 18 20", "d5 40", "d5 41 00",
        "d5 42 00 0a", "d5 43 00 0001", "d5 42 7f 01 00", "d5 18 20",
        // Numbers that no table knows, and numbers that have a shorter form.
        "cd 19 ffff", "ce 19 ffff", "ce 00", "f8 00", "f8 1f", "e0 00",
    ]

    @Test("bytes that no text packs into are refused", arguments: unpackable)
    func refused(encoding: String) {
        #expect(throws: CBORCodecError.self) { try CompactCodec.decode([0] + bytes(hex: encoding)) }
    }
}
