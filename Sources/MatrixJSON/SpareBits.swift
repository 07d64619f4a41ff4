/// Bits of base64 texts that no byte holds: two or four of the last character, which decoders ignore and nearly all texts have
/// as zeros. Where one has not, all of a message stand together at its end.
///
/// From the last byte backwards, in each the highest bits first.
struct SpareBits {
    private var bits: [Bool] = []
    private var read = 0

    init() {}

    var areZero: Bool { !bits.contains(true) }

    mutating func append(_ value: UInt8, count: Int) {
        for place in (0..<count).reversed() { bits.append(value >> UInt8(place) & 1 == 1) }
    }

    /// What stands at the end of the message.
    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        for (place, bit) in bits.enumerated() {
            if place % 8 == 0 { bytes.append(0) }
            if bit { bytes[bytes.count - 1] |= 0x80 >> UInt8(place % 8) }
        }
        return bytes.reversed()
    }

    /// The next ones of a message; nil: it has no more.
    static func read(_ tail: [UInt8], at place: inout Int, count: Int) -> UInt8? {
        var value: UInt8 = 0
        for _ in 0..<count {
            guard place / 8 < tail.count else { return nil }
            value = value << 1 | (tail[tail.count - 1 - place / 8] >> UInt8(7 - place % 8) & 1)
            place += 1
        }
        return value
    }
}

extension PackedText {
    /// The same without its spare bits, and these. nil: a kind that has none, or none to spare.
    var withoutSpareBits: (packed: PackedText, value: UInt8, count: Int)? {
        guard case .bytes(let kind, var bytes) = self, kind.alphabet == .standard || kind.alphabet == .url else {
            return nil
        }
        if kind.isRagged {
            // 3k + 1 + 1 bytes hold 4k + 2 characters, 3k + 2 + 1 hold 4k + 3; 3k + 1 hold 4k + 1, of which no byte is whole.
            let count = bytes.count % 3 == 2 ? 4 : bytes.count % 3 == 0 ? 2 : 0
            guard count > 0, let last = bytes.popLast(),
                let plain = PackingKind.find(
                    sigil: kind.sigil, alphabet: kind.alphabet, isPadded: kind.isPadded, isRagged: false)
            else { return nil }
            return (.bytes(plain, bytes), last >> UInt8(8 - count), count)
        }
        let count = Self.spareBits(kind, bytes.count)
        return count > 0 ? (self, 0, count) : nil
    }

    /// How many bits the text of so many bytes has to spare.
    static func spareBits(_ kind: PackingKind, _ byteCount: Int) -> Int {
        guard kind.alphabet == .standard || kind.alphabet == .url, !kind.isRagged else { return 0 }
        return byteCount % 3 == 1 ? 4 : byteCount % 3 == 2 ? 2 : 0
    }

    /// With spare bits that are not zero.
    static func ragged(_ kind: PackingKind, _ bytes: [UInt8], _ value: UInt8, count: Int) -> PackedText? {
        PackingKind.find(sigil: kind.sigil, alphabet: kind.alphabet, isPadded: kind.isPadded, isRagged: true)
            .map { .bytes($0, bytes + [value << UInt8(8 - count)]) }
    }
}
