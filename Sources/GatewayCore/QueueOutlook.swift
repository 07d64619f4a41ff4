/// What is queued for the rooms, and when it will have arrived.
public struct QueueOutlook: Equatable, Sendable {
    public var queued: Int
    /// Within the last minute, a second.
    public var acceptedPerSecond: Double
    public var deliveredPerSecond: Double
    /// At these rates; 0 with nothing queued, nil where the queue does not get shorter.
    public var secondsToCatchUp: Int? {
        guard queued > 0 else { return 0 }
        let shrinking = deliveredPerSecond - acceptedPerSecond
        guard shrinking > 0 else { return nil }
        return Int(min((Double(queued) / shrinking).rounded(.up), 1e12))
    }

    public init(queued: Int, acceptedPerSecond: Double, deliveredPerSecond: Double) {
        self.queued = queued
        self.acceptedPerSecond = acceptedPerSecond
        self.deliveredPerSecond = deliveredPerSecond
    }
}

extension Gateway {
    public func outlook(now: Moment) -> QueueOutlook {
        let rates = flow.rates(now: now.monotonic)
        return QueueOutlook(
            queued: totals.queued, acceptedPerSecond: rates.accepted, deliveredPerSecond: rates.delivered)
    }
}
