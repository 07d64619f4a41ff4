import TestSupport
import Testing

@testable import MatrixJSON

/// What our own compressor makes is deflate: zlib reads it.
@Suite("Fixed deflate")
struct FixedDeflateTests {
    private func survives(_ input: [UInt8], dictionary: [UInt8]) -> Bool {
        let output = FixedDeflate(dictionary: dictionary).compress(input)
        guard let back = try? Deflate.expand(output + [0xAA], dictionary: dictionary, maximumBytes: 1 << 20) else {
            return false
        }
        return back.output == input && back.consumed == output.count
    }

    @Test("every length and many distances come back from zlib")
    func lengthsAndDistances() {
        var random = SplitMix64(seed: 76)
        let noise = random.bytes(300)
        for length in 3...300 {
            let input = Array(noise.prefix(length))
            // The match stands at the dictionary's beginning, its end, and behind a gap.
            #expect(survives(input, dictionary: noise + random.bytes(random.below(40))), "\(length)")
            #expect(survives(input + [1] + input, dictionary: []), "\(length)")
        }
        for gap in [0, 1, 2, 3, 4, 5, 7, 8, 100, 1_000, 4_000, 20_000, 32_400, 32_467, 32_468, 32_469, 40_000] {
            #expect(survives(noise, dictionary: noise + [UInt8](repeating: 7, count: gap)), "\(gap)")
        }
        #expect(survives([], dictionary: []))
        #expect(survives([1], dictionary: [1, 2]))
        #expect(survives([3, 1, 2, 3], dictionary: [1, 2]))
        #expect(survives([UInt8](repeating: 0, count: 5_000), dictionary: [0]))
        #expect(survives((0...255).map { UInt8($0) }, dictionary: []))
    }

    @Test("random input of few and of many letters comes back from zlib")
    func randomInput() {
        var random = SplitMix64(seed: 77)
        var wrong = 0
        for _ in 0..<1_500 {
            let letters = 1 + random.below(random.chance(50) ? 4 : 256)
            func text(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(random.below(letters)) } }
            if !survives(text(random.below(200)), dictionary: text(random.below(300))) { wrong += 1 }
        }
        #expect(wrong == 0)
    }

    @Test("no captured body takes more than with zlib's fixed codes, and all together take less")
    func againstZlib() throws {
        var ours = 0
        var zlibs = 0
        for body in try FixtureFiles.homeserver().flatMap(\.bodies) {
            let structure = CompactCodec.compressedPart(of: body.value)
            guard structure.count <= 2_000 else { continue }
            let mine = CompactDictionary.deflate.compress(structure).count
            let theirs = try #require(Deflate.fixedByZlib(structure, dictionary: CompactDictionary.bytes)).count
            #expect(mine <= theirs, "\(body.name)")
            ours += mine
            zlibs += theirs
        }
        #expect(ours < zlibs)
    }
}
