public import Noise

/// Enrolment of a device that knows a secret from its label, and no key of the gateway's: XXpsk0, three messages and a frame
/// that confirms the third.
///
/// A secret has at least 128 bits: whoever records message 1 may try secrets off-line.
public enum Label {
    public static var secretLength: Int { 16 }

    /// The preshared key that a secret stands for.
    public static func presharedKey<Suite: NoiseSuite>(_ suite: Suite.Type, secret: [UInt8]) -> [UInt8] {
        Array(Suite.hkdf(chainingKey: HandshakeKind.label, input: secret, outputs: 2).prefix(32))
    }
}

/// The device's half.
public struct LabelInitiator<Suite: NoiseSuite>: Sendable {
    /// Message 1, then, once message 2 is read, message 3. Each is repeated byte for byte.
    public private(set) var message: [UInt8]
    /// The gateway's public key; known with message 2.
    public var gatewayKey: [UInt8] { state.remoteStaticPublicKey }
    /// The session; known with message 2, to be relied on once a frame has come in it.
    public private(set) var session: Session<Suite>?
    private let device: DeviceNumber
    private var state: HandshakeState<Suite>
    private var retries = 0

    /// - Parameters:
    ///   - presharedKey: of the label's secret.
    ///   - ephemeral: 32 random bytes, never used before for another message 1.
    public init(
        device: DeviceNumber, privateKey: [UInt8], presharedKey: [UInt8], payload: FirstPayload, ephemeral: [UInt8]
    ) throws(NoiseError) {
        let keys = HandshakeKeys(privateKey: privateKey, presharedKey: presharedKey)
        state = try HandshakeKind.xxpsk0.state(.initiator, device, keys)
        self.device = device
        let first = try state.writeMessage(payload: payload.encoded(.xxpsk0), ephemeralPrivateKey: ephemeral)
        message = [FrameHeader.HandshakeMessage(.xxpsk0, .message1).rawValue] + device.encoded + first
    }

    /// Reads message 2 and writes message 3. A wrong one changes nothing.
    public mutating func receive(_ datagram: [UInt8]) throws(NoiseError) {
        guard session == nil, datagram.first == FrameHeader.HandshakeMessage(.xxpsk0, .message2).rawValue else {
            throw .invalidMessage
        }
        var trial = state
        let payload = try trial.readMessage(Array(datagram.dropFirst()))
        var offset = 0
        guard HandshakeStatus(payload, at: &offset) == .accepted else { throw .invalidMessage }
        let third = try trial.writeMessage(payload: [])
        session = Session(initiator: try trial.split(), device: device)
        state = trial
        message = [FrameHeader.HandshakeMessage(.xxpsk0, .message3).rawValue] + device.encoded + third
    }

    /// Reads a frame of the new session: the gateway has read message 3. False: it is none.
    public mutating func confirm(_ datagram: [UInt8]) -> Bool {
        guard var opening = session, let parsed = FrameHeader.parse(datagram, fromDevice: false),
            (try? opening.open(datagram, parsed)) != nil
        else { return false }
        session = opening
        return true
    }

    /// Takes a request for a cookie. False: it answers another message, or was followed often enough.
    public mutating func follow(_ retry: [UInt8]) -> [UInt8]? {
        guard session == nil, retries < Retry.mostFollowed,
            let again = Retry.message1(message, header: 1 + device.encodedCount, .xxpsk0, following: retry, Suite.self)
        else { return nil }
        retries += 1
        return again
    }
}

/// The gateway's half, between message 1 and message 3.
public struct LabelResponder<Suite: NoiseSuite>: Sendable {
    /// The hash of message 1.
    public let hash: [UInt8]
    /// The answer to message 1, repeated byte for byte.
    public let message2: [UInt8]
    private let device: DeviceNumber
    private let state: HandshakeState<Suite>

    /// Reads message 1 and writes message 2.
    ///
    /// - Parameters:
    ///   - keys: the gateway's own, and the preshared key of the device's label.
    ///   - ephemeral: 32 random bytes, never used before.
    public init(
        datagram: [UInt8], parsed: FrameHeader.Parsed, keys: HandshakeKeys, ephemeral: [UInt8]
    ) throws(NoiseError) {
        guard parsed.opening == .xxpsk0, let device = parsed.device else { throw .invalidMessage }
        let message1 = parsed.handshakeMessage(in: datagram)
        var state: HandshakeState<Suite> = try HandshakeKind.xxpsk0.state(.responder, device, keys)
        guard let payload = FirstPayload(try state.readMessage(message1), .xxpsk0), payload.revision == 0 else {
            throw .invalidMessage
        }
        let second = try state.writeMessage(
            payload: HandshakeStatus.accepted.encoded, ephemeralPrivateKey: ephemeral)
        message2 = [FrameHeader.HandshakeMessage(.xxpsk0, .message2).rawValue] + second
        hash = Suite.hash(message1)
        self.device = device
        self.state = state
    }

    /// Reads message 3; a wrong one changes nothing.
    public func receive(
        _ datagram: [UInt8], _ parsed: FrameHeader.Parsed
    ) throws(NoiseError) -> (deviceKey: [UInt8], session: Session<Suite>) {
        guard parsed.closing == .xxpsk0, parsed.device == device else { throw .invalidMessage }
        var trial = state
        _ = try trial.readMessage(parsed.handshakeMessage(in: datagram))
        return (trial.remoteStaticPublicKey, Session(responder: try trial.split(), device: device))
    }
}
