/// A rate as an exact fraction: so many bits in so many seconds. 3466.67 bit/s is 10,400 bits in 3 seconds.
public struct Rate: Hashable, Sendable {
    public let bits: UInt64
    public let seconds: UInt64

    /// So fast that it does not matter.
    public static let unlimited = Rate(bits: 0, seconds: 1)

    /// - Parameters:
    ///   - bits: 0 for unlimited; at most 10^12.
    ///   - seconds: at least 1, at most 10^6.
    public init(bits: UInt64, seconds: UInt64 = 1) {
        self.bits = min(bits, 1_000_000_000_000)
        self.seconds = min(max(1, seconds), 1_000_000)
    }

    public var isUnlimited: Bool { bits == 0 }

    /// Whole bits per second, rounded down, at least 1 unless unlimited: what a protocol's timers count on.
    public var wholeBitsPerSecond: UInt64 { isUnlimited ? 0 : max(1, bits / seconds) }

    /// How long `count` bits take, and what the nanoseconds are short of, in units of 1 / `bits` nanoseconds: to be handed
    /// back for what follows without a gap, so that a day has no drift.
    ///
    /// - Parameters:
    ///   - count: at most 2^24.
    ///   - carry: below `bits`.
    func duration(ofBits count: UInt64, carry: UInt64) -> (nanoseconds: Int64, carry: UInt64) {
        guard !isUnlimited else { return (0, 0) }
        var (high, low) = (count * seconds).multipliedFullWidth(by: 1_000_000_000)
        let (sum, overflows) = low.addingReportingOverflow(carry)
        low = sum
        if overflows { high += 1 }
        guard high < bits else { return (.max / 4, 0) }
        let (quotient, remainder) = bits.dividingFullWidth((high, low))
        return (Int64(clamping: min(quotient, UInt64(Int64.max / 4))), remainder)
    }
}
