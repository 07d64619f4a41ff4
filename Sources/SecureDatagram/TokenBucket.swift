/// A rate that may be exceeded for a moment: `burst` at once, then `rate` a second.
public struct TokenBucket: Equatable, Sendable {
    /// Nanoseconds that one costs.
    private let cost: Int64
    private let capacity: Int64
    private var level: Int64
    private var filledAt: Int64

    /// - Parameters:
    ///   - rate: a second, at least 1; less often by `interval`, the nanoseconds for that many.
    public init(rate: Int64, per interval: Int64 = 1_000_000_000, burst: Int64, now: Int64) {
        cost = max(1, interval / max(1, rate))
        capacity = cost * max(1, burst)
        level = capacity
        filledAt = now
    }

    /// Whether all that was taken has come back.
    public func isFull(now: Int64) -> Bool { level + max(0, now - filledAt) >= capacity }

    /// Whether one more can be had, without taking it.
    public func hasToken(now: Int64) -> Bool { level + max(0, now - filledAt) >= cost }

    /// Nanoseconds until one can be had; 0: at once.
    public func wait(now: Int64) -> Int64 { max(0, cost - level - max(0, now - filledAt)) }

    /// Takes one; false where there is none.
    public mutating func take(now: Int64) -> Bool {
        level = min(capacity, level + max(0, now - filledAt))
        filledAt = max(now, filledAt)
        guard level >= cost else { return false }
        level -= cost
        return true
    }
}
