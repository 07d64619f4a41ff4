internal import CoAP
internal import CompactMatrix
public import Links
public import Noise
public import SecureDatagram

/// Devices on one side, rooms on the other: the whole gateway but for its sockets, its files and its clock.
///
/// After each call its owner takes `takeActions()`: writes first, in one transaction, then datagrams and calls. What was
/// acknowledged is thereby on disk. If the writes fail, nothing of the actions may be carried out, and the gateway has to
/// be made anew from the store: its memory is ahead of the disk. Not thread-safe.
public final class Gateway<Suite: NoiseSuite> {
    public struct Configuration: Sendable {
        /// X25519, 32 bytes each: the gateway's own, and one that it had before, as long as devices may still use it.
        public var privateKeys: [[UInt8]]
        /// Of the homeserver: what stands behind the colon of its users.
        public var serverName: String
        /// The localpart of a device's user is this and the device's name.
        public var userPrefix: String
        /// `NAME` in it stands for the device's name.
        public var displayName: String
        public var link: Link
        /// Queued messages of one device beyond which it is told to wait.
        public var uplinkLimit: Int
        /// Of each device's queued messages so many are held in memory, the oldest ones; the rest is fetched in time.
        public var uplinksInMemory: Int
        /// Messages that a device may send within an hour; nil: any number.
        public var messagesPerHour: Int?
        /// Messages and commands that wait for one device; the oldest messages go first.
        public var inboxLimit: Int
        /// Calls of the homeserver at a time.
        public var callLimit: Int
        /// Users who may command devices whatever their power level.
        public var commanders: [String]
        public var handshakes: HandshakeBudget<Suite>.Limits

        public init(
            privateKeys: [[UInt8]], serverName: String, userPrefix: String = "sotto_", displayName: String = "NAME",
            link: Link, uplinkLimit: Int = 10_000, uplinksInMemory: Int = 8, messagesPerHour: Int? = nil,
            inboxLimit: Int = 64,
            callLimit: Int = 64, commanders: [String] = [],
            handshakes: HandshakeBudget<Suite>.Limits = .init()
        ) {
            self.handshakes = handshakes
            self.privateKeys = privateKeys
            self.serverName = serverName
            self.userPrefix = userPrefix
            self.displayName = displayName
            self.link = link
            self.uplinkLimit = uplinkLimit
            self.uplinksInMemory = max(1, uplinksInMemory)
            self.messagesPerHour = messagesPerHour
            self.inboxLimit = inboxLimit
            self.callLimit = callLimit
            self.commanders = commanders
        }
    }

    /// A device in memory.
    struct Device {
        var record: DeviceRecord
        var channel: GatewayChannel<Suite>
        var endpoint: Endpoint
        /// The compact headers of the current session.
        var conversation: CompactConversation?
        /// Made at the first handshake: our keys towards it, with what of a handshake is always the same.
        var handshakeKeys: [HandshakeKeys] = []
        /// Enrolments by label that have had message 2, the newest last.
        var labelHandshakes: [(state: LabelResponder<Suite>, ends: Int64)] = []
        var answers: [AnswerRecord] = []
        /// The oldest of its queued messages.
        var uplinks: [UplinkRecord] = []
        /// How many there are, those on disk only included.
        var queued = 0
        /// More of them have been asked for.
        var isFetching = false
        var inbox: [InboxRecord] = []
        var delivery: DeliveryUnderWay?
        /// Frames that may have to be repeated.
        var frames: [SentFrame] = []
        /// The message that comes in blocks.
        var body: BodyRecord?
        var bodyChanged = false
        /// Times deliveries where the link's rate is not known.
        var learntTimer: LearntTimer?
        var losses = LossEstimator()
        /// It did not confirm the last delivery, and has not been heard since.
        var isSilent = false
        /// Sessions for handshakes that are not newer than the last.
        var staleHandshakes = TokenBucket(rate: 1, per: 10_000_000_000, burst: 8, now: 0)
        /// What it may still send; nil: nothing limits it, or nothing came from it yet.
        var allowance: TokenBucket?
        var hints = TokenBucket(rate: 1, per: 60_000_000_000, burst: 1, now: 0)
        var callUnderWay = false
        /// Calls for it in a row that failed for a reason that may pass.
        var failures = 0
        /// No call before this time.
        var notBefore: Int64 = 0
        /// The counter of the handshake that made the channel's stale session.
        var claimedCounter: UInt64?
        /// What it has used today, kept to the minute.
        var activity: DeviceActivity
        var activityWrittenUnixMilliseconds: Int64 = 0
        /// The activity is from before this start: what is confirmed already is no news.
        var isActivityRestored = false
        /// The newest frame of ours that it is known to have received.
        var confirmedNumber: UInt64?
        /// Whether the record has to be stored.
        var recordChanged = false

