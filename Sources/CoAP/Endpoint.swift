/// One side of a conversation with one peer: requests and answers, retransmission, deduplication (RFC 7252 section 4
/// and 5), observation (RFC 7641). It does no I/O and reads no clock.
///
/// The owner feeds it datagrams (`receive`) and the time (`handleTimeout`), then takes what it wants sent
/// (`nextTransmission`) and what has happened (`nextEvent`) until both are nil, and calls again at `deadline`.
/// Times are nanoseconds of the owner's monotonic clock.
///
/// A message is encoded once. Its repetitions are asked for by its `handle`, so that a secure channel below can repeat
/// the very same frame, and the timer of a message runs from `sent(_:lastBitAt:)`: on a slow link the seconds that it
/// waits and serialises must not count as silence of the peer.
public struct Endpoint: Sendable {
    /// Names one message of this endpoint and its repetitions.
    public typealias Handle = UInt32

    public struct Transmission: Equatable, Sendable {
        public enum Content: Equatable, Sendable {
            /// A new message.
            case message([UInt8])
            /// The message of this handle once more, byte for byte.
            case again
        }

        public var handle: Handle
        public var content: Content
        /// The request that this message answers.
        public var answering: IncomingRequest.ID?
        /// It will be repeated until it is answered: the caller owes a call of `sent(_:lastBitAt:)`.
        public var isConfirmable: Bool
    }

    public struct IncomingRequest: Equatable, Sendable {
        /// Message id and token name a request among those of its peer.
        public struct ID: Equatable, Sendable {
            public var messageID: UInt16
            public var token: [UInt8]

            public init(messageID: UInt16, token: [UInt8]) {
                self.messageID = messageID
                self.token = token
            }
        }

        public var id: ID
        public var isConfirmable: Bool
        public var request: Request
    }

    public enum Event: Equatable, Sendable {
        /// A request of the peer; answer it with `respond`.
        case request(IncomingRequest)
        /// The final answer to a request of ours.
        case response(Handle, Response)
        /// An answer to an observing request; more follow, the first one included.
        case notification(Handle, Response)
        /// A request of ours came to nothing: the peer did not answer, or refused the message.
        case failed(Handle, Failure)
        /// The peer answered our ping: it lives, and whatever lies below is known to work both ways.
        case pong(Handle)
        /// A notification of ours arrived.
        case notificationDelivered(Handle)
        /// A notification of ours got no answer, or the peer does not know the observation (any more).
        case notificationFailed(Handle, Failure)
    }

    public enum Failure: Equatable, Sendable {
        /// MAX_RETRANSMIT repetitions went unanswered.
        case timeout
        /// The peer answered with a reset.
        case reset
    }

    struct Outgoing: Sendable {
        enum Role: Sendable { case request, response, notification, ping }
        enum State: Equatable, Sendable {
            /// Not sent for want of a place under NSTART.
            case waiting
            /// Handed over; the last bit has not left yet.
            case leaving
            /// Sent; repeated at the time given, which follows a wait of `timeout`.
            case awaitingAnswer(until: Int64, timeout: Int64)
            /// The peer acknowledged a request; its answer comes separately, until the time given.
            case acknowledged(until: Int64)
            /// An observation that is registered: answers to its token keep coming.
            case observing
            /// Answered, and one of several requests: the next one takes its place.
            case between
            /// Unconfirmed, and not sent before the time given: the peer is silent (PROBING_RATE).
            case probing(at: Int64)
            /// Sent unconfirmed: its answer may come until the time given.
            case unconfirmed(until: Int64)
        }

        var handle: Handle
        var role: Role
        var state: State
        var message: [UInt8]
        var messageID: UInt16
        var token: [UInt8]
        var repetitions: Int
        var answerBytes: Int
        var observes: Bool
        /// When its last bit left.
        var leftAt: Int64 = 0
        /// A first notification has come.
        var isRegistered = false
        /// One of several requests that are one operation.
        var continues = false
        /// Ends an observation: what still comes under its token is a notification while it has an Observe option.
        var deregisters = false
        /// A newer state, which takes this notification's place at its next repetition (RFC 7641 section 4.5.2).
        var successor: Successor?
        /// The id of the notification whose place this one took: a reset to it counts still.
        var formerMessageID: UInt16?

