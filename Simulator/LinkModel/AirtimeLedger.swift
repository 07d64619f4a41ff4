/// When somebody was on the air, and when they may be again: no stretch of the limit's length ever has more airtime in it
/// than the limit allows.
public struct AirtimeLedger: Equatable, Sendable {
    public let limit: DutyLimit
    private var spans: [Range<Int64>] = []
    private var first = 0
    /// Of the spans from `first` on.
    private var total: Int64 = 0

    public init(_ limit: DutyLimit) {
        self.limit = limit
    }

    /// The first time from `time` on at which something of that duration may begin; nil: never, it is too long.
    ///
    /// - Parameter time: not before the last span that was added.
    public func start(for duration: Int64, from time: Int64) -> Int64? {
        let allowance = limit.allowance
        guard duration <= allowance else { return nil }
        // The stretch that ends with the last bit has the most airtime of all that the new span is wholly in. So much
        // has to lie before its begin:
        var excess = total + duration - allowance
        guard excess > 0 else { return time }
        for span in spans[first...] {
            let length = span.upperBound - span.lowerBound
            if length >= excess {
                return max(time, span.lowerBound + excess + limit.window - duration)
            }
            excess -= length
        }
        return time
    }

    /// - Parameter span: after all others.
    public mutating func add(_ span: Range<Int64>) {
        // Nothing begins earlier any more, so that no stretch to come reaches further back.
        forget(before: span.lowerBound - limit.window)
        spans.append(span)
        total += span.upperBound - span.lowerBound
    }

    /// Airtime in the stretch that ends at `time`.
    public func used(at time: Int64) -> Int64 {
        let begin = time - limit.window
        var used = total
        // Few lie outside: `add` forgets what is too old.
        for span in spans[first...] {
            guard span.lowerBound < begin else { break }
            used -= min(span.upperBound, begin) - span.lowerBound
        }
        for span in spans[first...].reversed() {
            guard span.upperBound > time else { break }
            used -= span.upperBound - max(span.lowerBound, time, begin)
        }
        return max(0, used)
    }

    private mutating func forget(before time: Int64) {
        while first < spans.count, spans[first].upperBound <= time {
            total -= spans[first].upperBound - spans[first].lowerBound
            first += 1
        }
        if first > 64, first * 2 > spans.count {
            spans.removeFirst(first)
            first = 0
        }
    }
}

/// When datagrams left, and when the next one may: no stretch of the quota's length has more of them.
struct QuotaLedger: Equatable, Sendable {
    let quota: Quota
    private var starts: [Int64] = []

    init(_ quota: Quota) {
        self.quota = quota
    }

    /// nil: never.
    func start(from time: Int64) -> Int64? {
        guard quota.datagrams > 0 else { return nil }
        guard starts.count >= quota.datagrams else { return time }
        return max(time, starts[starts.count - quota.datagrams] + quota.window)
    }

    /// In the stretch that ends at `time`, the time of the last that left.
    func used(at time: Int64) -> Int {
        starts.reversed().prefix { $0 > time - quota.window }.count
    }

    mutating func add(_ time: Int64) {
        if starts.count > 2 * quota.datagrams { starts.removeFirst(starts.count - quota.datagrams) }
        starts.append(time)
    }
}