        init(
            record: DeviceRecord, channel: GatewayChannel<Suite>, endpoint: Endpoint, learntTimer: LearntTimer? = nil
        ) {
            self.record = record
            self.channel = channel
            self.endpoint = endpoint
            self.learntTimer = learntTimer
            activity = DeviceActivity(device: record.number, day: 0)
        }
    }

    /// What is being delivered.
    struct DeliveryUnderWay {
        var handle: Endpoint.Handle
        var inboxIDs: [Int64]
        /// The frame that carries it.
        var frameNumber: UInt64 = 0
        var session: [UInt8] = []
        /// It travels in blocks: the device says when it has all of them.
        var isInBlocks = false
    }

    /// A frame that is being handled, and how its message came.
    struct Handling {
        var frame: GatewayChannel<Suite>.FrameID
        var form: CompactConversation.Form

        /// The number that stands for the frame in what answers it.
        var number: UInt64 { frame.number ?? CompactConversation.handshakeFrame }
    }

    /// A frame that is repeated until it is acknowledged.
    struct SentFrame {
        var handle: Endpoint.Handle
        var datagram: [UInt8]
        var copies = 1
    }

    struct CallContext {
        var device: UInt32?
        var uplink: Int64?
        var call: HomeserverCall
        /// The room has changed since: what the homeserver read may be from before.
        var isOutdated = false
    }

    public let configuration: Configuration
    let random: (Int) -> [UInt8]
    /// Of the configured private keys, in their order.
    let publicKeys: [[UInt8]]
    /// Where nothing is known of its rates, the slowest is assumed.
    let link: Link
    var devices = DeviceTable()
    /// Devices in which something to be stored may have changed.
    var touched: Set<UInt32> = []
    var rooms: [String: RoomState] = [:]
    public internal(set) var counters = Counters()
    var actions = Actions()
    var calls: [UInt64: CallContext] = [:]
    /// The newest time that was told.
    var clock: Moment
    /// When an endpoint or an unfinished body wants to be looked at.
    var timers = Schedule()
    var flow: FlowMeter
    /// Devices that want a call, the one that has waited longest first.
    var wishes = Schedule()
    /// Rooms whose state is being read.
    var roomsBeingRead: Set<String> = []
    var nextCallID: UInt64
    var nextUplinkID: Int64
    var nextInboxID: Int64
    var queue: TransmitQueue
    var taken: TakenEvents
    /// nil: reachable, as far as is known.
    public internal(set) var homeserverProblem: String?
    /// Since this start.
    public internal(set) var hasHomeserverAnswered = false
    var homeserverNotBefore: Int64 = 0
    var homeserverFailures = 0
    var pingAgain = false
    /// The device whose frame or request is being handled, and that frame.
    var handling: Handling?
    /// Where and when the datagram came in that is being handled.
    var arrival = Arrival(source: 0, now: 0)
    var handshakes: HandshakeBudget<Suite>
    /// Devices that may enrol themselves, and the messages by which others did, with the number that each got.
    var enrolments: [EnrolmentRecord]
    var enrolled: [[UInt8]: UInt32] = [:]
    /// Wrong codes, of everybody together.
    var codeGuesses: TokenBucket

