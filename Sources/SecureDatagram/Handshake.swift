public import Noise

/// What the two handshake messages carry besides Noise, and the Noise parameters of this protocol.
///
/// Message 1: varint counter, varint profile revision, then the first request. Message 2: one status byte (and its
/// varint where the status has one), then the answer.
enum Handshake {
    /// "Sotto" and the version of this protocol.
    static let label: [UInt8] = [0x53, 0x6F, 0x74, 0x74, 0x6F, 0x31]

    /// Noise section 6: every clear byte that decides something is bound.
    static func prologue(_ message: FrameHeader.HandshakeMessage, _ device: DeviceNumber) -> [UInt8] {
        label + [message.rawValue] + device.encoded
    }
}

/// What the gateway says of a first message.
public enum HandshakeStatus: Equatable, Sendable {
    /// The request was taken; its answer follows.
    case accepted
    /// The counter is not above the last one, which is given: the request was not taken. The session stands, send again.
    case staleCounter(last: UInt64)
    /// The gateway does not know this profile revision and names its own: the request was not taken.
    case unknownRevision(own: UInt64)

    var encoded: [UInt8] {
        var bytes: [UInt8]
        switch self {
        case .accepted:
            bytes = [0]
        case .staleCounter(let last):
            bytes = [1]
            Varint.append(last, to: &bytes)
        case .unknownRevision(let own):
            bytes = [2]
            Varint.append(own, to: &bytes)
        }
        return bytes
    }

    init?(_ bytes: [UInt8], at offset: inout Int) {
        guard let status = Varint.read(bytes, at: &offset) else { return nil }
        switch status {
        case 0:
            self = .accepted
        case 1:
            guard let last = Varint.read(bytes, at: &offset) else { return nil }
            self = .staleCounter(last: last)
        case 2:
            guard let own = Varint.read(bytes, at: &offset) else { return nil }
            self = .unknownRevision(own: own)
        default:
            return nil
        }
    }
}

/// The device's half of a KK handshake.
public struct Initiator<Suite: NoiseSuite>: Sendable {
    /// Repeated byte for byte until it is answered (a changed payload under the same ephemeral key would break it).
    public let message1: [UInt8]
    /// Bytes that message 1 adds to the request in it, at most: header, ephemeral key, counter and revision, tag.
    public static func message1Overhead(of device: DeviceNumber) -> Int {
        1 + device.encodedCount + 32 + 2 * Varint.longest + 16
    }
    /// Bytes by which message 2 is longer than the frame that the same answer would travel in: ephemeral key and status.
    public static var message2Overhead: Int { 33 }
    private let state: HandshakeState<Suite>
    private let device: DeviceNumber

    /// - Parameters:
    ///   - counter: above that of every handshake before, and stored before this message leaves.
    ///   - ephemeral: 32 random bytes, never used before.
    public init(
        device: DeviceNumber, privateKey: [UInt8], gatewayKey: [UInt8], counter: UInt64, revision: UInt64,
        request: [UInt8], ephemeral: [UInt8]
    ) throws(NoiseError) {
        var state = try HandshakeState<Suite>(
            pattern: .kk, role: .initiator, prologue: Handshake.prologue(.kkMessage1, device),
            staticPrivateKey: privateKey, remoteStaticPublicKey: gatewayKey)
        var payload: [UInt8] = []
        Varint.append(counter, to: &payload)
        Varint.append(revision, to: &payload)
        payload += request
        let message = try state.writeMessage(payload: payload, ephemeralPrivateKey: ephemeral)
        message1 = [FrameHeader.HandshakeMessage.kkMessage1.rawValue] + device.encoded + message
        self.state = state
        self.device = device
    }

    /// Reads message 2. A wrong one changes nothing: the right one may still come.
    public func receive(
        _ datagram: [UInt8]
    ) throws(NoiseError) -> (session: Session<Suite>, status: HandshakeStatus, answer: [UInt8]) {
        guard datagram.first == FrameHeader.HandshakeMessage.kkMessage2.rawValue else { throw .invalidMessage }
        var trial = state
        let payload = try trial.readMessage(Array(datagram.dropFirst()))
        var offset = 0
        guard let status = HandshakeStatus(payload, at: &offset) else { throw .invalidMessage }
        let keys = try trial.split()
        let session = Session<Suite>(
            id: keys.handshakeHash, role: .device, device: device, sending: keys.initiatorToResponder,
            receiving: keys.responderToInitiator)
        return (session, status, Array(payload[offset...]))
    }
}

/// The gateway's half of a KK handshake, between its two messages.
public struct Responder<Suite: NoiseSuite>: Sendable {
    public let device: DeviceNumber
    public let counter: UInt64
    public let revision: UInt64
    public let request: [UInt8]
    private let state: HandshakeState<Suite>

    /// Reads message 1.
    public init(
        datagram: [UInt8], parsed: FrameHeader.Parsed, gatewayPrivateKey: [UInt8], deviceKey: [UInt8]
    ) throws(NoiseError) {
        guard parsed.header == .handshake(.kkMessage1), let device = parsed.device else { throw .invalidMessage }
        var state = try HandshakeState<Suite>(
            pattern: .kk, role: .responder, prologue: Handshake.prologue(.kkMessage1, device),
            staticPrivateKey: gatewayPrivateKey, remoteStaticPublicKey: deviceKey)
        let payload = try state.readMessage(Array(datagram[parsed.bodyOffset...]))
        var offset = 0
        guard let counter = Varint.read(payload, at: &offset), let revision = Varint.read(payload, at: &offset) else {
            throw .invalidMessage
        }
        self.device = device
        self.counter = counter
        self.revision = revision
        self.request = Array(payload[offset...])
        self.state = state
    }

    /// Writes message 2.
    public func reply(
        _ status: HandshakeStatus, answer: [UInt8], ephemeral: [UInt8]
    ) throws(NoiseError) -> (message2: [UInt8], session: Session<Suite>) {
        var state = state
        let message = try state.writeMessage(payload: status.encoded + answer, ephemeralPrivateKey: ephemeral)
        let keys = try state.split()
        let session = Session<Suite>(
            id: keys.handshakeHash, role: .gateway, device: device, sending: keys.responderToInitiator,
            receiving: keys.initiatorToResponder)
        return ([FrameHeader.HandshakeMessage.kkMessage2.rawValue] + message, session)
    }
}
