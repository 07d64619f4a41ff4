import CBOR
import TestSupport
import Testing

@Suite("CBOR from anybody")
struct HostileInputTests {
    @Test("an item of another type is refused, and stays to be read as what it is")
    func anotherType() throws {
        var reader = CBORReader(bytes(hex: "6161"))
        #expect(throws: CBORError.unexpectedType(at: 0)) { try reader.unsigned() }
        #expect(throws: CBORError.unexpectedType(at: 0)) { try reader.map() }
        #expect(try reader.text() == "a")
        var number = CBORReader([1])
        #expect(throws: CBORError.unexpectedType(at: 0)) { try number.bool() }
    }

    @Test("what follows is noticed")
    func trailing() throws {
        var reader = CBORReader([0x01, 0x02])
        #expect(try reader.unsigned() == 1)
        #expect(throws: CBORError.trailingBytes(at: 1)) { try reader.finish() }
        #expect(try reader.unsigned() == 2)
        try reader.finish()
        #expect(throws: CBORError.truncated(at: 2)) { try reader.unsigned() }
    }

    @Test("lengths beyond the input are refused before anything is made of them")
    func declaredLengths() {
        for encoding in [
            "58", "41", "5818", "5a7fffffff", "5b7fffffffffffffff", "5bffffffffffffffff", "7bffffffffffffffff", "61",
        ] {
            var reader = CBORReader(bytes(hex: encoding))
            #expect(throws: CBORError.truncated(at: 0), "\(encoding)") { try reader.skip() }
        }
        for encoding in ["81", "9affffffff", "9bffffffffffffffff", "82" + "00"] {
            var reader = CBORReader(bytes(hex: encoding))
            #expect(throws: CBORError.truncated(at: 0), "\(encoding)") { try reader.array() }
        }
        // Each pair takes two bytes at least: two pairs do not fit in three.
        for encoding in ["a1", "a1" + "00", "a2" + "000000", "bbffffffffffffffff", "bb7fffffffffffffff"] {
            var reader = CBORReader(bytes(hex: encoding))
            #expect(throws: CBORError.truncated(at: 0), "\(encoding)") { try reader.map() }
        }
    }

    @Test("every sound item cut at every length is refused")
    func truncated() throws {
        // {"a": [1, -500, "ü", h'00ff', true, null, 2^40]}
        let whole = bytes(hex: "a16161" + "8701" + "3901f3" + "62c3bc" + "4200ff" + "f5" + "f6" + "1b0000010000000000")
        var reader = CBORReader(whole)
        try reader.skip()
        try reader.finish()
        for length in 0..<whole.count {
            var cut = CBORReader(Array(whole.prefix(length)))
            #expect(throws: CBORError.self, "\(length) bytes") { try cut.skip() }
        }
    }

    @Test("nesting ends at a bound, on either kind of container")
    func nesting() throws {
        let depth = CBORReader.deepest
        for opening: [UInt8] in [[0x81], [0xA1, 0x00]] {
            func nested(_ levels: Int) -> [UInt8] { (0..<levels).flatMap { _ in opening } + [0x00] }
            var sound = CBORReader(nested(depth))
            try sound.skip()
            try sound.finish()
            var deep = CBORReader(nested(depth + 1))
            #expect(throws: CBORError.tooDeep(at: depth * opening.count + 1)) { try deep.skip() }
            var deepest = CBORReader(nested(100_000))
            #expect(throws: CBORError.self) { try deepest.skip() }
        }
    }

    @Test(
        "text that is no UTF-8 is refused",
        arguments: [
            "80", "bf", "c0", "c080", "c1bf", "c2", "c27f", "c2c0", "e0", "e08080", "e09fbf", "e0a0", "e0a07f",
            "eda080",
            "edbfbf", "ee80", "efbf", "f0", "f08080bf", "f08fbfbf", "f0908f", "f0908fff", "f48fbf", "f4908080",
            "f5808080", "f8888080", "fe", "ff", "61ff", "e0a080" + "80",
        ])
    func invalidText(content: String) {
        let text = bytes(hex: content)
        var reader = CBORReader([0x60 | UInt8(text.count)] + text)
        #expect(throws: CBORError.invalidText(at: 0)) { try reader.text() }
    }

    @Test("the judgement on text is that of the standard library, on every lead and many continuations")
    func textAgainstStandardLibrary() {
        var random = SplitMix64(seed: 5)
        let telling: [UInt8] = [
            0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC2, 0xE0, 0xED, 0xF0, 0xF4, 0xFF,
        ]
        var wrong: [String] = []
        var sound = 0
        for lead in 0...0xFF {
            for _ in 0..<300 {
                var text = [UInt8(lead)]
                for _ in 0..<random.below(6) {
                    text.append(random.chance(70) ? 0x80 | random.byte() & 0x3F : telling[random.below(telling.count)])
                }
                var reader = CBORReader([0x60 | UInt8(text.count)] + text)
                let read = try? reader.text()
                let isSound = String(validating: text, as: UTF8.self) != nil
                if isSound { sound += 1 }
                if (read != nil) != isSound || isSound && read.map({ Array($0.utf8) }) != text {
                    wrong.append(hex(text))
                }
            }
        }
        #expect(wrong == [])
        #expect(sound > 1000, "the random texts must not all be broken")
    }

    @Test("random bytes do no harm, and what is passed over reads the same a second time")
    func randomBytes() {
        var random = SplitMix64(seed: 6)
        var sound = 0
        var wrong: [String] = []
        for _ in 0..<60_000 {
            let input = random.bytes(random.below(40))
            var reader = CBORReader(input)
            guard (try? reader.skip()) != nil else { continue }
            sound += 1
            if reader.position > input.count { wrong.append(hex(input)) }
            // The item alone is sound, and lacks its last byte for nobody to miss.
            let item = Array(input.prefix(reader.position))
            var again = CBORReader(item)
            if (try? again.skip()) == nil || !again.isAtEnd { wrong.append(hex(item)) }
            var cut = CBORReader(Array(item.dropLast()))
            if (try? cut.skip()) != nil { wrong.append(hex(item)) }
        }
        #expect(wrong == [])
        #expect(sound > 10_000)
    }

    @Test("every one of the first two bytes leads nowhere but to a value or an error")
    func shortInputs() {
        var sound = 0
        for first in 0...0xFF {
            for second in 0...0xFF {
                let input = [UInt8(first), UInt8(second)]
                var reader = CBORReader(input)
                if (try? reader.skip()) != nil { sound += 1 }
                guard second % 15 == 0 else { continue }
                var others = CBORReader(input)
                _ = try? others.text()
                others = CBORReader(input)
                _ = try? others.bytes()
                others = CBORReader(input)
                _ = try? others.map()
                others = CBORReader(input)
                _ = try? others.bool()
                others = CBORReader(input)
                _ = try? others.integer()
            }
        }
        // One byte is enough for 24 + 24 numbers, two empty strings, two empty containers, false, true and null; two
        // bytes for the numbers 24...255 of either sign, any string of one byte (passing over does not judge text), an
        // array of one item of one byte, and no map.
        #expect(sound == 55 * 256 + 2 * 232 + 256 + 256 + 55)
    }
}
