public import Noise

/// What the gateway says of a first message.
public enum HandshakeStatus: Equatable, Sendable {
    /// The request was taken; its answer follows.
    case accepted
    /// The counter is not above the last one, which is given: the request was not taken. The session stands, send again.
    case staleCounter(last: UInt64)
    /// The gateway does not know this profile revision and names its own: the request was not taken.
    case unknownRevision(own: UInt64)
    /// The device is enrolled under this number; the answer to its request follows, where it sent one.
    case enrolled(DeviceNumber)

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
        case .enrolled(let number):
            bytes = [3] + number.encoded
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
        case 3:
            guard let number = DeviceNumber(bytes, at: offset) else { return nil }
            offset += number.encodedCount
            self = .enrolled(number)
        default:
            return nil
        }
    }
}

/// What message 1 carries besides Noise: varint counter, varint profile revision, in an enrolment the code behind its length,
/// then the first request.
public struct FirstPayload: Equatable, Sendable {
    /// Above that of every handshake before, and stored before the message leaves.
    public var counter: UInt64
    public var revision: UInt64
    /// The one-time code of an enrolment; empty in every other handshake.
    public var code: [UInt8]
    public var request: [UInt8]

    public init(counter: UInt64, revision: UInt64, code: [UInt8] = [], request: [UInt8]) {
        self.counter = counter
        self.revision = revision
        self.code = code
        self.request = request
    }

    func encoded(_ kind: HandshakeKind) -> [UInt8] {
        var bytes: [UInt8] = []
        Varint.append(counter, to: &bytes)
        Varint.append(revision, to: &bytes)
        if kind == .ik {
            Varint.append(UInt64(code.count), to: &bytes)
            bytes += code
        }
        return bytes + request
    }

    init?(_ bytes: [UInt8], _ kind: HandshakeKind) {
        var offset = 0
        guard let counter = Varint.read(bytes, at: &offset), let revision = Varint.read(bytes, at: &offset) else {
            return nil
        }
        code = []
        if kind == .ik {
            guard let length = Varint.read(bytes, at: &offset), length <= UInt64(bytes.count - offset) else {
                return nil
            }
            code = Array(bytes[offset..<offset + Int(length)])
            offset += Int(length)
        }
        self.counter = counter
        self.revision = revision
        request = Array(bytes[offset...])
    }
}

/// The device's half of a handshake of two messages.
public struct Initiator<Suite: NoiseSuite>: Sendable {
    /// Repeated byte for byte until it is answered (a changed payload under the same ephemeral key would break it).
    public let message1: [UInt8]
    /// Bytes that message 1 adds to the request in it, at most: header, ephemeral key, counter and revision, tag.
    public static func message1Overhead(of device: DeviceNumber) -> Int {
        1 + device.encodedCount + 32 + 2 * Varint.longest + 16
    }
    /// Bytes by which message 2 is longer than the frame that the same answer would travel in: ephemeral key and status.
    public static var message2Overhead: Int { 33 }

    private let kind: HandshakeKind
    private let state: HandshakeState<Suite>
    /// nil: not enrolled yet.
    private let device: DeviceNumber?
    private var retries = 0

    /// - Parameters:
    ///   - device: nil where the gateway gives the number in this handshake.
    ///   - ephemeral: 32 random bytes, never used before.
    public init(
        _ kind: HandshakeKind = .kk, device: DeviceNumber?, keys: HandshakeKeys, payload: FirstPayload,
        ephemeral: [UInt8]
    ) throws(NoiseError) {
        var state: HandshakeState<Suite> = try kind.state(.initiator, device, keys)
        let message = try state.writeMessage(payload: payload.encoded(kind), ephemeralPrivateKey: ephemeral)
        message1 = [FrameHeader.HandshakeMessage(kind, .message1).rawValue] + (device?.encoded ?? []) + message
        self.kind = kind
        self.state = state
        self.device = device
    }

    /// Reads message 2. A wrong one changes nothing: the right one may still come.
    public func receive(
        _ datagram: [UInt8]
    ) throws(NoiseError) -> (session: Session<Suite>, status: HandshakeStatus, answer: [UInt8]) {
        guard datagram.first == FrameHeader.HandshakeMessage(kind, .message2).rawValue else { throw .invalidMessage }
        var trial = state
        let payload = try trial.readMessage(Array(datagram.dropFirst()))
        var offset = 0
        guard let status = HandshakeStatus(payload, at: &offset) else { throw .invalidMessage }
        var number = device
        if case .enrolled(let given) = status { number = given }
        guard let number else { throw .invalidMessage }
        let keys = try trial.split()
        let session = Session<Suite>(initiator: keys, device: number)
        return (session, status, Array(payload[offset...]))
    }

    /// Message 1 with the cookie of a retry, to be sent once; nil where the retry answers another message, or was followed
    /// often enough.
    public mutating func follow(_ retry: [UInt8]) -> [UInt8]? {
        guard retries < Retry.mostFollowed,
            let again = Retry.message1(
                message1, header: 1 + (device?.encodedCount ?? 0), kind, following: retry, Suite.self)
        else { return nil }
        retries += 1
        return again
    }
}

/// The gateway's half of a handshake, between its two messages.
public struct Responder<Suite: NoiseSuite>: Sendable {
    /// nil: not enrolled yet.
    public let device: DeviceNumber?
    public let payload: FirstPayload
    /// The device's public key; empty in a pattern without one.
    public var deviceKey: [UInt8] { state.remoteStaticPublicKey }
    private let kind: HandshakeKind
    private let state: HandshakeState<Suite>

    /// Reads message 1.
    public init(
        datagram: [UInt8], parsed: FrameHeader.Parsed, keys: HandshakeKeys
    ) throws(NoiseError) {
        guard let kind = parsed.opening, kind != .xxpsk0 else { throw .invalidMessage }
        var state: HandshakeState<Suite> = try kind.state(.responder, parsed.device, keys)
        let message = parsed.handshakeMessage(in: datagram)
        let plaintext = try state.readMessage(message) { peerKey in
            peerKey == keys.peerKey ? keys.staticSecret : nil
        }
        guard let payload = FirstPayload(plaintext, kind) else { throw .invalidMessage }
        self.kind = kind
        self.device = parsed.device
        self.payload = payload
        self.state = state
    }

    /// Writes message 2.
    public func reply(
        _ status: HandshakeStatus, answer: [UInt8], ephemeral: [UInt8]
    ) throws(NoiseError) -> (message2: [UInt8], session: Session<Suite>) {
        var number = device
        if case .enrolled(let given) = status { number = given }
        guard let number else { throw .invalidMessage }
        var state = state
        let message = try state.writeMessage(payload: status.encoded + answer, ephemeralPrivateKey: ephemeral)
        let keys = try state.split()
        let session = Session<Suite>(responder: keys, device: number)
        return ([FrameHeader.HandshakeMessage(kind, .message2).rawValue] + message, session)
    }
}
