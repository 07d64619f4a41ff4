public import CoAP
public import CompactMatrix
public import Links
public import Noise
internal import SecureDatagram

/// The device's side of it all: requests that survive loss and restarts, and what arrives for the device.
///
/// It does no I/O and reads no clock. After each call the owner deals with the events, takes `takeActions()`, stores the
/// state where there is one, and only then sends the datagrams; it calls `handleTimeout` at `deadline`. A delivery that is
/// dealt with before the state is stored is heard at least once whenever the device dies, exactly once otherwise. Times
/// are nanoseconds of a monotonic clock.
public struct DeviceClient<Suite: NoiseSuite, Source: Entropy> {
    /// Names a request until it has ended.
    public typealias RequestID = Endpoint.Handle

    public enum Event: Sendable {
        /// The gateway has the request on disk, or refuses it: the code tells.
        case answered(RequestID, Response)
        /// No answer after all repetitions: the request may or may not have arrived.
        case unanswered(RequestID, Unanswered)
        /// The gateway limits how often this device may send: the request, and those behind it, go out again after so many
        /// seconds. The gateway has not taken it; until then it is in memory only.
        case postponed(RequestID, seconds: UInt64)
        /// The gateway will now push what arrives.
        case watching
        /// The gateway did not answer; it is asked again after a while.
        case watchInterrupted
        /// The gateway refuses to push.
        case watchRefused(Response)
        /// Something that came for the device, and what names it for ever.
        case delivery(Delivery, name: UInt64)
        /// Frames of somebody else's came in the session, which is over: somebody has the gateway's keys of it, or a copy of
        /// its data. A device that shakes hands makes a new one.
        case sessionCopied
        /// One datagram travelled.
        case traffic(DatagramReport)
    }

    /// A message on its way to the gateway.
    struct SentUplink: Sendable {
        var handle: Endpoint.Handle
        var resource: Resource
        var body: [UInt8]
        /// Where it goes in blocks.
        var transfer: BlockwiseTransfer?
    }

    public enum Unanswered: Equatable, Sendable {
        /// Nothing came back from the gateway to a handshake: it is out of reach, does not know this device, or one of
        /// the two keys is wrong. It stays silent towards strangers, so the three look alike.
        case handshake
        case request
    }

    public struct Actions: Sendable {
        /// To be stored, replacing what was stored before, before anything else; nil: nothing new.
        public var state: [UInt8]?
        /// To be sent to the gateway, in order.
        public var datagrams: [[UInt8]]
    }

    /// A frame as it travels, kept while it may have to be repeated.
    struct Frame {
        var handle: Endpoint.Handle
        var datagram: [UInt8]
        /// The endpoint's message, and its length as it travels.
        var message: [UInt8]
        var wireBytes: Int
        /// nil for a handshake.
        var number: UInt64?
        var header: Int
        /// Sent so often.
        var copies = 1
    }

    /// A frame of the gateway in the session.
    struct Arrival {
        var number: UInt64
        var form: CompactConversation.Form
        /// It was answered before, and the answer is not at hand.
        var isAgain: Bool
        /// What it brings for the device.
        var deliveries: [DeliveryBatch.Item] = []
    }

    let identity: DeviceIdentity
    let link: Link
    var entropy: Source
    var endpoint: Endpoint
    var queue: TransmitQueue
    var session: Session<Suite>?
    /// The session before, while a request of it is unanswered.
    var previousSession: Session<Suite>?
    var initiator: Initiator<Suite>?
    /// The compact headers of the session, of the one before, and of the handshake under way.
    var conversation: CompactConversation?
    var previousConversation: CompactConversation?
    var opening: CompactConversation?
    var snapshot: DeviceSnapshot
    /// The request in `snapshot.pending`.
    var pendingHandle: Endpoint.Handle?
    var stateChanged = false
    var frames: [Frame] = []
    /// Our acknowledgements of the gateway's newest frames, by its frame number.
    var acknowledgements: [(number: UInt64, datagram: [UInt8], repetitions: Int)] = []
    /// The gateway's frame that is being handled.
    var arriving: Arrival?
    /// What the datagram measures that is being handled.
    var arrivingBytes = 0
    /// Times exchanges where the link's rate is not known, and whose it times.
    var learntTimer: LearntTimer?
    var timed: Endpoint.Handle?
    var losses = LossEstimator()
    /// In the order in which they go; the first of them may be under way.
    var uplinks: [SentUplink] = []
    /// Those that the gateway wants later, and when.
    var postponed: [SentUplink] = []
    var sendsAgainAt: Int64?
    var download: Download?
    /// The confirmation that the registration under way carries.
    var registeredTag: [UInt8] = []
    var outgoing: [[UInt8]] = []
    var events: [Event] = []
    var watch: Endpoint.Handle?
    var wantsWatch = false
    var renewWatchAt: Int64?