        struct Successor: Sendable {
            var messageID: UInt16
            var message: [UInt8]
        }
    }

    /// A notification that left unconfirmed, by which a reset may still end the observation.
    struct Unconfirmed: Sendable {
        var handle: Handle
        var messageID: UInt16
    }

    /// A confirmable or unconfirmed answer of the peer that was taken, or refused by a reset.
    struct Received: Sendable {
        var messageID: UInt16
        var digest: UInt64
        var wasTaken: Bool
        var expires: Int64
    }

    public var parameters: TransmissionParameters {
        get { sharedParameters[0] }
        set { sharedParameters = [newValue] }
    }
    /// One element, its storage shared with the endpoints that were made `like` this one: a hundred thousand peers of one
    /// server have the same parameters.
    private var sharedParameters: [TransmissionParameters]
    var outgoing: [Outgoing] = []
    var received: [Received] = []
    var unconfirmed: [Unconfirmed] = []
    var log = RequestLog()
    var transmissions: [Transmission] = []
    var events: [Event] = []
    var nextHandle: Handle = 1
    /// The id of the next message; to be stored by an owner that restarts.
    public private(set) var nextMessageID: UInt16
    var nextToken: UInt8
    var jitter: UInt64
    /// Bytes of answers kept for repeated requests; the oldest go first.
    static var answerMemory: Int { 16_384 }
    /// Answers of the peer that are remembered to tell their copies.
    static var receivedMemory: Int { 32 }
    var roundTrip = RoundTrip()
    /// Until then nothing unconfirmed may leave, unless the peer is heard (PROBING_RATE, RFC 7252 section 4.7).
    var probingFreeAt: Int64 = .min
    /// A request with the empty token came to nothing, and `emptyTokenFreeAt` does not say so yet.
    var emptyTokenAbandoned = false
    /// Until then the answer to an abandoned request may still come, and would be taken for another's.
    var emptyTokenFreeAt: Int64 = .min

    /// - Parameters:
    ///   - seed: any number that differs from run to run: timer jitter and the first token derive from it.
    ///   - firstMessageID: not among those that the peer may remember of an earlier run (RFC 7252 section 4.4).
    public init(parameters: TransmissionParameters, seed: UInt64, firstMessageID: UInt16) {
        sharedParameters = [parameters]
        jitter = seed
        nextMessageID = firstMessageID
        nextToken = max(1, UInt8(truncatingIfNeeded: seed >> 16))
    }

    /// An endpoint for another peer, with the parameters of `template`, which they share in memory.
    public init(like template: Endpoint, seed: UInt64, firstMessageID: UInt16) {
        sharedParameters = template.sharedParameters
        jitter = seed
        nextMessageID = firstMessageID
        nextToken = max(1, UInt8(truncatingIfNeeded: seed >> 16))
    }

    // MARK: What the owner takes out

    public mutating func nextTransmission() -> Transmission? {
        Self.take(&transmissions)
    }

    public mutating func nextEvent() -> Event? {
        Self.take(&events)
    }

    /// An idle endpoint keeps no memory for what it has none of: there may be a hundred thousand of them.
    private static func take<Element>(_ queue: inout [Element]) -> Element? {
        guard let first = queue.first else { return nil }
        if queue.count == 1 { queue = [] } else { queue.removeFirst() }
        return first
    }

    /// When `handleTimeout` wants to be called next; nil: not before something arrives.
    public var deadline: Int64? {
        var earliest: Int64?
        func consider(_ time: Int64) {
            if earliest.map({ time < $0 }) ?? true { earliest = time }
        }
        for message in outgoing {
            switch message.state {
            case .awaitingAnswer(let until, _), .acknowledged(let until), .probing(let until), .unconfirmed(let until):
                consider(until)
            case .waiting, .leaving, .observing, .between: break
            }
        }
        if let time = log.acknowledgeAt { consider(time) }
        return earliest
    }

