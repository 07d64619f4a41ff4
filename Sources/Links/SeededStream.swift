/// Repeatable randomness for links: SplitMix64, one stream for each purpose, so that drawing more of one kind does not move
/// another. Same seed, same numbers, on every machine. Never for keys or nonces.
public struct SeededStream: Equatable, Sendable {
    private var state: UInt64

    /// - Parameter purpose: tells the streams of one seed apart.
    public init(seed: UInt64, purpose: UInt64) {
        state = seed
        // A few steps over both, so that neighbouring seeds and purposes have nothing in common.
        state = next() ^ (purpose &* 0xD6E8_FEB8_6659_FD93)
        _ = next()
    }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }

    /// A number from 0 to `bound` - 1, evenly (`bound` at least 1).
    public mutating func next(below bound: UInt64) -> UInt64 {
        next().multipliedFullWidth(by: bound).high
    }
}
