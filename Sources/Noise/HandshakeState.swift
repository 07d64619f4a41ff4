/// A handshake under way (section 5.3). A value: a copy is a trial, and a message that fails leaves the state as it was.
///
/// What it derives, and the ephemeral key it was given, is overwritten in memory when the last copy of it is gone. The
/// static key and the psks are the caller's, who keeps them for longer.
public struct HandshakeState<Suite: NoiseSuite>: Sendable {
    public enum Role: Sendable { case initiator, responder }

    /// What an ended handshake leaves.
    public struct Keys: Sendable {
        public var initiatorToResponder: CipherState<Suite>
        /// Not to be used after a one-way pattern (section 7.4).
        public var responderToInitiator: CipherState<Suite>
        /// Names the session; binds what is above it to this channel (section 11.2).
        public var handshakeHash: [UInt8]
    }

    static var keyLength: Int { 32 }
    static var longestMessage: Int { 65_535 }

    public let role: Role
    private let pattern: HandshakePattern
    private var symmetric: SymmetricState<Suite>
    private let staticPrivateKey: [UInt8]
    private let givenStaticPublicKey: [UInt8]?
    private var ephemeralPrivateKey: Secret<Suite>?
    /// The peer's static public key; from the start, or once it has been received.
    public private(set) var remoteStaticPublicKey: [UInt8]
    private var remoteEphemeralPublicKey: [UInt8] = []
    private var presharedKeys: [[UInt8]]
    private var step = 0

    /// - Parameters:
    ///   - staticPrivateKey: 32 bytes where the pattern has one for this role, otherwise empty.
    ///   - staticPublicKey: that of `staticPrivateKey`, where it is at hand: it costs an X25519 operation otherwise.
    ///   - remoteStaticPublicKey: 32 bytes where the pattern knows it beforehand, otherwise empty.
    ///   - presharedKeys: 32 bytes for each psk token, in their order.
    public init(
        pattern: HandshakePattern, role: Role, prologue: [UInt8], staticPrivateKey: [UInt8] = [],
        staticPublicKey: [UInt8]? = nil, remoteStaticPublicKey: [UInt8] = [], presharedKeys: [[UInt8]] = []
    ) throws(NoiseError) {
        guard staticPrivateKey.isEmpty || staticPrivateKey.count == Self.keyLength,
            staticPublicKey == nil || staticPublicKey?.count == staticPrivateKey.count,
            remoteStaticPublicKey.isEmpty || remoteStaticPublicKey.count == Self.keyLength,
            presharedKeys.count == pattern.pskCount
        else { throw .invalidKey }
        for key in presharedKeys where key.count != Self.keyLength { throw .invalidKey }
        self.pattern = pattern
        self.role = role
        self.staticPrivateKey = staticPrivateKey
        givenStaticPublicKey = staticPublicKey
        self.remoteStaticPublicKey = remoteStaticPublicKey
        self.presharedKeys = presharedKeys
        symmetric = SymmetricState(
            protocolName: HandshakePattern.bytes(of: "Noise_") + pattern.name + [0x5F]
                + HandshakePattern.bytes(of: Suite.name))
        symmetric.mixHash(prologue)
        if pattern.initiatorIsKnown { try mixKnown(role == .initiator) }
        if pattern.responderIsKnown { try mixKnown(role == .responder) }
    }

    /// A static public key that was known beforehand (section 5.3, pre-messages).
    private mutating func mixKnown(_ isOwn: Bool) throws(NoiseError) {
        guard !(isOwn ? staticPrivateKey : remoteStaticPublicKey).isEmpty else { throw .invalidKey }
        symmetric.mixHash(isOwn ? staticPublicKey : remoteStaticPublicKey)
    }

    private var staticPublicKey: [UInt8] { givenStaticPublicKey ?? Suite.publicKey(of: staticPrivateKey) }

    public var isOver: Bool { step == pattern.messages.count }

    private var isOurTurn: Bool { !isOver && (step % 2 == 0) == (role == .initiator) }

