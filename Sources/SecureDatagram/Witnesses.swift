/// What is remembered of the frames that were accepted under the newest 32 numbers: the ends of their tags, by which a
/// repetition is told from another frame under the same number.
///
/// 32 since a copy of a session goes on at the end of its lease, 16 numbers ahead at most, while the original goes on too. 16
/// bits of each, which let one frame in 65,536 of the copy's pass for a repetition.
struct Witnesses: Sendable {
    static var kept: Int { 32 }

    /// By the number modulo 32. 0: nothing was accepted under it, or that is not known.
    private(set) var ends = InlineArray<32, UInt16>(repeating: 0)

    /// A frame was accepted.
    ///
    /// - Parameter highest: the highest number that was accepted before.
    mutating func note(_ number: UInt64, tag: ArraySlice<UInt8>, highest: UInt64?) {
        if let highest, number <= highest {
            guard highest - number < UInt64(Self.kept) else { return }
        } else {
            // Numbers that were skipped take the places of old ones.
            let skipped = number - (highest.map { $0 + 1 } ?? 0)
            for distance in 0..<min(skipped, UInt64(Self.kept)) { self[number - 1 - distance] = 0 }
        }
        self[number] = Self.end(of: tag)
    }

    /// Whether it is known that another frame than that of `tag` was accepted under `number`.
    func contradict(_ number: UInt64, tag: ArraySlice<UInt8>, highest: UInt64) -> Bool {
        highest - number < UInt64(Self.kept) && self[number] != 0 && self[number] != Self.end(of: tag)
    }

    private subscript(number: UInt64) -> UInt16 {
        get { ends[Int(number % UInt64(Self.kept))] }
        set { ends[Int(number % UInt64(Self.kept))] = newValue }
    }

    /// Never 0.
    private static func end(of tag: ArraySlice<UInt8>) -> UInt16 {
        max(tag.suffix(2).reduce(0) { $0 << 8 | UInt16($1) }, 1)
    }
}

extension Witnesses {
    /// 64 bytes.
    var encoded: [UInt8] {
        var bytes: [UInt8] = []
        for index in ends.indices {
            bytes.append(UInt8(ends[index] >> 8))
            bytes.append(UInt8(truncatingIfNeeded: ends[index]))
        }
        return bytes
    }

    /// - Parameter bytes: 64 of them.
    init(_ bytes: [UInt8]) {
        for index in ends.indices { ends[index] = UInt16(bytes[2 * index]) << 8 | UInt16(bytes[2 * index + 1]) }
    }
}