    /// Whether every confirmable message has been answered or given up.
    public var isIdle: Bool {
        for message in outgoing where message.state != .observing { return false }
        return transmissions.isEmpty
    }

    // MARK: Requests of ours

    /// Starts a confirmable request; it leaves as soon as NSTART allows.
    ///
    /// The empty token serves while a request is the only one (RFC 7252 section 5.3.1) and no answer to an earlier one is
    /// still due; observations get one byte.
    ///
    /// - Parameters:
    ///   - confirmable: false sends it once (RFC 7252 section 4.3), as soon as PROBING_RATE allows; it fails when
    ///   no answer comes in NON_LIFETIME, and is over at once where it declines every answer (RFC 7967).
    ///   - continues: it is one of several requests that are one operation, as the blocks of a body are: after its
    ///   answer its place under NSTART is kept until `proceed` or `end`. One that is not confirmable leaves at once, since its
    ///   owner paces it (RFC 9177), and stays open to answers until `cancel`, or for EXCHANGE_LIFETIME.
    ///   - handle: one that was reserved; nil takes a new one.
    public mutating func start(
        _ request: Request, confirmable: Bool = true, continues: Bool = false, handle: Handle? = nil, now: Int64
    ) throws(MessageError) -> Handle {
        let observes = request.observe == 0
        if emptyTokenAbandoned {
            emptyTokenAbandoned = false
            emptyTokenFreeAt = now + parameters.exchangeLifetime
        }
        let isTaken = now < emptyTokenFreeAt || outgoing.contains { $0.role == .request && $0.token.isEmpty }
        let token: [UInt8] = observes || isTaken ? [takeToken()] : []
        guard confirmable else {
            return try startUnconfirmed(request, token: token, observes: observes, continues: continues, now: now)
        }
        return try enqueue(
            role: .request, code: request.method, options: request.options, payload: request.payload, token: token,
            answerBytes: request.expectedAnswerBytes, observes: observes, continues: continues, handle: handle)
    }

    /// Sends the next request of an operation, under the handle and the token of the one that has been answered. False when
    /// there is none.
    public mutating func proceed(_ handle: Handle, _ request: Request) throws(MessageError) -> Bool {
        guard let index = outgoing.firstIndex(where: { $0.handle == handle && $0.state == .between }) else {
            return false
        }
        let messageID = takeMessageID()
        outgoing[index].message = try Message(
            type: .confirmable, code: request.method, messageID: messageID, token: outgoing[index].token,
            options: request.options, payload: request.payload
        ).encoded()
        outgoing[index].messageID = messageID
        outgoing[index].repetitions = 0
        outgoing[index].answerBytes = request.expectedAnswerBytes ?? parameters.expectedAnswerBytes
        outgoing[index].state = .leaving
        transmissions.append(
            Transmission(
                handle: handle, content: .message(outgoing[index].message), answering: nil, isConfirmable: true))
        return true
    }

    /// The operation of `handle` is over: what waits for its place leaves.
    public mutating func end(_ handle: Handle) {
        outgoing.removeAll { $0.handle == handle && $0.state == .between }
        startWaiting()
    }

    /// A handle for a request that starts later.
    public mutating func reserveHandle() -> Handle { takeHandle() }

    /// Forgets a request or an observation of ours; a later notification is answered by a reset, which ends it at the
    /// peer (RFC 7641 section 3.6).
    public mutating func cancel(_ handle: Handle) {
        for message in outgoing where message.handle == handle { abandon(message) }
        outgoing.removeAll { $0.handle == handle }
        startWaiting()
    }

