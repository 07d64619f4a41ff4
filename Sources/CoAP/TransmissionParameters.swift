/// The numbers that time an endpoint, derived from its link (RFC 7252 section 4.8).
///
/// All times are nanoseconds. The retransmission timeout is not one constant: it counts from the moment when the last
/// bit of a message has left, and grows with the length of the answer that is awaited.
public struct TransmissionParameters: Equatable, Sendable {
    /// What passes between the last bit of a message leaving and the first bit of its answer arriving, at most:
    /// twice the latency, the peer's processing, a margin for jitter and queues.
    public var roundTrip: Int64
    /// How long one byte of an answer takes.
    public var perAnswerByte: Int64
    /// What an answer is taken to measure, in bytes of a whole datagram, when the caller knows no better.
    public var expectedAnswerBytes: Int
    /// Each timeout is this many thousandths of the one before. RFC 7252 has 2000; on a link whose rate is known a loss is
    /// no sign of congestion, and 1500 recovers sooner.
    public var backoffPerMille: Int64
    /// ACK_RANDOM_FACTOR in thousandths: a timeout is drawn from `timeout...timeout * factor`.
    public var randomFactorPerMille: Int64
    /// MAX_RETRANSMIT: repetitions, the first transmission not counted.
    public var maxRetransmit: Int
    /// NSTART: confirmable messages under way at once.
    public var nstart: Int
    /// How long the peer's answer may be delayed before an empty acknowledgement has to leave.
    public var emptyAcknowledgementAfter: Int64
    /// EXCHANGE_LIFETIME: how long an answer is kept for a repeated request.
    public var exchangeLifetime: Int64

    public init(
        roundTrip: Int64, perAnswerByte: Int64, expectedAnswerBytes: Int = 32, backoffPerMille: Int64 = 1500,
        randomFactorPerMille: Int64 = 1100, maxRetransmit: Int = 4, nstart: Int = 1,
        emptyAcknowledgementAfter: Int64 = 4_000_000_000, exchangeLifetime: Int64? = nil
    ) {
        self.roundTrip = roundTrip
        self.perAnswerByte = perAnswerByte
        self.expectedAnswerBytes = expectedAnswerBytes
        self.backoffPerMille = backoffPerMille
        self.randomFactorPerMille = randomFactorPerMille
        self.maxRetransmit = maxRetransmit
        self.nstart = nstart
        self.emptyAcknowledgementAfter = emptyAcknowledgementAfter
        self.exchangeLifetime = 0
        self.exchangeLifetime = exchangeLifetime ?? 2 * maxTransmitWait(answerBytes: 1280)
    }

    /// ACK_TIMEOUT for an answer of this many bytes, without the random factor.
    public func timeout(answerBytes: Int) -> Int64 {
        roundTrip + perAnswerByte * Int64(answerBytes)
    }

    /// MAX_TRANSMIT_WAIT = T f (b^(m+1) - 1) / (b - 1): from the first transmission until the sender gives up.
    public func maxTransmitWait(answerBytes: Int) -> Int64 {
        var wait: Int64 = 0
        var timeout = timeout(answerBytes: answerBytes) * randomFactorPerMille / 1000
        for _ in 0...maxRetransmit {
            wait += timeout
            timeout = timeout * backoffPerMille / 1000
        }
        return wait
    }
}
