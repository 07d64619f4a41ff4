public import CompactMatrix

/// A message that was acknowledged and is on its way to the room: the journal and the outbox in one row.
public struct UplinkRecord: Equatable, Sendable {
    /// Rising; the order of a device's messages.
    public var id: Int64
    public var device: UInt32
    /// The identity of the request, for ever: transaction id, and `dev.sotto.id` of the event.
    public var requestID: String
    /// `Resource` and body as they came.
    public var resource: UInt8
    public var body: [UInt8]
    public var receivedUnixMilliseconds: Int64
    /// Why the homeserver refused it for good; nil: still to be delivered.
    public var refusal: String?

    public init(
        id: Int64, device: UInt32, requestID: String, resource: UInt8, body: [UInt8], receivedUnixMilliseconds: Int64,
        refusal: String? = nil
    ) {
        self.id = id
        self.device = device
        self.requestID = requestID
        self.resource = resource
        self.body = body
        self.receivedUnixMilliseconds = receivedUnixMilliseconds
        self.refusal = refusal
    }
}

/// Something that waits for a device until the device has confirmed it.
public struct InboxRecord: Equatable, Sendable {
    /// Rising.
    public var id: Int64
    public var device: UInt32
    /// A `Delivery`.
    public var body: [UInt8]
    /// By the frame that took it along first; others may have gone with it. nil: it has not been on its way.
    public var name: DeliveryName?
    /// Who has to have the power to command, in which room, where that could not be checked yet.
    public var unverifiedSender: String?

    public init(
        id: Int64, device: UInt32, body: [UInt8], name: DeliveryName? = nil, unverifiedSender: String? = nil
    ) {
        self.id = id
        self.device = device
        self.body = body
        self.name = name
        self.unverifiedSender = unverifiedSender
    }
}

/// A message that comes in blocks and is not whole yet: what has been acknowledged of it.
public struct BodyRecord: Equatable, Sendable {
    /// It has one at a time.
    public var device: UInt32
    /// The session in which its blocks come.
    public var session: [UInt8]
    /// The frame of its first block: the identity of the request.
    public var source: [UInt8]
    public var number: UInt64?
    /// What its blocks have in common (`BlockKey`).
    public var key: [UInt8]
    public var bytes: [UInt8]
    public var expiresUnixMilliseconds: Int64

    public init(
        device: UInt32, session: [UInt8], source: [UInt8], number: UInt64?, key: [UInt8], bytes: [UInt8],
        expiresUnixMilliseconds: Int64
    ) {
        self.device = device
        self.session = session
        self.source = source
        self.number = number
        self.key = key
        self.bytes = bytes
        self.expiresUnixMilliseconds = expiresUnixMilliseconds
    }
}

/// The answer to a request, for repetitions of it that come after a restart.
public struct AnswerRecord: Equatable, Sendable {
    public var device: UInt32
    /// The session's id, or the hash of a message 1.
    public var source: [UInt8]
    /// The frame's number; nil for a message 1.
    public var number: UInt64?
    /// The CoAP message that answers, as it travels in a later frame.
    public var answer: [UInt8]
    public var expiresUnixMilliseconds: Int64

    public init(device: UInt32, source: [UInt8], number: UInt64?, answer: [UInt8], expiresUnixMilliseconds: Int64) {
        self.device = device
        self.source = source
        self.number = number
        self.answer = answer
        self.expiresUnixMilliseconds = expiresUnixMilliseconds
    }
}

/// A session as it is stored.
public struct SessionRecord: Equatable, Sendable {
    public var device: UInt32
    public var slot: Int
    public var session: [UInt8]

    public init(device: UInt32, slot: Int, session: [UInt8]) {
        self.device = device
        self.slot = slot
        self.session = session
    }
}

/// An event of a room that was taken: pushed once more, it has no effect.
public struct TakenEvent: Equatable, Sendable {
    /// Rising.
    public var position: Int64
    public var eventID: String

    public init(position: Int64, eventID: String) {
        self.position = position
        self.eventID = eventID
    }
}

/// A row that cannot be read: damaged, or put there by somebody. What it costs is said, and nothing else suffers.
public enum DamagedRow: Equatable, Sendable {
    /// A message that was acknowledged; its body is missing.
    case uplink(UplinkRecord)
    case inbox(id: Int64, device: UInt32)
    /// The secret that a device shares with the gateway; in the device's record stands one that nobody knows.
    case presharedKey(device: UInt32)
}

/// Everything that a gateway starts from.
public struct StoredState: Equatable, Sendable {
    public var devices: [DeviceRecord] = []
    public var sessions: [SessionRecord] = []
    public var answers: [AnswerRecord] = []
    /// Of each device at least the oldest of its queued ones.
    public var uplinks: [UplinkRecord] = []
    /// How many each device has queued, where `uplinks` has not all of them; damaged ones included.
    public var queued: [UInt32: Int] = [:]
    /// No row has a higher id.
    public var newestUplinkID: Int64 = 0
    public var inbox: [InboxRecord] = []
    public var bodies: [BodyRecord] = []
    public var enrolments: [EnrolmentRecord] = []
    /// In the order in which they were taken.
    public var taken: [TakenEvent] = []
    public var damaged: [DamagedRow] = []
    public var activities: [DeviceActivity] = []

    public init() {}
}

/// One change of the store. Those of one `Actions` are one transaction.
public enum StoreWrite: Equatable, Sendable {
    case device(DeviceRecord)
    case session(SessionRecord)
    case removeSession(device: UInt32, slot: Int)
    case answer(AnswerRecord)
    case removeAnswers(device: UInt32, expiredAtUnixMilliseconds: Int64)
    case uplink(UplinkRecord)
    case removeUplink(id: Int64)
    case inbox(InboxRecord)
    case removeInbox(id: Int64)
    /// Takes the place of what was there of the device's body.
    case body(BodyRecord)
    case removeBody(device: UInt32)
    case taken(TakenEvent)
    case forgetTaken(upTo: Int64)
    case enrolment(EnrolmentRecord)
    case removeEnrolment(name: String)
    case activity(DeviceActivity)
}
