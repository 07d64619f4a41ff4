internal import FuzzSupport
internal import Noise
internal import NoiseSodium
internal import SecureDatagram

/// Handshake messages: any bytes, true ones with damage, and true ones around any payload.
enum HandshakeFuzz: FuzzTarget {
    private typealias State = HandshakeState<WireSuite>

    private static let gatewayKey = [UInt8](repeating: 2, count: 32)
    private static let deviceKey = [UInt8](repeating: 1, count: 32)
    private static let gatewayPublicKey = WireSuite.publicKey(of: gatewayKey)
    private static let devicePublicKey = WireSuite.publicKey(of: deviceKey)
    /// Type and device number.
    private static let header: [UInt8] = [0x80, 5]
    /// As Docs/Protocol.md has it: the label, the type byte, the device number.
    private static let prologue: [UInt8] = Array("Sotto1".utf8) + header

    static func run(_ input: [UInt8]) -> String? {
        var script = Script(input)
        do {
            switch script.byte() % 6 {
            case 0: return refusal(of: header + script.remainder())
            case 1: return try damagedMessage1(&script)
            case 2: return try payload1(script.remainder())
            case 3: return try message2([0x81] + script.remainder())
            case 4: return try payload2(script.remainder())
            default: return try LabelHandshakes.run(&script)
            }
        } catch {
            return "unexpected: \(error)"
        }
    }

    private static func initiator() throws -> Initiator<WireSuite> {
        guard let device = DeviceNumber(5) else { throw NoiseError.invalidKey }
        return try Initiator(
            device: device, keys: HandshakeKeys(privateKey: deviceKey, peerKey: gatewayPublicKey),
            payload: FirstPayload(counter: 300, revision: 7, request: [1, 2, 3]),
            ephemeral: [UInt8](repeating: 3, count: 32))
    }

    private static func respond(to datagram: [UInt8]) -> GatewayChannel<WireSuite>.Received? {
        guard let parsed = FrameHeader.parse(datagram, fromDevice: true) else { return nil }
        let channel = GatewayChannel<WireSuite>(
            limits: .init(repeats: RepeatLimit(most: 5, interval: 1), previousLifetime: 1))
        return channel.receiveHandshake(
            datagram, parsed, [HandshakeKeys(privateKey: gatewayKey, peerKey: devicePublicKey)])
    }

    private static func refusal(of datagram: [UInt8]) -> String? {
        switch respond(to: datagram) {
        case nil, .dropped: nil
        default: "a forged message 1 was taken"
        }
    }

    /// Whether this is `message1`, as it is or with a cookie, whose bytes only a budget looks at.
    static func isTrue(_ datagram: [UInt8], _ message1: [UInt8]) -> Bool {
        if datagram == message1 { return true }
        return datagram.count == message1.count + 8 && datagram[0] == message1[0] | 3
            && datagram[1..<message1.count] == message1[1...]
    }

    private static func damagedMessage1(_ script: inout Script) throws -> String? {
        let message1 = try initiator().message1
        var damaged = message1
        damaged[Int(script.byte()) % damaged.count] ^= script.byte()
        damaged.removeLast(Int(script.byte()) % damaged.count)
        damaged += script.remainder()
        if !isTrue(damaged, message1) { return refusal(of: damaged) }
        guard case .handshake(_, let responder)? = respond(to: damaged) else { return "the true message 1 was refused" }
        return responder.payload.request == [1, 2, 3] && responder.payload.counter == 300
            ? nil : "the true message 1 was read wrong"
    }

    /// A holder of the device's key writes what he likes behind the header.
    private static func payload1(_ payload: [UInt8]) throws -> String? {
        var state = try State(
            pattern: .kk, role: .initiator, prologue: prologue, staticPrivateKey: deviceKey,
            staticPublicKey: devicePublicKey, remoteStaticPublicKey: gatewayPublicKey)
        let message = try state.writeMessage(payload: payload, ephemeralPrivateKey: [UInt8](repeating: 4, count: 32))
        guard case .handshake(_, let responder)? = respond(to: header + message) else { return nil }
        guard payload.hasSuffix(responder.payload.request) else { return "a request that was not sent" }
        let reply = try responder.reply(.accepted, answer: [9], ephemeral: [UInt8](repeating: 5, count: 32))
        return try state.readMessage(Array(reply.message2.dropFirst())).last == 9 ? nil : "another answer"
    }

    private static func message2(_ datagram: [UInt8]) throws -> String? {
        (try? initiator().receive(datagram)) == nil ? nil : "a forged message 2 was taken"
    }

    /// A holder of the gateway's key answers what he likes.
    private static func payload2(_ payload: [UInt8]) throws -> String? {
        let initiator = try initiator()
        var state = try State(
            pattern: .kk, role: .responder, prologue: prologue, staticPrivateKey: gatewayKey,
            staticPublicKey: gatewayPublicKey, remoteStaticPublicKey: devicePublicKey)
        _ = try state.readMessage(Array(initiator.message1.dropFirst(header.count)))
        let message = try state.writeMessage(payload: payload, ephemeralPrivateKey: [UInt8](repeating: 6, count: 32))
        guard let received = try? initiator.receive([0x81] + message) else { return nil }
        guard received.session.id == (try state.split().handshakeHash) else { return "another session" }
        return payload.hasSuffix(received.answer) ? nil : "an answer that was not sent"
    }
}

extension [UInt8] {
    fileprivate func hasSuffix(_ other: [UInt8]) -> Bool { suffix(other.count) == other[...] }
}

#if FUZZING
    @_cdecl("LLVMFuzzerTestOneInput")
    public func fuzzOneInput(_ data: UnsafePointer<UInt8>?, _ count: Int) -> Int32 { HandshakeFuzz.feed(data, count) }
#endif