    /// - Parameters:
    ///   - random: that many unpredictable bytes.
    public init(
        configuration: Configuration, state: StoredState, now: Moment, random: @escaping (Int) -> [UInt8]
    ) {
        self.configuration = configuration
        self.random = random
        clock = now
        flow = FlowMeter(now: now.monotonic)
        publicKeys = configuration.privateKeys.map { Suite.publicKey(of: $0) }
        link = configuration.link.assumed
        queue = TransmitQueue(link.down)
        enrolments = state.enrolments
        codeGuesses = TokenBucket(rate: 10, burst: 10, now: now.monotonic)
        handshakes = HandshakeBudget(limits: configuration.handshakes, random: random(32), now: now.monotonic)
        taken = TakenEvents(state.taken)
        // Where a write failed, answers to the calls of the machine before still arrive: they must not name ours.
        nextCallID = random(7).reduce(0) { $0 << 8 | UInt64($1) }
        // Not from 1: a device that remembers the newest Observe value of before must not take another delivery for it.
        // What was confirmed leaves no row; the clock's milliseconds run ahead of any number of deliveries.
        nextInboxID = max(state.inbox.map { $0.id + 1 }.max() ?? 0, now.unixMilliseconds)
        nextUplinkID = max(state.newestUplinkID, (state.uplinks + state.damagedUplinks).map(\.id).max() ?? 0) + 1
        let sessionsOfDevices = Dictionary(grouping: state.sessions, by: \.device)
        let activities = Dictionary(state.activities.map { ($0.device, $0) }) { _, last in last }
        let exchangeLifetime = TransmissionParameters(gatewayOn: link).exchangeLifetime
        for record in state.devices {
            var sessions: [(slot: GatewayChannel<Suite>.Slot, session: Session<Suite>)] = []
            for stored in sessionsOfDevices[record.number] ?? [] {
                guard let slot = GatewayChannel<Suite>.Slot(rawValue: stored.slot),
                    let session = Session<Suite>(decoding: stored.session)
                else {
                    actions.notices.append(
                        Actions.Notice(
                            level: .error, text: "a stored session is damaged; the device has to shake hands again",
                            device: record.name))
                    continue
                }
                sessions.append((slot, session))
            }
            let channel = GatewayChannel<Suite>(
                limits: channelLimits, sessions: sessions, handshakeCounter: record.handshakeCounter,
                answeredHandshake: record.handshakeHash.isEmpty ? nil : (record.handshakeHash, record.handshakeReply))
            var device = Device(record: record, channel: channel, endpoint: newEndpoint(), learntTimer: newTimer)
            if case .refused = record.room.state { device.record.room.state = .pending }
            if let activity = activities[record.number] {
                device.activity = activity
                device.isActivityRestored = true
                device.activityWrittenUnixMilliseconds = now.unixMilliseconds
            }
            if let session = channel[.current] {
                // Which notifications of before may still be acknowledged is not known any more.
                device.conversation = CompactConversation(
                    session: session.id, lifetime: exchangeLifetime, shortFrom: now.monotonic + exchangeLifetime)
            }
            devices[record.number] = device
            if !record.handshakeHash.isEmpty { enrolled[record.handshakeHash] = record.number }
        }
        for answer in state.answers {
            devices[answer.device]?.answers.append(answer)
            // Of messages as RFC 7252 has them; copies of others do not get as far as the endpoint. Message ids mean something
            // inside one session only.
            guard answer.source == devices[answer.device]?.channel[.current]?.id,
                let message = try? Message(decoding: answer.answer)
            else { continue }
            // No longer than an answer is kept: the clock may have been anywhere when it was written.
            let longest = exchangeLifetime / 1_000_000
            let remaining = min(answer.expiresUnixMilliseconds, now.unixMilliseconds + longest) - now.unixMilliseconds
            devices[answer.device]?.endpoint.restore(
                answer: answer.answer, to: .init(messageID: message.messageID, token: message.token),
                expires: now.monotonic + max(0, remaining) * 1_000_000)
        }
        takeUp(state)
        for item in state.inbox { devices[item.device]?.inbox.append(item) }
        for body in state.bodies { devices[body.device]?.body = body }
        for row in state.damaged { setAside(row) }
    }

