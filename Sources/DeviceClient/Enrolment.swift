internal import CoAP
public import Links
public import Noise
internal import SecureDatagram

/// A device enrols itself: it shows a one-time code to the gateway whose key it knows, and gets a number and its first
/// session, in one round trip (Noise IK).
///
/// Like `DeviceClient` it does no I/O. Its owner stores what `init` is given before it sends anything, and uses the same again
/// after a restart: a gateway that has taken the code repeats its answer to the very same message only.
public struct Enrolment<Suite: NoiseSuite>: Sendable {
    public enum Outcome: Equatable, Sendable {
        case waiting
        /// The device's number, and the first state for its `DeviceClient`, to be stored before it is used.
        case enrolled(number: UInt32, state: [UInt8])
        /// No answer: the gateway is out of reach, its key is another one, or the code is wrong, used or expired.
        case unanswered
    }

    public private(set) var outcome = Outcome.waiting
    private var initiator: Initiator<Suite>
    private var datagram: [UInt8]
    private var outgoing: [[UInt8]] = []
    private var queue: TransmitQueue
    private let parameters: TransmissionParameters
    private var timeout: Int64
    private var repetitions = 0
    public private(set) var deadline: Int64?

    /// - Parameters:
    ///   - ephemeral: 32 random bytes, the same for one code after a restart.
    public init(
        privateKey: [UInt8], gatewayKey: [UInt8], code: [UInt8], ephemeral: [UInt8], link: Link, now: Int64
    ) throws(NoiseError) {
        initiator = try Initiator<Suite>(
            .ik, device: nil, keys: HandshakeKeys(privateKey: privateKey, peerKey: gatewayKey),
            payload: FirstPayload(counter: Self.counter, revision: 0, code: code, request: []), ephemeral: ephemeral)
        datagram = initiator.message1
        queue = TransmitQueue(link.up)
        parameters = TransmissionParameters(deviceOn: link)
        // Message 2 has no answer in it, but a number.
        timeout = parameters.timeout(answerBytes: parameters.expectedAnswerBytes + Initiator<Suite>.message2Overhead)
        send(now: now)
    }

    /// The first handshake of the device's life.
    private static var counter: UInt64 { 1 }

    public mutating func nextDatagram() -> [UInt8]? {
        outgoing.isEmpty ? nil : outgoing.removeFirst()
    }

    public mutating func receive(_ received: [UInt8], now: Int64) {
        guard case .waiting = outcome else { return }
        if let again = initiator.follow(received) {
            datagram = again
            send(now: now)
            return
        }
        guard let opened = try? initiator.receive(received), case .enrolled(let number) = opened.status else { return }
        var snapshot = DeviceSnapshot()
        snapshot.handshakeCounter = Self.counter
        snapshot.session = opened.session.encoded()
        deadline = nil
        outcome = .enrolled(number: number.rawValue, state: snapshot.encoded)
    }

    public mutating func handleTimeout(now: Int64) {
        guard let time = deadline, time <= now else { return }
        guard repetitions < parameters.maxRetransmit else {
            deadline = nil
            outcome = .unanswered
            return
        }
        repetitions += 1
        timeout = timeout / 1000 * parameters.backoffPerMille
        send(now: now)
    }

    private mutating func send(now: Int64) {
        outgoing.append(datagram)
        deadline = queue.enqueue(datagram.count, now: now) + timeout
    }
}
