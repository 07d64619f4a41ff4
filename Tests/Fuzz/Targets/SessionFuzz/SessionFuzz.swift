internal import FuzzSupport
internal import Noise
internal import NoiseSodium
internal import SecureDatagram

/// A device with a real session whose datagrams are lost, repeated, damaged and mixed with forgeries as the input says.
/// Whatever comes, a frame is taken at most once and as it was sent, and forgeries never.
enum SessionFuzz: FuzzTarget {
    private typealias Channel = GatewayChannel<WireSuite>

    private struct Ends: Sendable {
        var device: Session<WireSuite>
        var gateway: Session<WireSuite>

        static let gatewayKey = [UInt8](repeating: 2, count: 32)
        static let deviceKey = [UInt8](repeating: 1, count: 32)

        init(ephemeral: UInt8) throws {
            guard let number = DeviceNumber(5) else { throw NoiseError.invalidKey }
            let initiator = try Initiator<WireSuite>(
                device: number,
                keys: HandshakeKeys(
                    privateKey: Self.deviceKey, peerKey: WireSuite.publicKey(of: Self.gatewayKey)),
                payload: FirstPayload(counter: 1, revision: 0, request: []),
                ephemeral: [UInt8](repeating: ephemeral, count: 32))
            guard let parsed = FrameHeader.parse(initiator.message1, fromDevice: true) else {
                throw NoiseError.invalidMessage
            }
            let reply = try Responder<WireSuite>(
                datagram: initiator.message1, parsed: parsed,
                keys: HandshakeKeys(privateKey: Self.gatewayKey, peerKey: WireSuite.publicKey(of: Self.deviceKey))
            ).reply(.accepted, answer: [], ephemeral: [UInt8](repeating: ephemeral + 1, count: 32))
            gateway = reply.session
            device = try initiator.receive(reply.message2).session
        }
    }

    private static let current = try? Ends(ephemeral: 10)
    private static let next = try? Ends(ephemeral: 20)

    private struct Sent {
        var datagram: [UInt8]
        var plaintext: [UInt8]
    }

    static func run(_ input: [UInt8]) -> String? {
        guard let current, let next else { return "no session" }
        var sessions = [current.device, next.device]
        var channel = Channel(
            limits: .init(repeats: RepeatLimit(most: 5, interval: 1), previousLifetime: .max / 2),
            sessions: [(.current, current.gateway), (.next, next.gateway)])
        var sent: [Sent] = []
        var taken: [Channel.FrameID] = []
        var script = Script(input)
        for _ in 0..<200 where !script.isAtEnd {
            let action = script.byte()
            var datagram: [UInt8] = []
            switch action & 7 {
            case 0: datagram = script.bytes()
            case 1: datagram = [0xC0 | action >> 3, 5] + script.bytes()
            case 2, 3, 4:
                let plaintext = script.bytes()
                let index = Int(action >> 7)
                // A sender who is confirmed nothing ends after 64 epochs: far beyond 200 steps.
                guard let frame = try? sessions[index].seal(plaintext) else { return "cannot seal" }
                sent.append(Sent(datagram: frame.bytes, plaintext: plaintext))
                if action & 7 == 4 { continue }
                if action & 7 == 3 { sessions[index].confirm(frame.number) }
                datagram = frame.bytes
            case 5, 6:
                guard !sent.isEmpty else { continue }
                datagram = sent[Int(script.byte()) % sent.count].datagram
                if action & 7 == 6 {
                    let position = Int(script.byte()) % datagram.count
                    datagram[position] ^= script.byte()
                    datagram.removeLast(Int(action >> 3) % 4)
                }
            default:
                guard let frame = taken.last,
                    (try? channel.seal(script.bytes(), answering: frame, Arrival(source: 1, now: 0))) != nil
                else {
                    continue
                }
            }
            if let wrong = deliver(datagram, to: &channel, sent, &taken) { return wrong }
        }
        return nil
    }

    private static func deliver(
        _ datagram: [UInt8], to channel: inout Channel, _ sent: [Sent], _ taken: inout [Channel.FrameID]
    ) -> String? {
        guard let parsed = FrameHeader.parse(datagram, fromDevice: true) else { return nil }
        guard case .transport = parsed.header else { return nil }
        let received = channel.receiveFrame(datagram, parsed, Arrival(source: 1, now: 1))
        // The number may travel in another form: what is sealed is the rest.
        let isGenuine = { (plaintext: [UInt8]) in
            sent.contains { $0.plaintext == plaintext && $0.datagram.suffix(16) == datagram.suffix(16) }
        }
        switch received {
        case .frame(let frame, let plaintext):
            guard isGenuine(plaintext) else { return "a forged frame was taken" }
            guard !taken.contains(frame) else { return "a frame was taken twice" }
            taken.append(frame)
        case .repeated(let frame, let plaintext):
            guard isGenuine(plaintext), taken.contains(frame) else { return "repeated, but never taken" }
        case .repeatedAnswer:
            guard sent.contains(where: { $0.datagram.suffix(16) == datagram.suffix(16) }) else {
                return "an answer for a forgery"
            }
        case .handshake:
            return "a handshake out of nothing"
        case .dropped:
            break
        }
        return nil
    }
}

#if FUZZING
    @_cdecl("LLVMFuzzerTestOneInput")
    public func fuzzOneInput(_ data: UnsafePointer<UInt8>?, _ count: Int) -> Int32 { SessionFuzz.feed(data, count) }
#endif