    /// Writes the next message.
    ///
    /// - Parameter ephemeralPrivateKey: 32 random bytes, fresh for every handshake; unused by a message without `e`.
    public mutating func writeMessage(
        payload: [UInt8], ephemeralPrivateKey: [UInt8] = []
    ) throws(NoiseError) -> [UInt8] {
        guard isOurTurn else { throw .outOfTurn }
        var trial = self
        var message: [UInt8] = []
        for token in pattern.messages[step] {
            switch token {
            case .e:
                guard ephemeralPrivateKey.count == Self.keyLength else { throw .invalidKey }
                trial.ephemeralPrivateKey = Secret(ephemeralPrivateKey)
                let publicKey = Suite.publicKey(of: ephemeralPrivateKey)
                message += publicKey
                trial.mixEphemeral(publicKey)
            case .s:
                guard !staticPrivateKey.isEmpty else { throw .invalidKey }
                message += try trial.symmetric.encryptAndHash(staticPublicKey)
            default:
                try trial.mix(token)
            }
        }
        message += try trial.symmetric.encryptAndHash(payload)
        guard message.count <= Self.longestMessage else { throw .messageTooLong }
        trial.step += 1
        self = trial
        return message
    }

    /// Reads the peer's next message and returns its payload.
    ///
    /// - Parameter knownSecret: DH of our static key and the peer's, given the peer's public key, for a caller who keeps
    ///   it: it is the same in every handshake of the two. nil: it is computed.
    public mutating func readMessage(
        _ message: [UInt8], knownSecret: (_ remoteStaticPublicKey: [UInt8]) -> [UInt8]? = { _ in nil }
    ) throws(NoiseError) -> [UInt8] {
        guard !isOver, !isOurTurn else { throw .outOfTurn }
        guard message.count <= Self.longestMessage else { throw .messageTooLong }
        var trial = self
        var rest = message[...]
        func take(_ count: Int) throws(NoiseError) -> ArraySlice<UInt8> {
            guard rest.count >= count else { throw .invalidMessage }
            defer { rest = rest.dropFirst(count) }
            return rest.prefix(count)
        }
        for token in pattern.messages[step] {
            switch token {
            case .e:
                trial.remoteEphemeralPublicKey = Array(try take(Self.keyLength))
                trial.mixEphemeral(trial.remoteEphemeralPublicKey)
            case .s:
                let length = Self.keyLength + (trial.symmetric.hasKey ? CipherState<Suite>.tagLength : 0)
                trial.remoteStaticPublicKey = try trial.symmetric.decryptAndHash(try take(length))
            case .ss:
                if let secret = knownSecret(trial.remoteStaticPublicKey) {
                    trial.symmetric.mixKey(secret)
                } else {
                    try trial.mix(token)
                }
            default:
                try trial.mix(token)
            }
        }
        let payload = try trial.symmetric.decryptAndHash(rest)
        trial.step += 1
        self = trial
        return payload
    }

    /// The transport keys of an ended handshake.
    public func split() throws(NoiseError) -> Keys {
        guard isOver else { throw .outOfTurn }
        let (first, second) = symmetric.split()
        return Keys(
            initiatorToResponder: first, responderToInitiator: second, handshakeHash: symmetric.handshakeHash)
    }

    private mutating func mixEphemeral(_ publicKey: [UInt8]) {
        symmetric.mixHash(publicKey)
        // With a psk the key must depend on fresh randomness of each side (section 9.2).
        if pattern.pskCount > 0 { symmetric.mixKey(publicKey) }
    }

    private mutating func mix(_ token: HandshakePattern.Token) throws(NoiseError) {
        let isInitiator = role == .initiator
        switch token {
        case .psk:
            symmetric.mixKeyAndHash(presharedKeys.removeFirst())
        case .ee:
            try mixDH(ephemeralPrivateKey?.bytes, remoteEphemeralPublicKey)
        case .ss:
            try mixDH(staticPrivateKey, remoteStaticPublicKey)
        case .es where isInitiator, .se where !isInitiator:
            try mixDH(ephemeralPrivateKey?.bytes, remoteStaticPublicKey)
        case .es, .se:
            try mixDH(staticPrivateKey, remoteEphemeralPublicKey)
        case .e, .s:
            break
        }
    }

    private mutating func mixDH(_ privateKey: [UInt8]?, _ publicKey: [UInt8]) throws(NoiseError) {
        guard let privateKey, privateKey.count == Self.keyLength, publicKey.count == Self.keyLength else {
            throw .invalidKey
        }
        guard var secret = Suite.sharedSecret(privateKey: privateKey, publicKey: publicKey) else {
            throw .invalidMessage
        }
        symmetric.mixKey(secret)
        Suite.wipe(&secret)
    }
}
