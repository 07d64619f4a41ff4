internal import CoAP
public import Links
public import Noise
public import SecureDatagram

/// A device enrols itself. It shows a one-time code to the gateway whose key it knows, and gets a number and its first
/// session in one round trip (Noise IK); or it and the gateway prove to each other that they know the secret of its label, on
/// which its number stands, and each learns the other's key, in two (XXpsk0).
///
/// Like `DeviceClient` it does no I/O. Its owner stores what `init` is given before it sends anything, and uses the same again
/// after a restart: a gateway that has enrolled the device repeats its answer to the very same messages only.
public struct Enrolment<Suite: NoiseSuite>: Sendable {
    public enum Outcome: Equatable, Sendable {
        case waiting
        /// The device's number, the gateway's public key, and the first state for its `DeviceClient`, to be stored before
        /// it is used.
        case enrolled(number: UInt32, gatewayKey: [UInt8], state: [UInt8])
        /// No answer: the gateway is out of reach, its key is another one, or the code is wrong, used or expired.
        case unanswered
    }

    private enum Handshake: Sendable {
        case code(Initiator<Suite>, gatewayKey: [UInt8])
        case label(LabelInitiator<Suite>, number: UInt32)
    }

    public private(set) var outcome = Outcome.waiting
    private var handshake: Handshake
    private var datagram: [UInt8]
    private var outgoing: [[UInt8]] = []
    private var queue: TransmitQueue
    private let parameters: TransmissionParameters
    private var timeout: Int64 = 0
    private var repetitions = 0
    /// Of three messages: where to begin again when the third is not answered, which happens once.
    private var beginning: (handshake: Handshake, message1: [UInt8])?
    private var hasBegunAgain = false
    public private(set) var deadline: Int64?

    /// By a one-time code.
    ///
    /// - Parameters:
    ///   - ephemeral: 32 random bytes, the same for one code after a restart.
    public init(
        privateKey: [UInt8], gatewayKey: [UInt8], code: [UInt8], ephemeral: [UInt8], link: Link, now: Int64
    ) throws(NoiseError) {
        let initiator = try Initiator<Suite>(
            .ik, device: nil, keys: HandshakeKeys(privateKey: privateKey, peerKey: gatewayKey),
            payload: FirstPayload(counter: Self.counter, revision: 0, code: code, request: []), ephemeral: ephemeral)
        self.init(.code(initiator, gatewayKey: gatewayKey), initiator.message1, link)
        begin(now: now)
    }

    /// By the secret of a label, 16 bytes.
    ///
    /// - Parameters:
    ///   - number: the device's, from its label.
    ///   - ephemeral: 32 random bytes, the same for one label after a restart.
    public init(
        privateKey: [UInt8], number: DeviceNumber, secret: [UInt8], ephemeral: [UInt8], link: Link, now: Int64
    ) throws(NoiseError) {
        let initiator = try LabelInitiator<Suite>(
            device: number, privateKey: privateKey, presharedKey: Label.presharedKey(Suite.self, secret: secret),
            payload: FirstPayload(counter: Self.counter, revision: 0, request: []), ephemeral: ephemeral)
        self.init(.label(initiator, number: number.rawValue), initiator.message, link)
        begin(now: now)
    }

    private init(_ handshake: Handshake, _ message1: [UInt8], _ link: Link) {
        self.handshake = handshake
        datagram = message1
        queue = TransmitQueue(link.up)
        parameters = TransmissionParameters(deviceOn: link)
    }

    /// The first handshake of the device's life.
    private static var counter: UInt64 { 1 }
    /// Bytes by which message 2 of XXpsk0 is longer than that of the others: the gateway's key and a tag.
    private static var keyLength: Int { 48 }

    public mutating func nextDatagram() -> [UInt8]? {
        outgoing.isEmpty ? nil : outgoing.removeFirst()
    }

    public mutating func receive(_ received: [UInt8], now: Int64) {
        guard case .waiting = outcome else { return }
        switch handshake {
        case .code(var initiator, let gatewayKey):
            if let again = initiator.follow(received) {
                handshake = .code(initiator, gatewayKey: gatewayKey)
                datagram = again
                send(now: now)
            } else if let opened = try? initiator.receive(received), case .enrolled(let number) = opened.status {
                end(number.rawValue, gatewayKey, opened.session, counter: Self.counter)
            }
        case .label(var initiator, let number):
            if let again = initiator.follow(received) {
                handshake = .label(initiator, number: number)
                datagram = again
                send(now: now)
            } else if (try? initiator.receive(received)) != nil {
                beginning = (handshake, datagram)
                handshake = .label(initiator, number: number)
                datagram = initiator.message
                begin(now: now)
            } else if initiator.confirm(received), let session = initiator.session {
                end(number, initiator.gatewayKey, session, counter: 0)
            }
        }
    }

    private mutating func end(_ number: UInt32, _ gatewayKey: [UInt8], _ session: Session<Suite>, counter: UInt64) {
        var snapshot = DeviceSnapshot()
        snapshot.handshakeCounter = counter
        snapshot.session = session.encoded()
        deadline = nil
        outcome = .enrolled(number: number, gatewayKey: gatewayKey, state: snapshot.encoded)
    }

    public mutating func handleTimeout(now: Int64) {
        guard let time = deadline, time <= now else { return }
        guard repetitions < parameters.maxRetransmit else {
            // A gateway that was killed has forgotten what message 3 belongs to, and begins again with the same message 1.
            if let beginning, !hasBegunAgain {
                hasBegunAgain = true
                handshake = beginning.handshake
                datagram = beginning.message1
                begin(now: now)
                return
            }
            deadline = nil
            outcome = .unanswered
            return
        }
        repetitions += 1
        timeout = timeout / 1000 * parameters.backoffPerMille
        send(now: now)
    }

    /// Sends a message that has not been sent yet.
    private mutating func begin(now: Int64) {
        // Message 2 has no answer in it, but a number, or a key.
        var added = Initiator<Suite>.message2Overhead
        if case .label = handshake { added += Self.keyLength }
        timeout = parameters.timeout(answerBytes: parameters.expectedAnswerBytes + added)
        repetitions = 0
        send(now: now)
    }

    private mutating func send(now: Int64) {
        outgoing.append(datagram)
        deadline = queue.enqueue(datagram.count, now: now) + timeout
    }
}