    /// Takes up a request of an earlier run that may have been sent already: it is repeated from its first bytes.
    public mutating func resume(
        message: [UInt8], answerBytes: Int? = nil, continues: Bool = false
    ) throws(MessageError) -> Handle {
        let decoded = try Message(decoding: message)
        let handle = takeHandle()
        outgoing.append(
            Outgoing(
                handle: handle, role: .request, state: .waiting, message: message, messageID: decoded.messageID,
                token: decoded.token, repetitions: 0, answerBytes: answerBytes ?? parameters.expectedAnswerBytes,
                observes: decoded.option(.observe)?.uint == 0, continues: continues))
        startWaiting()
        return handle
    }

    /// Asks the peer for a sign of life (RFC 7252 section 4.3: an empty confirmable message, answered by a reset).
    public mutating func ping() -> Handle {
        let messageID = takeMessageID()
        let handle = takeHandle()
        let bytes = (try? Message.empty(.confirmable, messageID).encoded()) ?? []
        outgoing.append(
            Outgoing(
                handle: handle, role: .ping, state: .waiting, message: bytes, messageID: messageID, token: [],
                repetitions: 0, answerBytes: 4, observes: false))
        startWaiting()
        return handle
    }

    /// Hands the message of `handle` over as a new one: the channel below could not deliver it as it was.
    public mutating func sendAnew(_ handle: Handle) {
        guard let index = outgoing.firstIndex(where: { $0.handle == handle }) else { return }
        outgoing[index].state = .leaving
        outgoing[index].repetitions = 0
        transmissions.append(
            Transmission(
                handle: handle, content: .message(outgoing[index].message), answering: nil, isConfirmable: true))
    }

    /// The message of `handle` has left: its last bit at `lastBitAt`. Starts its timer.
    ///
    /// - Parameters:
    ///   - addedAnswerBytes: what the channel below adds to this answer beyond what it adds to each: a handshake's.
    ///   - timeout: for this transmission, where the owner knows better than the parameters: it has learnt the link's rate.
    public mutating func sent(
        _ handle: Handle, lastBitAt: Int64, addedAnswerBytes: Int = 0, timeout given: Int64? = nil
    ) {
        guard let index = outgoing.firstIndex(where: { $0.handle == handle }) else { return }
        guard case .leaving = outgoing[index].state else { return }
        outgoing[index].leftAt = lastBitAt
        var timeout = given ?? learntTimeout(answerBytes: outgoing[index].answerBytes + addedAnswerBytes)
        if given == nil {
            timeout += timeout / 1000 * drawJitter()
            for _ in 0..<outgoing[index].repetitions { timeout = timeout / 1000 * parameters.backoffPerMille }
            if parameters.learnsRoundTrip {
                let bytes = outgoing[index].answerBytes + addedAnswerBytes
                timeout = max(
                    timeout, parameters.leastTimeout(repetition: outgoing[index].repetitions, answerBytes: bytes))
            }
        }
        outgoing[index].state = .awaitingAnswer(until: lastBitAt + timeout, timeout: timeout)
    }

    /// What the answer to a message that is under way is taken to measure, in bytes.
    public func expectedAnswerBytes(of handle: Handle) -> Int? {
        for message in outgoing where message.handle == handle { return message.answerBytes }
        return nil
    }

    /// The token of a request or an observation of ours; nil: there is none of this handle.
    public func token(of handle: Handle) -> [UInt8]? {
        for message in outgoing where message.handle == handle { return message.token }
        return nil
    }

    /// The bytes of a confirmable message that is under way: for owners whose channel does not repeat by handle.
    public func message(of handle: Handle) -> [UInt8]? {
        for message in outgoing where message.handle == handle { return message.message }
        return nil
    }

    // MARK: Time

