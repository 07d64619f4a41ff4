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
    /// MAX_LATENCY: from a datagram being handed over until it arrives, at most: the queue before it, and the way.
    public var maxLatency: Int64
    /// PROCESSING_DELAY: what the peer may take before it answers or acknowledges.
    public var processing: Int64
    /// EXCHANGE_LIFETIME: how long an answer is kept for a repeated request.
    public var exchangeLifetime: Int64
    /// What the link adds to each answer, in bytes: together with the datagram's own it gives the time of its bytes.
    public var answerOverheadBytes = 0
    /// Learn `roundTrip` from exchanges whose request left once only, with its variance; the given one is where it starts.
    public var learnsRoundTrip = false
    /// How long a byte that nobody answers for takes at PROBING_RATE: 1 byte a second (RFC 7252 section 4.8).
    public var perProbingByte: Int64 = 1_000_000_000

    /// - Parameters:
    ///   - largestAnswerBytes: of the largest datagram that the profile allows: the lifetimes follow from its timeout.
    ///   - emptyAcknowledgementAfter: nil is 0.8 of the processing time, so that the acknowledgement is there in time.
    ///   - exchangeLifetime: nil derives it from the rest.
    public init(
        roundTrip: Int64, perAnswerByte: Int64, expectedAnswerBytes: Int = 32, backoffPerMille: Int64 = 1500,
        randomFactorPerMille: Int64 = 1100, maxRetransmit: Int = 4, nstart: Int = 1,
        maxLatency: Int64? = nil, processing: Int64 = 5_000_000_000, largestAnswerBytes: Int = 1280,
        emptyAcknowledgementAfter: Int64? = nil, exchangeLifetime: Int64? = nil
    ) {
        self.roundTrip = roundTrip
        self.perAnswerByte = perAnswerByte
        self.expectedAnswerBytes = expectedAnswerBytes
        self.backoffPerMille = backoffPerMille
        self.randomFactorPerMille = randomFactorPerMille
        self.maxRetransmit = maxRetransmit
        self.nstart = nstart
        self.processing = processing
        self.maxLatency = maxLatency ?? roundTrip + perAnswerByte * Int64(largestAnswerBytes)
        self.emptyAcknowledgementAfter = emptyAcknowledgementAfter ?? processing / 10 * 8
        self.exchangeLifetime = 0
        self.exchangeLifetime = exchangeLifetime ?? derivedExchangeLifetime(answerBytes: largestAnswerBytes)
    }

    /// The parameters of RFC 7252 section 4.8, for links of which nothing is known.
    public static let rfc7252 = TransmissionParameters(
        roundTrip: 2_000_000_000, perAnswerByte: 0, backoffPerMille: 2000, randomFactorPerMille: 1500,
        maxLatency: 100_000_000_000, processing: 2_000_000_000, emptyAcknowledgementAfter: 1_600_000_000)

    /// ACK_TIMEOUT for an answer of this many bytes, without the random factor.
    public func timeout(answerBytes: Int) -> Int64 {
        roundTrip + perAnswerByte * Int64(answerBytes)
    }

    /// What repetition n waits at least, however short a round trip has been learnt: 1/2^(m-1-n) of what it would wait had
    /// nothing been learnt, the last two all of it. What is mostly answered at once would otherwise be given up in a moment's
    /// outage. 0 for the first transmission.
    public func leastTimeout(repetition: Int, answerBytes: Int) -> Int64 {
        guard repetition > 0 else { return 0 }
        var timeout = timeout(answerBytes: answerBytes)
        for _ in 0..<repetition { timeout = timeout / 1000 * backoffPerMille }
        return timeout >> Int64(min(62, max(0, maxRetransmit - 1 - repetition)))
    }

    /// MAX_TRANSMIT_SPAN = T f (b^m - 1) / (b - 1): from the first transmission until the last.
    public func maxTransmitSpan(answerBytes: Int) -> Int64 {
        sum(ofTimeouts: maxRetransmit, answerBytes)
    }

    /// MAX_TRANSMIT_WAIT = T f (b^(m+1) - 1) / (b - 1): from the first transmission until the sender gives up.
    public func maxTransmitWait(answerBytes: Int) -> Int64 {
        sum(ofTimeouts: maxRetransmit + 1, answerBytes)
    }

    /// NON_LIFETIME = MAX_TRANSMIT_SPAN + MAX_LATENCY (RFC 7252 section 4.8.2).
    public var nonLifetime: Int64 { maxTransmitSpan(answerBytes: expectedAnswerBytes) + maxLatency }

    /// EXCHANGE_LIFETIME = MAX_TRANSMIT_SPAN + 2 MAX_LATENCY + PROCESSING_DELAY; where the last wait exceeds MAX_LATENCY,
    /// at least MAX_TRANSMIT_WAIT (RFC 7252 section 4.8.2).
    private func derivedExchangeLifetime(answerBytes: Int) -> Int64 {
        max(
            maxTransmitSpan(answerBytes: answerBytes) + 2 * maxLatency + processing,
            maxTransmitWait(answerBytes: answerBytes))
    }

    private func sum(ofTimeouts count: Int, _ answerBytes: Int) -> Int64 {
        var sum: Int64 = 0
        var timeout = timeout(answerBytes: answerBytes) * randomFactorPerMille / 1000
        for _ in 0..<count {
            sum += timeout
            timeout = timeout * backoffPerMille / 1000
        }
        return sum
    }
}