    /// - Parameters:
    ///   - state: what was stored last; nil for a new device.
    ///   - link: the device's end of its link.
    public init(
        identity: DeviceIdentity, link: Link, state: [UInt8]?, entropy: Source, now: Int64
    ) throws(DeviceStateError) {
        self.identity = identity
        self.entropy = entropy
        self.link = link.assumed
        queue = TransmitQueue(link.up)
        if !link.isRateKnown { learntTimer = LearntTimer() }
        if let state {
            snapshot = try DeviceSnapshot(decoding: state)
            if let bytes = snapshot.session {
                guard let restored = Session<Suite>(decoding: bytes) else { throw .unreadable }
                session = restored
            }
            if let bytes = snapshot.previousSession { previousSession = Session<Suite>(decoding: bytes) }
        } else {
            snapshot = DeviceSnapshot()
        }
        let seed = self.entropy.next32()
        if state == nil { snapshot.nextMessageID = UInt16(seed[8]) << 8 | UInt16(seed[9]) }
        var number: UInt64 = 0
        for byte in seed[0..<8] { number = number << 8 | UInt64(byte) }
        endpoint = Endpoint(
            parameters: TransmissionParameters(deviceOn: self.link), seed: number,
            firstMessageID: snapshot.nextMessageID)
        let underWay = snapshot.pending?.frameNumber
        let held = snapshot.held.filter { $0 != underWay }
        _ = withConversation { $0.hold(held, now: now) }
        try resumePending(now: now)
    }

    // MARK: What the owner asks for

    /// Why something cannot be sent at all.
    public enum SendError: Error, Equatable, Sendable {
        /// Longer than a gateway takes, or than a link carries whose datagrams are too short for blocks; how long it is and
        /// may be, in bytes.
        case tooLarge(body: Int, limit: Int)
    }

    /// Whether there is no session, and no way to get one: it has to be provisioned again.
    public var isWithoutSession: Bool { session == nil && identity.handshake == nil }

    /// To be called now and then by the owner of a device that has a clock: a session that has stood for `lifetime`, in
    /// milliseconds (30 days), is followed by a new one, which the next request brings along.
    public mutating func considerAge(unixMilliseconds: Int64, lifetime: Int64 = 30 * 86_400_000) {
        guard session != nil, identity.handshake != nil else { return }
        guard let since = snapshot.sessionSinceUnixMilliseconds, since <= unixMilliseconds else {
            // The first look at it; or the clock went back.
            snapshot.sessionSinceUnixMilliseconds = unixMilliseconds
            stateChanged = true
            return
        }
        if unixMilliseconds - since >= lifetime, !snapshot.wantsSession {
            snapshot.wantsSession = true
            stateChanged = true
        }
    }

    /// Asks the gateway to push what arrives for the device (RFC 7641), and keeps asking.
    public mutating func startWatching(now: Int64) {
        wantsWatch = true
        register(now: now)
        run(now: now)
    }

    /// A request of an earlier run that is still being repeated.
    public private(set) var resumed: RequestID?

    public mutating func nextEvent() -> Event? {
        events.isEmpty ? nil : events.removeFirst()
    }

    public var hasEvents: Bool { !events.isEmpty }