    public mutating func handleTimeout(now: Int64) {
        for id in log.takeDueAcknowledgements(now: now) {
            transmitEmpty(.acknowledgement, id.messageID, answering: id)
        }
        var index = 0
        while index < outgoing.count {
            switch outgoing[index].state {
            case .awaitingAnswer(let until, _) where until <= now:
                if outgoing[index].repetitions >= parameters.maxRetransmit {
                    give(up: outgoing.remove(at: index), .timeout)
                    continue
                }
                outgoing[index].repetitions += 1
                outgoing[index].state = .leaving
                let content: Transmission.Content =
                    takeSuccessor(index) ? .message(outgoing[index].message) : .again
                transmissions.append(
                    Transmission(
                        handle: outgoing[index].handle, content: content, answering: nil, isConfirmable: true))
            case .probing(let time) where time <= now:
                sendUnconfirmed(index, now: now)
                continue
            case .acknowledged(let until) where until <= now, .unconfirmed(let until) where until <= now:
                give(up: outgoing.remove(at: index), .timeout)
                continue
            default:
                break
            }
            index += 1
        }
        startWaiting()
    }

    // MARK: Pieces

    mutating func enqueue(
        role: Outgoing.Role, code: Code, options: [MessageOption], payload: [UInt8], token: [UInt8],
        answerBytes: Int?, observes: Bool, continues: Bool = false, handle: Handle? = nil
    ) throws(MessageError) -> Handle {
        let messageID = takeMessageID()
        let message = try Message(
            type: .confirmable, code: code, messageID: messageID, token: token, options: options, payload: payload
        ).encoded()
        let handle = handle ?? takeHandle()
        outgoing.append(
            Outgoing(
                handle: handle, role: role, state: .waiting, message: message, messageID: messageID, token: token,
                repetitions: 0, answerBytes: answerBytes ?? parameters.expectedAnswerBytes, observes: observes,
                continues: continues))
        startWaiting()
        return handle
    }

    /// Hands over as many waiting messages as NSTART allows (RFC 7252 section 4.7).
    mutating func startWaiting() {
        var underWay = 0
        for message in outgoing {
            switch message.state {
            case .leaving, .awaitingAnswer, .acknowledged, .between: underWay += 1
            case .waiting, .observing, .probing, .unconfirmed: break
            }
        }
        for index in outgoing.indices where underWay < parameters.nstart {
            guard case .waiting = outgoing[index].state else { continue }
            outgoing[index].state = .leaving
            underWay += 1
            transmissions.append(
                Transmission(
                    handle: outgoing[index].handle, content: .message(outgoing[index].message), answering: nil,
                    isConfirmable: true))
        }
    }

    mutating func abandon(_ message: Outgoing) {
        // One that has not left gets no answer.
        if message.role == .request, message.token.isEmpty, message.state != .waiting { emptyTokenAbandoned = true }
    }

    mutating func give(up message: Outgoing, _ failure: Failure) {
        abandon(message)
        switch message.role {
        case .request, .ping: events.append(.failed(message.handle, failure))
        case .notification: events.append(.notificationFailed(message.handle, failure))
        case .response: break
        }
    }

    mutating func transmitEmpty(_ type: MessageType, _ messageID: UInt16, answering: IncomingRequest.ID?) {
        guard let bytes = try? Message.empty(type, messageID).encoded() else { return }
        transmit(bytes, answering: answering)
    }

    mutating func transmit(_ bytes: [UInt8], answering: IncomingRequest.ID?) {
        transmissions.append(
            Transmission(handle: takeHandle(), content: .message(bytes), answering: answering, isConfirmable: false))
    }

    mutating func takeHandle() -> Handle {
        defer { nextHandle &+= 1 }
        return nextHandle
    }

    mutating func takeMessageID() -> UInt16 {
        defer { nextMessageID &+= 1 }
        return nextMessageID
    }

    mutating func takeToken() -> UInt8 {
        repeat {
            nextToken &+= 1
        } while nextToken == 0 || outgoing.contains { $0.token == [nextToken] }
        return nextToken
    }

    /// 0 up to ACK_RANDOM_FACTOR - 1, in thousandths. SplitMix64: the draw only has to differ between peers.
    mutating func drawJitter() -> Int64 {
        jitter &+= 0x9E37_79B9_7F4A_7C15
        var z = jitter
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        z ^= z >> 31
        let range = UInt64(max(1, parameters.randomFactorPerMille - 1000))
        return Int64(z % range)
    }
}
