/// Base64 (RFC 4648 sections 4 and 5) in which no bit of the text is lost.
enum Base64Bits {
    /// The bytes of unpadded text, and whether they had to keep bits that decoders ignore.
    ///
    /// - Precondition: all characters belong to an alphabet.
    static func bytes(_ text: Slice<UnsafeBufferPointer<UInt8>>) -> (bytes: [UInt8], isRagged: Bool) {
        let text = UnsafeBufferPointer(rebasing: text)
        var isRagged = false
        let bytes = [UInt8](unsafeUninitializedCapacity: text.count * 3 / 4 + 1) { bytes, count in
            values.withUnsafeBufferPointer { values in
                var place = 0
                while text.count - place >= 4 {
                    let group =
                        UInt32(values[Int(text[place])]) << 18 | UInt32(values[Int(text[place + 1])]) << 12
                        | UInt32(values[Int(text[place + 2])]) << 6 | UInt32(values[Int(text[place + 3])])
                    bytes[count] = UInt8(truncatingIfNeeded: group >> 16)
                    bytes[count + 1] = UInt8(truncatingIfNeeded: group >> 8)
                    bytes[count + 2] = UInt8(truncatingIfNeeded: group)
                    count += 3
                    place += 4
                }
                var held: UInt32 = 0
                var bits = 0
                while place < text.count {
                    held = held << 6 | UInt32(values[Int(text[place])])
                    place += 1
                    bits += 6
                    if bits >= 8 {
                        bits -= 8
                        bytes[count] = UInt8(truncatingIfNeeded: held >> UInt32(bits))
                        count += 1
                    }
                }
                let rest = UInt8(truncatingIfNeeded: held << UInt32(8 - bits))
                // One character alone makes no byte: its six bits travel whatever they are.
                isRagged = bits == 6 || (bits > 0 && rest != 0)
                if isRagged {
                    bytes[count] = rest
                    count += 1
                }
            }
        }
        return (bytes, isRagged)
    }

    /// Appends the only text that `bytes` come from in this kind; false, and nothing appended, where none does.
    static func append(_ bytes: ArraySlice<UInt8>, _ kind: PackingKind, to utf8: inout [UInt8]) -> Bool {
        let remainder = bytes.count % 3
        let count: Int
        if kind.isRagged {
            // 4k + 1 characters fill 3k + 1 bytes with two bits over, 4k + 2 fill 3k + 2, 4k + 3 fill 3k + 3.
            guard !bytes.isEmpty, let last = bytes.last else { return false }
            count = bytes.count / 3 * 4 + (remainder == 0 ? -1 : remainder)
            let unused = bytes.count * 8 - count * 6
            // What stands beyond the last character must be zero; what a decoder ignores in it must not, or the
            // text has a kind without it.
            guard last & (1 << UInt8(unused) - 1) == 0 else { return false }
            if remainder != 1, last == 0 { return false }
            if remainder == 1, kind.isPadded { return false }
        } else {
            count = (bytes.count * 8 + 5) / 6
            if kind.isPadded, remainder == 0 { return false }
        }
        if let sigil = kind.sigil { utf8.append(sigil) }
        let characters = kind.alphabet == .standard ? standard : url
        var held: UInt32 = 0
        var bits = 0
        var left = count
        for byte in bytes {
            held = held << 8 | UInt32(byte)
            bits += 8
            while bits >= 6, left > 0 {
                bits -= 6
                left -= 1
                utf8.append(characters[Int(held >> UInt32(bits) & 0x3F)])
            }
        }
        if left > 0 { utf8.append(characters[Int(held << UInt32(6 - bits) & 0x3F)]) }
        if kind.isPadded { utf8.append(contentsOf: repeatElement(UInt8(ascii: "="), count: (4 - count % 4) % 4)) }
        return true
    }

    private static let standard = [UInt8](
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let url: [UInt8] = standard.dropLast(2) + [UInt8(ascii: "-"), UInt8(ascii: "_")]

    /// What each character stands for, in both alphabets.
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 0, count: 256)
        for (value, character) in standard.enumerated() { values[Int(character)] = UInt8(value) }
        for (value, character) in url.enumerated() { values[Int(character)] = UInt8(value) }
        return values
    }()
}
