/// Learns how long an exchange takes by its bytes, where nobody knows the link's rate: round trip = a + b * bytes, by least
/// squares over unambiguous samples, the older ones forgotten by and by.
///
/// The retransmission timeout that follows is a + b * n + 4 deviations for an exchange of n bytes both ways. Times are
/// nanoseconds, counted from the first bit of the request handed to an idle link to the last bit of its answer.
public struct RoundTripEstimator: Equatable, Sendable {
    /// Sums over the samples, each weighted by what it has not been forgotten.
    private var weight: Double = 0
    private var sumX: Double = 0
    private var sumY: Double = 0
    private var sumXX: Double = 0
    private var sumXY: Double = 0
    /// Mean deviation of the samples from what was foretold for them.
    private var deviation: Double = 0
    private var samples = 0
    /// Until two samples are there: 100 bit/s, the slowest link that this library is made for.
    private let assumedPerByte: Double
    private let assumedBase: Double

    /// What a sample weighs after the next one has come.
    private static var memory: Double { 0.96 }

    public init(assumedBitsPerSecond: UInt64 = Link.assumedBitsPerSecond, assumedRoundTrip: Int64 = 2_000_000_000) {
        assumedPerByte = 8e9 / Double(max(1, assumedBitsPerSecond))
        assumedBase = Double(assumedRoundTrip)
    }

    /// Takes the time of an exchange whose request left once only: with repetitions nobody knows which one was answered
    /// (Karn's rule).
    ///
    /// - Parameter bytes: of request and answer together, with what the link adds to each.
    public mutating func add(bytes: Int, took: Int64) {
        let x = Double(bytes)
        let y = Double(max(0, took))
        if samples >= 2 {
            let error = y - Double(expected(bytes: bytes))
            deviation += ((error < 0 ? -error : error) - deviation) / 4
        } else if samples == 1 {
            // As RFC 6298 starts: half of what was measured would be far too much for a link without jitter.
            deviation = y / 16
        }
        accumulate(x, y, keeping: Self.memory)
    }

    /// Takes a time that is an upper bound only, where all that has been learnt is in doubt: it is mostly forgotten.
    public mutating func startAnew(bytes: Int, took: Int64) {
        accumulate(Double(bytes), Double(max(0, took)), keeping: 0.25)
    }

    private mutating func accumulate(_ x: Double, _ y: Double, keeping share: Double) {
        weight = weight * share + 1
        sumX = sumX * share + x
        sumY = sumY * share + y
        sumXX = sumXX * share + x * x
        sumXY = sumXY * share + x * y
        samples += 1
    }

    /// Eleven days: no link is slower, and no sum of timeouts overflows.
    private static var most: Double { 1e15 }

    /// How long an exchange of that many bytes is taken to take.
    public func expected(bytes: Int) -> Int64 {
        let (base, perByte) = line
        return Int64(min(max(0, base + perByte * Double(bytes)), Self.most))
    }

    /// The retransmission timeout for an exchange of that many bytes, counted from when its request is handed to an idle
    /// link.
    public func timeout(bytes: Int) -> Int64 {
        guard samples >= 2 else { return expected(bytes: bytes) * 5 / 4 }
        // What the sums cannot resolve is no certainty: a percent at least.
        return expected(bytes: bytes) * 101 / 100 + Int64(min(4 * deviation, Self.most))
    }

    /// The nanoseconds that each byte adds; 0 where they do not show.
    public var perByte: Int64 { Int64(min(line.perByte, Self.most)) }

    private var line: (base: Double, perByte: Double) {
        guard samples >= 2 else { return (assumedBase, assumedPerByte) }
        let spread = weight * sumXX - sumX * sumX
        // All of about one length: nothing is known of a slope, and one from rounding would be worse than none.
        guard spread > weight * weight * 4 else {
            let mean = sumY / weight
            let perByte = min(assumedPerByte, mean / max(1, sumX / weight))
            return (mean - perByte * sumX / weight, perByte)
        }
        let perByte = max(0, (weight * sumXY - sumX * sumY) / spread)
        return ((sumY - perByte * sumX) / weight, perByte)
    }
}
