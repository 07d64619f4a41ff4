/// Base64 (RFC 4648 sections 4 and 5) in which no bit of the text is lost.
enum Base64Bits {
    /// The bytes of unpadded text, and whether they had to keep bits that decoders ignore. nil: another alphabet.
    static func bytes(_ text: ArraySlice<UInt8>, _ alphabet: PackingKind.Alphabet) -> (bytes: [UInt8], isRagged: Bool)?
    {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count * 3 / 4 + 1)
        var held: UInt32 = 0
        var bits = 0
        for character in text {
            guard let value = value(of: character, alphabet) else { return nil }
            held = held << 6 | UInt32(value)
            bits += 6
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: held >> UInt32(bits)))
            }
            held &= 0xFF
        }
        let rest = UInt8(truncatingIfNeeded: held << UInt32(8 - bits))
        // One character alone makes no byte: its six bits travel whatever they are.
        let isRagged = bits == 6 || (bits > 0 && rest != 0)
        if isRagged { bytes.append(rest) }
        return (bytes, isRagged)
    }

    /// The only text that `bytes` come from in this kind; nil where none does.
    static func text(_ bytes: [UInt8], _ kind: PackingKind) -> String? {
        let remainder = bytes.count % 3
        let count: Int
        if kind.isRagged {
            // 4k + 1 characters fill 3k + 1 bytes with two bits over, 4k + 2 fill 3k + 2, 4k + 3 fill 3k + 3.
            guard !bytes.isEmpty, let last = bytes.last else { return nil }
            count = bytes.count / 3 * 4 + (remainder == 0 ? -1 : remainder)
            let unused = bytes.count * 8 - count * 6
            // What stands beyond the last character must be zero; what a decoder ignores in it must not, or the
            // text has a kind without it.
            guard last & (1 << UInt8(unused) - 1) == 0 else { return nil }
            if remainder != 1, last == 0 { return nil }
            if remainder == 1, kind.isPadded { return nil }
        } else {
            count = (bytes.count * 8 + 5) / 6
            if kind.isPadded, remainder == 0 { return nil }
        }
        var utf8: [UInt8] = []
        utf8.reserveCapacity(count + 3)
        if let sigil = kind.sigil { utf8.append(sigil) }
        var held: UInt32 = 0
        var bits = 0
        var next = 0
        for _ in 0..<count {
            if bits < 6 {
                held = held << 8 | (next < bytes.count ? UInt32(bytes[next]) : 0)
                next += 1
                bits += 8
            }
            bits -= 6
            utf8.append(character(of: UInt8(truncatingIfNeeded: held >> UInt32(bits)) & 0x3F, kind.alphabet))
            held &= 0xFF
        }
        if kind.isPadded { while utf8.count % 4 != 0 { utf8.append(UInt8(ascii: "=")) } }
        return String(decoding: utf8, as: UTF8.self)
    }

    private static func value(of character: UInt8, _ alphabet: PackingKind.Alphabet) -> UInt8? {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): character - UInt8(ascii: "A")
        case UInt8(ascii: "a")...UInt8(ascii: "z"): character - UInt8(ascii: "a") + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0") + 52
        case UInt8(ascii: "+") where alphabet == .standard, UInt8(ascii: "-") where alphabet == .url: 62
        case UInt8(ascii: "/") where alphabet == .standard, UInt8(ascii: "_") where alphabet == .url: 63
        default: nil
        }
    }

    private static func character(of value: UInt8, _ alphabet: PackingKind.Alphabet) -> UInt8 {
        switch value {
        case 0..<26: UInt8(ascii: "A") + value
        case 26..<52: UInt8(ascii: "a") + value - 26
        case 52..<62: UInt8(ascii: "0") + value - 52
        case 62: UInt8(ascii: alphabet == .standard ? "+" : "-")
        default: UInt8(ascii: alphabet == .standard ? "/" : "_")
        }
    }
}
