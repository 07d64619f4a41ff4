internal import Noise

/// How a device proves itself, and the gateway to it.
public enum HandshakeKind: UInt8, Sendable {
    /// Both know the other's public key; with a preshared key besides, where one is configured (KKpsk0).
    case kk
    /// Enrolment: the device knows the gateway's key and a one-time code, the gateway does not know the device yet.
    case ik
    /// A shared secret only.
    case nnpsk0
    /// Enrolment of a device that knows a secret from its label, and no key of the gateway's.
    case xxpsk0
}

/// The keys that one side brings to a handshake; empty where the pattern has none.
public struct HandshakeKeys: Sendable {
    /// X25519.
    public var privateKey: [UInt8]
    /// That of `privateKey`, where it is at hand: it costs an X25519 operation otherwise.
    public var publicKey: [UInt8]?
    /// DH of the two static keys (ss), where it is at hand: it is the same in every handshake of the two.
    public var staticSecret: [UInt8]?
    /// The other side's public key.
    public var peerKey: [UInt8]
    /// 32 bytes.
    public var presharedKey: [UInt8]

    public init(
        privateKey: [UInt8] = [], publicKey: [UInt8]? = nil, peerKey: [UInt8] = [], staticSecret: [UInt8]? = nil,
        presharedKey: [UInt8] = []
    ) {
        self.privateKey = privateKey
        self.publicKey = publicKey
        self.staticSecret = staticSecret
        self.peerKey = peerKey
        self.presharedKey = presharedKey
    }
}

extension HandshakeKind {
    /// "Sotto" and the version of this protocol.
    static var label: [UInt8] { [0x53, 0x6F, 0x74, 0x74, 0x6F, 0x31] }

    func pattern(hasPresharedKey: Bool) -> HandshakePattern {
        switch self {
        case .kk: hasPresharedKey ? .kkpsk0 : .kk
        case .ik: .ik
        case .nnpsk0: .nnpsk0
        case .xxpsk0: .xxpsk0
        }
    }

    /// Noise section 6: every clear byte that decides something is bound. The first byte is that of message 1 without a
    /// cookie, so that a cookie changes no byte of the Noise message.
    func prologue(_ device: DeviceNumber?) -> [UInt8] {
        Self.label + [FrameHeader.HandshakeMessage(self, .message1).rawValue] + (device?.encoded ?? [])
    }

    func state<Suite: NoiseSuite>(
        _ role: HandshakeState<Suite>.Role, _ device: DeviceNumber?, _ keys: HandshakeKeys
    ) throws(NoiseError) -> HandshakeState<Suite> {
        // What a pattern does not use would be refused as a key too many.
        let usesKeys = self != .nnpsk0
        let knowsPeer = self == .kk || (self == .ik && role == .initiator)
        let needsSecret = self == .nnpsk0 || self == .xxpsk0
        let usesSecret = needsSecret || (self == .kk && !keys.presharedKey.isEmpty)
        return try HandshakeState<Suite>(
            pattern: pattern(hasPresharedKey: !keys.presharedKey.isEmpty), role: role, prologue: prologue(device),
            staticPrivateKey: usesKeys ? keys.privateKey : [], staticPublicKey: usesKeys ? keys.publicKey : nil,
            remoteStaticPublicKey: knowsPeer ? keys.peerKey : [],
            presharedKeys: usesSecret ? [keys.presharedKey] : [])
    }
}
