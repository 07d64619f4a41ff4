/// Where and when a datagram came in, as far as limits are concerned.
public struct Arrival: Equatable, Sendable {
    /// Stands for the source address.
    public var source: UInt64
    /// Nanoseconds of the owner's monotonic clock.
    public var now: Int64

    public init(source: UInt64, now: Int64) {
        self.source = source
        self.now = now
    }
}

/// How often the answer to a repeated frame is sent again.
public struct RepeatLimit: Equatable, Sendable {
    /// To one address: as often as an honest peer may ask, which is MAX_RETRANSMIT and once more after a restart.
    public var most: Int
    /// Nanoseconds in which an address gets it once: below the time after which the peer repeats.
    public var interval: Int64
    /// Nanoseconds after which an address may ask as often again: a peer that gave up, and tries once more much later.
    public var lifetime: Int64

    public init(most: Int, interval: Int64, lifetime: Int64 = .max) {
        self.most = most
        self.interval = interval
        self.lifetime = lifetime
    }
}

/// Counts the repetitions of one answer, for each address by itself: somebody who replays a frame uses up his own share.
struct RepeatGuard: Sendable {
    private struct Seen: Sendable {
        var source: UInt64
        var count: Int
        var last: Int64
    }

    /// Addresses that are told apart; the one that asked longest ago makes room.
    private static let mostSources = 4
    private var seen: [Seen]

    /// Of an answer of before a restart.
    init() {
        seen = []
    }

    init(answered arrival: Arrival) {
        seen = [Seen(source: arrival.source, count: 0, last: arrival.now)]
    }

    mutating func allows(_ arrival: Arrival, _ limit: RepeatLimit) -> Bool {
        var entry = Seen(source: arrival.source, count: 0, last: .min)
        if let index = seen.firstIndex(where: { $0.source == arrival.source }) { entry = seen.remove(at: index) }
        if entry.last != .min, arrival.now - entry.last >= limit.lifetime { entry.count = 0 }
        let isSoon = entry.last != .min && arrival.now - entry.last < limit.interval
        let isAllowed = !isSoon && entry.count < limit.most
        if isAllowed {
            entry.count += 1
            entry.last = arrival.now
        }
        seen.append(entry)
        if seen.count > Self.mostSources { seen.removeFirst() }
        return isAllowed
    }
}
