/// A handshake under way (section 5.3). A value: a copy is a trial, and a message that fails leaves the state as it was.
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
    private var ephemeralPrivateKey: [UInt8] = []
    /// The peer's static public key; from the start, or once it has been received.
    public private(set) var remoteStaticPublicKey: [UInt8]
    private var remoteEphemeralPublicKey: [UInt8] = []
    private var presharedKeys: [[UInt8]]
    private var step = 0

    /// - Parameters:
    ///   - staticPrivateKey: 32 bytes where the pattern has one for this role, otherwise empty.
    ///   - remoteStaticPublicKey: 32 bytes where the pattern knows it beforehand, otherwise empty.
    ///   - presharedKeys: 32 bytes for each psk token, in their order.
    public init(
        pattern: HandshakePattern, role: Role, prologue: [UInt8], staticPrivateKey: [UInt8] = [],
        remoteStaticPublicKey: [UInt8] = [], presharedKeys: [[UInt8]] = []
    ) throws(NoiseError) {
        guard staticPrivateKey.isEmpty || staticPrivateKey.count == Self.keyLength,
            remoteStaticPublicKey.isEmpty || remoteStaticPublicKey.count == Self.keyLength,
            presharedKeys.count == pattern.pskCount
        else { throw .invalidKey }
        for key in presharedKeys where key.count != Self.keyLength { throw .invalidKey }
        self.pattern = pattern
        self.role = role
        self.staticPrivateKey = staticPrivateKey
        self.remoteStaticPublicKey = remoteStaticPublicKey
        self.presharedKeys = presharedKeys
        symmetric = SymmetricState(
            protocolName: HandshakePattern.bytes(of: "Noise_") + pattern.name + [0x5F]
                + HandshakePattern.bytes(of: Suite.name))
        symmetric.mixHash(prologue)
        let ownPublicKey = staticPrivateKey.isEmpty ? [] : Suite.publicKey(of: staticPrivateKey)
        let isInitiator = role == .initiator
        for (isKnown, key) in [
            (pattern.initiatorIsKnown, isInitiator ? ownPublicKey : remoteStaticPublicKey),
            (pattern.responderIsKnown, isInitiator ? remoteStaticPublicKey : ownPublicKey),
        ] where isKnown {
            guard !key.isEmpty else { throw .invalidKey }
            symmetric.mixHash(key)
        }
    }

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
                trial.ephemeralPrivateKey = ephemeralPrivateKey
                let publicKey = Suite.publicKey(of: ephemeralPrivateKey)
                message += publicKey
                trial.mixEphemeral(publicKey)
            case .s:
                guard !staticPrivateKey.isEmpty else { throw .invalidKey }
                message += try trial.symmetric.encryptAndHash(Suite.publicKey(of: staticPrivateKey))
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
    public mutating func readMessage(_ message: [UInt8]) throws(NoiseError) -> [UInt8] {
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
            try mixDH(ephemeralPrivateKey, remoteEphemeralPublicKey)
        case .ss:
            try mixDH(staticPrivateKey, remoteStaticPublicKey)
        case .es:
            try isInitiator
                ? mixDH(ephemeralPrivateKey, remoteStaticPublicKey) : mixDH(staticPrivateKey, remoteEphemeralPublicKey)
        case .se:
            try isInitiator
                ? mixDH(staticPrivateKey, remoteEphemeralPublicKey) : mixDH(ephemeralPrivateKey, remoteStaticPublicKey)
        case .e, .s:
            break
        }
    }

    private mutating func mixDH(_ privateKey: [UInt8], _ publicKey: [UInt8]) throws(NoiseError) {
        guard privateKey.count == Self.keyLength, publicKey.count == Self.keyLength else { throw .invalidKey }
        guard let secret = Suite.sharedSecret(privateKey: privateKey, publicKey: publicKey) else {
            throw .invalidMessage
        }
        symmetric.mixKey(secret)
    }
}