    public mutating func takeActions() -> Actions {
        defer {
            outgoing = []
            stateChanged = false
        }
        return Actions(state: stateChanged ? encodedState() : nil, datagrams: outgoing)
    }

    /// The state of a device that stops in order, after its last actions: without it a restart skips the frame numbers
    /// that were reserved, and its next frame is a byte longer.
    public mutating func finish() -> [UInt8] {
        session?.releaseLease()
        return encodedState()
    }

    private mutating func encodedState() -> [UInt8] {
        snapshot.session = session?.encoded()
        snapshot.previousSession = previousSession?.encoded()
        snapshot.nextMessageID = endpoint.nextMessageID
        snapshot.held = conversation?.session == session?.id ? conversation?.heldFrames ?? [] : []
        return snapshot.encoded
    }

    /// Whether nothing is under way.
    public var isIdle: Bool { endpoint.isIdle && outgoing.isEmpty && postponed.isEmpty }

    public var deadline: Int64? {
        var earliest = endpoint.deadline
        if let renewWatchAt { earliest = min(renewWatchAt, earliest ?? .max) }
        if let sendsAgainAt { earliest = min(sendsAgainAt, earliest ?? .max) }
        return earliest
    }

    public mutating func handleTimeout(now: Int64) {
        if let time = renewWatchAt, time <= now {
            renewWatchAt = nil
            register(now: now)
        }
        sendPostponed(now: now)
        endpoint.handleTimeout(now: now)
        run(now: now)
    }

    // MARK: Requests

    private mutating func resumePending(now: Int64) throws(DeviceStateError) {
        guard let pending = snapshot.pending else { return }
        do throws(MessageError) {
            if !pending.ephemeral.isEmpty {
                initiator = makeInitiator(try openingRequest(pending.message, now: now), ephemeral: pending.ephemeral)
            }
            guard let datagram = pending.ephemeral.isEmpty ? pending.datagram : initiator?.message1 else {
                throw MessageError.cannotEncode
            }
            // Its answer is awaited under that number again.
            if pending.ephemeral.isEmpty { _ = try reserve(pending.message, pending.frameNumber, now: now) }
            let header = 1 + identity.number.encoded.count
            let overhead = header + Session<Suite>.tagLength
            let handle = try endpoint.resume(message: pending.message, continues: true)
            try resume(pending.upload, pending.message, handle)
            frames.append(
                Frame(
                    handle: handle, datagram: datagram, message: pending.message,
                    wireBytes: max(0, pending.datagram.count - overhead),
                    number: pending.ephemeral.isEmpty ? pending.frameNumber : nil, header: header))
            resumed = handle
            pendingHandle = handle
        } catch {
            throw .unreadable
        }
        run(now: now)
    }

    func makeInitiator(_ request: [UInt8], ephemeral: [UInt8]) -> Initiator<Suite>? {
        let payload = FirstPayload(
            counter: snapshot.handshakeCounter, revision: Self.profileRevision, request: request)
        guard let kind = identity.handshake else { return nil }
        return try? Initiator<Suite>(
            kind, device: identity.number, keys: identity.keys, payload: payload, ephemeral: ephemeral)
    }

    mutating func register(now: Int64) {
        guard wantsWatch else { return }
        if let watch {
            // One that has left is repeated until it is answered; to take it back could end a handshake that carries it.
            guard !isUnderWay(watch) else { return }
            endpoint.cancel(watch)
        }
        var options = [MessageOption(.observe, uint: 0)]
        registeredTag = snapshot.unconfirmedTag
        if !registeredTag.isEmpty { options.append(MessageOption(.eTag, registeredTag)) }
        let request = Request(
            .get, path: [Resource.messages.segment], options: options,
            expectedAnswerBytes: endpoint.parameters.expectedAnswerBytes + Self.observationBytes)
        watch = try? endpoint.start(request, now: now)
    }

    static var profileRevision: UInt64 { 0 }
    /// CoAP's header in full form, one byte of path, the marker.
    static var requestOverhead: Int { 5 }
    /// Code, Observe and Max-Age, which the answer to a registration has and others have not.
    private static var observationBytes: Int { 6 }
}
