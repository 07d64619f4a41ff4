/// When the two ends can hear each other: passes of a satellite, agreed hours. A frame fits into one wholly or waits for
/// the next that it fits into.
public struct ContactWindows: Equatable, Sendable {
    /// In order and apart, nanoseconds from the begin of the period.
    public var open: [Range<Int64>]
    /// In nanoseconds; nil: once only.
    public var period: Int64?

    public init(open: [Range<Int64>], period: Int64? = nil) {
        self.open = open
        self.period = period
    }

    /// The longest.
    public var longest: Int64 { open.map { $0.upperBound - $0.lowerBound }.max() ?? 0 }

    /// The longest time without contact between two of them, or before the first.
    public var longestGap: Int64 {
        guard let first = open.first, let last = open.last else { return 0 }
        var gap = first.lowerBound + (period.map { max(0, $0 - last.upperBound) } ?? 0)
        var before = first.upperBound
        for window in open {
            gap = max(gap, window.lowerBound - before)
            before = window.upperBound
        }
        return max(0, gap)
    }

    /// The first time from `time` on at which something of that duration fits; nil: never.
    public func start(for duration: Int64, from time: Int64) -> Int64? {
        guard let period, period > 0 else { return start(for: duration, from: time, offset: 0) }
        let round = time >= 0 ? time / period : (time - period + 1) / period
        for round in [round, round + 1] {
            if let start = start(for: duration, from: time, offset: round * period) { return start }
        }
        return nil
    }

    private func start(for duration: Int64, from time: Int64, offset: Int64) -> Int64? {
        for window in open {
            let start = max(time, window.lowerBound + offset)
            if start + duration <= window.upperBound + offset { return start }
        }
        return nil
    }
}