    /// To be called once, when calls can be carried out: greets the homeserver and takes up what was left.
    public func start(now: Moment) {
        clock = now
        call(.ping, device: nil)
        for number in devices.numbers {
            advance(number, now: now)
            push(number, now: now)
        }
    }

    public func takeActions() -> Actions {
        reschedule()
        startCalls()
        for number in touched.sorted() { store(number) }
        touched = []
        defer { actions = Actions() }
        return actions
    }

    // MARK: Shared pieces

    /// As often as an honest device may ask for an answer again, and not sooner.
    var channelLimits: GatewayChannel<Suite>.Limits {
        let timers = TransmissionParameters(gatewayOn: link)
        // A device may have learnt that its answers come much sooner than the link's latencies and the time to process say.
        let timeout = max(LinkTiming(link).leastRoundTrip, 200_000_000)
        return GatewayChannel<Suite>.Limits(
            repeats: RepeatLimit(
                most: timers.maxRetransmit + 1, interval: timeout / 2, lifetime: timers.exchangeLifetime),
            previousLifetime: timers.exchangeLifetime)
    }

    func newEndpoint() -> Endpoint {
        let bytes = random(10)
        var seed: UInt64 = 0
        for byte in bytes.prefix(8) { seed = seed << 8 | UInt64(byte) }
        return Endpoint(
            parameters: TransmissionParameters(gatewayOn: link), seed: seed,
            firstMessageID: UInt16(bytes[8]) << 8 | UInt16(bytes[9]))
    }

    var newTimer: LearntTimer? { configuration.link.isRateKnown ? nil : LearntTimer() }

    func note(_ level: Actions.Notice.Level, _ text: String, device: UInt32? = nil) {
        actions.notices.append(
            Actions.Notice(level: level, text: text, device: device.flatMap { devices[$0]?.record.name }))
    }

    /// Writes what has changed of a device.
    private func store(_ number: UInt32) {
        guard var device = devices[number] else { return }
        for (slot, session) in device.channel.takeChanges() {
            if let session {
                actions.writes.append(
                    .session(SessionRecord(device: number, slot: slot.rawValue, session: session.encoded())))
            } else {
                actions.writes.append(.removeSession(device: number, slot: slot.rawValue))
            }
        }
        if device.bodyChanged {
            device.bodyChanged = false
            actions.writes.append(device.body.map { .body($0) } ?? .removeBody(device: number))
        }
        if reviewActivity(of: &device) { actions.writes.append(.activity(device.activity)) }
        if device.recordChanged {
            device.recordChanged = false
            actions.writes.append(.device(device.record))
        }
        devices[number] = device
    }

    func userID(of record: DeviceRecord) -> String {
        "@\(localpart(of: record)):\(configuration.serverName)"
    }

    func localpart(of record: DeviceRecord) -> String {
        configuration.userPrefix + record.name.lowercased()
    }
}

extension TransmissionParameters {
    /// The timers of a gateway towards a device on this link: they follow its answers up.
    init(gatewayOn link: Link) {
        let timing = LinkTiming(link)
        self.init(
            roundTrip: timing.idleRoundTrip, perAnswerByte: timing.nanosecondsPerByteUp,
            expectedAnswerBytes: 24 + link.up.overheadBytes, processing: link.processing)
        learnsRoundTrip = link.isRateKnown
        // Each copy, and the answer, may have to wait for contact.
        maxLatency += timing.longestGap
        exchangeLifetime += Int64(maxRetransmit + 2) * timing.longestGap
        // Frame, device number and tag.
        answerOverheadBytes = 18 + link.up.overheadBytes
    }
}

extension Gateway {
    /// Datagrams that were dropped before they could be handed over.
    public func noteOverload(_ datagrams: UInt64) {
        counters.droppedOverload += datagrams
    }
}
