/// When blocks that nobody confirms one by one are sent, asked for again and given up (RFC 9177 section 7.2), derived from
/// the rate of the link. Times are nanoseconds.
public struct RobustTiming: Equatable, Sendable {
    /// MAX_PAYLOADS: blocks that leave before the peer has to say something.
    public var maxPayloads: UInt32
    /// NON_MAX_RETRANSMIT: how often a block is sent again, and missing ones are asked for.
    public var maxRetransmit: Int
    /// NON_TIMEOUT: after so many blocks the sender waits for as long, and up to half more, unless it is told to go on.
    public var timeout: Int64
    /// NON_RECEIVE_TIMEOUT: what is missing for so long after the newest block is asked for; doubled each time.
    public var receiveTimeout: Int64
    /// NON_PARTIAL_TIMEOUT: after so long without a block the body is forgotten.
    public var partialTimeout: Int64

    /// The defaults of section 7.2 follow from ACK_TIMEOUT 2 s; on a slow link NON_TIMEOUT has to be as long as the blocks
    /// of a set and the word that answers them take, or the next set would be under way before anything can be said.
    ///
    /// - Parameter blockBytes: of a datagram with a block.
    public init(_ parameters: TransmissionParameters, blockBytes: Int, maxPayloads: UInt32 = 10, maxRetransmit: Int = 4)
    {
        self.maxPayloads = max(1, maxPayloads)
        self.maxRetransmit = maxRetransmit
        let set = parameters.perAnswerByte * Int64(blockBytes) * Int64(self.maxPayloads)
        timeout = parameters.timeout(answerBytes: parameters.expectedAnswerBytes) + set
        receiveTimeout = max(2 * timeout, timeout / 2 * 3 + 1_000_000_000)
        // NON_TIMEOUT (2^n - 1) f + 2 MAX_LATENCY + NON_TIMEOUT.
        let spans = Int64(1) << Int64(min(20, max(0, maxRetransmit)))
        partialTimeout = timeout * (spans - 1) / 2 * 3 + 2 * parameters.maxLatency + timeout
    }
}
