import Noise
import NoiseSodium
import SecureDatagram

typealias Channel = GatewayChannel<WireSuite>

/// A device and a gateway that know each other's keys.
struct Ends {
    let device: DeviceNumber
    let devicePrivateKey = Sodium.randomBytes(32)
    let gatewayPrivateKey = Sodium.randomBytes(32)
    let devicePublicKey: [UInt8]
    let gatewayPublicKey: [UInt8]
    let staticSecret: [UInt8]?

    init() {
        guard let number = DeviceNumber(5) else { fatalError("5 is a device number") }
        device = number
        devicePublicKey = WireSuite.publicKey(of: devicePrivateKey)
        gatewayPublicKey = WireSuite.publicKey(of: gatewayPrivateKey)
        staticSecret = WireSuite.sharedSecret(privateKey: gatewayPrivateKey, publicKey: devicePublicKey)
    }

    func message1(counter: UInt64 = 1) throws -> [UInt8] {
        try initiator(counter: counter).message1
    }

    private func initiator(counter: UInt64) throws -> Initiator<WireSuite> {
        try Initiator<WireSuite>(
            device: device, keys: HandshakeKeys(privateKey: devicePrivateKey, peerKey: gatewayPublicKey),
            payload: FirstPayload(counter: counter, revision: 0, request: [UInt8](repeating: 7, count: 30)),
            ephemeral: Sodium.randomBytes(32))
    }

    func respond(
        to message1: [UInt8], isSecretKept: Bool = true
    ) throws -> (message2: [UInt8], session: Session<WireSuite>) {
        guard let parsed = FrameHeader.parse(message1, fromDevice: true) else { throw NoiseError.invalidMessage }
        var keys = gatewayKeys
        if !isSecretKept { keys.staticSecret = nil }
        let responder = try Responder<WireSuite>(datagram: message1, parsed: parsed, keys: keys)
        return try responder.reply(
            .accepted, answer: [UInt8](repeating: 8, count: 20), ephemeral: Sodium.randomBytes(32))
    }

    func enrolmentMessage1() throws -> [UInt8] {
        try Initiator<WireSuite>(
            .ik, device: nil, keys: HandshakeKeys(privateKey: devicePrivateKey, peerKey: gatewayPublicKey),
            payload: FirstPayload(counter: 1, revision: 0, code: [UInt8](repeating: 6, count: 7), request: []),
            ephemeral: Sodium.randomBytes(32)
        ).message1
    }

    func reads(enrolment message1: [UInt8]) -> Bool {
        guard let parsed = FrameHeader.parse(message1, fromDevice: true) else { return false }
        let keys = HandshakeKeys(privateKey: gatewayPrivateKey, publicKey: gatewayPublicKey)
        return (try? Responder<WireSuite>(datagram: message1, parsed: parsed, keys: keys)) != nil
    }

    /// Both ends of a new session, after `frames` frames from the device.
    func session(after frames: Int = 0) throws -> (device: Session<WireSuite>, gateway: Session<WireSuite>) {
        let initiator = try initiator(counter: 1)
        var (message2, gateway) = try respond(to: initiator.message1)
        var session = try initiator.receive(message2).session
        for _ in 0..<frames {
            let frame = try session.seal([1])
            guard let parsed = FrameHeader.parse(frame.bytes, fromDevice: true) else { continue }
            _ = try gateway.open(frame.bytes, parsed)
            session.confirm(frame.number)
        }
        return (session, gateway)
    }

    func receive(_ datagram: [UInt8], by channel: inout Channel) -> Channel.Received {
        guard let parsed = FrameHeader.parse(datagram, fromDevice: true) else { return .dropped(.malformed) }
        guard parsed.opening == nil else { return channel.receiveHandshake(datagram, parsed, [gatewayKeys]) }
        return channel.receiveFrame(datagram, parsed, Arrival(source: 1, now: 0))
    }

    /// As a gateway keeps them for a device that it has met before.
    private var gatewayKeys: HandshakeKeys {
        HandshakeKeys(
            privateKey: gatewayPrivateKey, publicKey: gatewayPublicKey, peerKey: devicePublicKey,
            staticSecret: staticSecret)
    }

    func channel(_ sessions: [(slot: Channel.Slot, session: Session<WireSuite>)] = []) -> Channel {
        Channel(
            limits: .init(repeats: RepeatLimit(most: 5, interval: 1), previousLifetime: .max / 2), sessions: sessions)
    }
}
