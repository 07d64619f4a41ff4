/// The value of Block1 and Block2: a number, whether more follow, and a size (RFC 7959 section 2.2).
public struct BlockOption: Equatable, Sendable {
    /// Which block, counted in blocks of `size`.
    public var number: UInt32
    /// More blocks follow. In a Block2 of a request it is to be 0, in a Block1 of an answer it has a meaning of its own.
    public var more: Bool
    /// SZX: the size is 2^(exponent + 4); 0...6.
    public var exponent: UInt8

    /// The largest NUM: 20 bits.
    public static let mostBlocks: UInt32 = 1 << 20

    public init(number: UInt32, more: Bool, exponent: UInt8) {
        self.number = number
        self.more = more
        self.exponent = min(exponent, 6)
    }

    /// nil where the value is over 3 bytes, or its SZX is the reserved 7.
    public init?(_ option: MessageOption) {
        guard option.value.count <= 3, let value = option.uint, value & 7 != 7 else { return nil }
        number = UInt32(truncatingIfNeeded: value >> 4)
        more = value & 8 != 0
        exponent = UInt8(truncatingIfNeeded: value & 7)
    }

    /// Bytes of a block.
    public var size: Int { 16 << Int(exponent) }
    /// The first byte of the block within the body.
    public var offset: Int { Int(number) * size }

    public func option(_ number: OptionNumber) -> MessageOption {
        MessageOption(number, uint: UInt64(self.number) << 4 | (more ? 8 : 0) | UInt64(exponent))
    }

    /// The exponent of the largest block of at most `bytes` bytes.
    public static func exponent(fitting bytes: Int) -> UInt8 {
        var exponent: UInt8 = 0
        while exponent < 6, 16 << Int(exponent + 1) <= bytes { exponent += 1 }
        return exponent
    }

    /// The exponent that moves a body with the fewest bytes over a link that loses each byte with this probability, where
    /// each block costs `overhead` bytes beside its own: about sqrt(overhead / loss), as near as powers of two come.
    ///
    /// - Parameter lossPerBillionBytes: how many bytes in 10^9 are lost; a datagram of n bytes gets lost n times as often.
    public static func exponent(lossPerBillionBytes: UInt64, overhead: Int) -> UInt8 {
        var best: UInt8 = 0
        var least = UInt64.max
        var exponent: UInt8 = 0
        while exponent <= 6 {
            let size = UInt64(16 << Int(exponent))
            let whole = size + UInt64(max(0, overhead))
            // Bytes on the air for each million of the body: (size + overhead) / size, divided by the share that arrives,
            // e^-x for x bytes lost in that many. (1 + x/16)^16 is near enough to e^x to compare by.
            let x = min(16_000_000, whole * min(lossPerBillionBytes, 1_000_000_000) / 1_000)
            var cost = whole * 1_000_000 / size
            for _ in 0..<16 { cost = cost * (1_000_000 + x / 16) / 1_000_000 }
            if cost < least {
                least = cost
                best = exponent
            }
            exponent += 1
        }
        return best
    }
}
