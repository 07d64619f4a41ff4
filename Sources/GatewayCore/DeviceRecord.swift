public import SecureDatagram

/// What the store keeps of a device.
public struct DeviceRecord: Equatable, Sendable {
    public var number: UInt32
    public var name: String
    /// X25519, 32 bytes; empty for a device that has a preshared key only, was provisioned, or has yet to enrol itself.
    public var publicKey: [UInt8]
    /// 32 bytes shared with the device: besides its public key, or instead of one; empty: none.
    public var presharedKey: [UInt8] = []
    /// The preshared key of the device's label, until it has enrolled itself with it; empty: there is none.
    public var labelKey: [UInt8] = []
    /// Of the enrolment by label: the hash of message 1, and the message 2 that answered it. A device that was killed before
    /// it had its confirmation begins again from there, and finds the same message 3.
    public var labelHash: [UInt8] = []
    public var labelReply: [UInt8] = []
    /// Its secrets could not be read: what stands in their place opens nothing, and they are not written over.
    public var hasDamagedSecrets = false
    public var addedUnixMilliseconds: Int64
    public var isRevoked = false
    /// Whether the homeserver knows the device's user.
    public var isRegistered = false
    public var room: RoomMapping
    /// The counter of the newest handshake whose request was taken.
    public var handshakeCounter: UInt64 = 0
    /// The hash of that handshake's message 1, and the message 2 that answered it.
    public var handshakeHash: [UInt8] = []
    public var handshakeReply: [UInt8] = []
    /// The token under which the device observes its messages (RFC 7641); nil: it does not.
    public var observeToken: [UInt8]?
    /// Whether its notifications have compact headers, as its registration had.
    public var observesCompactly = false
    /// Of its readings by a template: a `PayloadTemplate`; empty: there is none.
    public var template: [UInt8] = []
    public var address: PeerAddress?
    public var lastSeenUnixMilliseconds: Int64?
    /// Requests answered 2.04, events in the room, and requests that could not be.
    public var accepted: UInt64 = 0
    public var delivered: UInt64 = 0
    public var refused: UInt64 = 0

    /// How it shakes hands; nil: it does not, its sessions are provisioned.
    public var handshake: HandshakeKind? {
        if !labelKey.isEmpty { return .xxpsk0 }
        if !publicKey.isEmpty { return .kk }
        return presharedKey.isEmpty ? nil : .nnpsk0
    }

    public init(
        number: UInt32, name: String, publicKey: [UInt8], addedUnixMilliseconds: Int64, room: RoomMapping
    ) {
        self.number = number
        self.name = name
        self.publicKey = publicKey
        self.addedUnixMilliseconds = addedUnixMilliseconds
        self.room = room
    }
}

/// Where a device's messages go.
public struct RoomMapping: Equatable, Sendable {
    public enum State: Equatable, Sendable {
        /// Not joined yet: the homeserver has not been asked, or did not answer.
        case pending
        case joined
        /// The homeserver does not let the device in, or no longer; why.
        case refused(String)
        /// Nothing goes in clear text into an encrypted room: what is queued is held.
        case encrypted
    }

    /// The room id or alias that the operator gave.
    public var requested: String
    /// Known once joined.
    public var roomID: String?
    public var state: State

    public init(requested: String, roomID: String? = nil, state: State = .pending) {
        self.requested = requested
        self.roomID = roomID
        self.state = state
    }
}
