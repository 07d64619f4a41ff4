import Links

/// One direction of a link at work: what becomes of each datagram that is handed to it, and when.
struct LinkDirection: Equatable, Sendable {
    /// What becomes of a datagram. Times are nanoseconds of the caller's clock.
    enum Fate: Equatable, Sendable {
        /// Its last bit leaves and arrives at these times.
        case delivered(leaves: Int64, arrives: Int64)
        /// It occupies the link until then, and does not arrive.
        case lost(leaves: Int64)
        /// Too much was waiting already: it never entered the link.
        case queueFull
        /// Longer than the MTU: it never entered the link.
        case tooLong
    }

    let parameters: Link.Direction
    private var queue: TransmitQueue
    private var losses: SeededStream
    private var jitters: SeededStream

    /// - Parameter isUp: the two directions of a link draw from streams of their own.
    init(_ parameters: Link.Direction, seed: UInt64, isUp: Bool) {
        self.parameters = parameters
        queue = TransmitQueue(parameters)
        losses = SeededStream(seed: seed, purpose: isUp ? 1 : 2)
        jitters = SeededStream(seed: seed, purpose: isUp ? 3 : 4)
    }

    /// Hands over a datagram of `bytes` bytes of UDP payload.
    mutating func send(_ bytes: Int, now: Int64) -> Fate {
        guard bytes <= parameters.mtu else { return .tooLong }
        guard queue.waiting(now: now) + bytes <= parameters.queueLimit else { return .queueFull }
        let leaves = queue.enqueue(bytes, now: now)
        // Both are drawn for every datagram, so that a change of one parameter leaves the other's draws where they were.
        let isLost = losses.next(below: 1_000_000) < UInt64(parameters.lossPerMillion)
        let jitter = Int64(jitters.next(below: UInt64(max(0, parameters.jitter)) + 1))
        return isLost
            ? .lost(leaves: leaves) : .delivered(leaves: leaves, arrives: leaves + parameters.latency + jitter)
    }
}
