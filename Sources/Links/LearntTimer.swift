/// The retransmission timeouts of a sender that does not know its link's rate, one exchange at a time: it asks for a timeout
/// with each copy, and says what came of it.
public struct LearntTimer: Equatable, Sendable {
    private var estimator: RoundTripEstimator
    private var bytes = 0
    private var startedAt: Int64 = 0
    private var copies = 0
    /// Exchanges in a row that were answered after a repetition.
    private var ambiguous = 0
    public let backoffPerMille: Int64

    public init(_ estimator: RoundTripEstimator = RoundTripEstimator(), backoffPerMille: Int64 = 1500) {
        self.estimator = estimator
        self.backoffPerMille = backoffPerMille
    }

    /// The first copy of a request leaves.
    ///
    /// - Parameter bytes: of request and answer, with what the link adds to each, as far as that is known.
    public mutating func start(bytes: Int, now: Int64) -> Int64 {
        self.bytes = bytes
        startedAt = now
        copies = 1
        return timeout
    }

    /// It is repeated.
    public mutating func again() -> Int64 {
        copies += 1
        return timeout
    }

    /// - Parameter bytes: of request and answer as they turned out.
    public mutating func answered(bytes: Int, now: Int64) {
        if copies == 1 {
            ambiguous = 0
            estimator.add(bytes: bytes, took: now - startedAt)
        } else {
            // With repetitions nobody knows which copy was answered (Karn's rule). Loss alone rarely does that four times in
            // a row; a timeout that is too short does it for ever, and would never measure what it lacks.
            ambiguous += 1
            if ambiguous == 4 {
                ambiguous = 0
                let most = 2 * estimator.expected(bytes: bytes)
                estimator.startAnew(bytes: bytes, took: min(now - startedAt, most))
            }
        }
        copies = 0
    }

    private var timeout: Int64 {
        var timeout = estimator.timeout(bytes: bytes)
        for _ in 0..<max(0, copies - 1) { timeout = timeout / 1000 * backoffPerMille }
        return timeout
    }
}
