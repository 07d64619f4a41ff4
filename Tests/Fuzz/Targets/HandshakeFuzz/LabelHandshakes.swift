internal import FuzzSupport
internal import Noise
internal import NoiseSodium
internal import SecureDatagram

/// The three messages by a label's secret: any bytes, true ones with damage, and true ones around any payload.
enum LabelHandshakes {
    private typealias State = HandshakeState<WireSuite>

    private static let gatewayKey = [UInt8](repeating: 2, count: 32)
    private static let deviceKey = [UInt8](repeating: 1, count: 32)
    private static let presharedKey = [UInt8](repeating: 3, count: 32)
    /// Type and device number of message 1, as they stand in the prologue.
    private static let header: [UInt8] = [0x8C, 5]

    static func run(_ script: inout Script) throws -> String? {
        var device = try initiator()
        let message1 = device.message
        switch script.byte() % 7 {
        case 0:
            let datagram = header + script.remainder()
            let isTaken = (try? responder(to: datagram)) != nil
            return isTaken == HandshakeFuzz.isTrue(datagram, message1) ? nil : "message 1: \(isTaken)"
        case 1:
            let datagram = damaged(message1, &script)
            let isTaken = (try? responder(to: datagram)) != nil
            return isTaken == HandshakeFuzz.isTrue(datagram, message1) ? nil : "message 1: \(isTaken)"
        case 2:
            let message2 = try responder(to: message1).message2
            let datagram = damaged(message2, &script)
            let isTaken = (try? device.receive(datagram)) != nil
            guard isTaken == (datagram == message2) else { return "message 2: \(isTaken)" }
            return isTaken == (device.message != message1) ? nil : "a wrong message 2 changed the device"
        case 3:
            let gateway = try responder(to: message1)
            try device.receive(gateway.message2)
            let datagram = damaged(device.message, &script)
            let isTaken = (try? finish(gateway, datagram)) != nil
            guard isTaken == (datagram == device.message) else { return "message 3: \(isTaken)" }
            return try finish(gateway, device.message).session.id == device.session?.id ? nil : "two sessions"
        case 4: return try payload1(script.remainder())
        case 5: return try payload2(script.remainder(), &device)
        default:
            // Whatever claims to be a retry, with a true echo or not: what is sent then is the same message 1.
            let echo = script.byte() & 1 == 1 ? WireSuite.hash(Array(message1.dropFirst(2))).prefix(4) : []
            guard let again = device.follow([0x90] + echo + script.remainder()) else { return nil }
            return again.dropFirst().dropLast(8) == message1.dropFirst() ? nil : "a retry changed message 1"
        }
    }

    private static func initiator() throws -> LabelInitiator<WireSuite> {
        guard let device = DeviceNumber(5) else { throw NoiseError.invalidKey }
        return try LabelInitiator(
            device: device, privateKey: deviceKey, presharedKey: presharedKey,
            payload: FirstPayload(counter: 1, revision: 0, request: []), ephemeral: [UInt8](repeating: 4, count: 32))
    }

    private static func responder(to datagram: [UInt8]) throws -> LabelResponder<WireSuite> {
        guard let parsed = FrameHeader.parse(datagram, fromDevice: true) else { throw NoiseError.invalidMessage }
        return try LabelResponder(
            datagram: datagram, parsed: parsed,
            keys: HandshakeKeys(privateKey: gatewayKey, presharedKey: presharedKey),
            ephemeral: [UInt8](repeating: 5, count: 32))
    }

    private static func finish(
        _ gateway: LabelResponder<WireSuite>, _ datagram: [UInt8]
    ) throws -> (deviceKey: [UInt8], session: Session<WireSuite>) {
        guard let parsed = FrameHeader.parse(datagram, fromDevice: true) else { throw NoiseError.invalidMessage }
        return try gateway.receive(datagram, parsed)
    }

    /// A byte changed, the end cut off, bytes behind it: each may be nothing.
    private static func damaged(_ datagram: [UInt8], _ script: inout Script) -> [UInt8] {
        var damaged = datagram
        damaged[Int(script.byte()) % damaged.count] ^= script.byte()
        damaged.removeLast(Int(script.byte()) % damaged.count)
        return damaged + script.remainder()
    }

    /// A holder of the secret writes what he likes into message 1; nothing of it is executed.
    private static func payload1(_ payload: [UInt8]) throws -> String? {
        var state = try state(.initiator)
        let message = try state.writeMessage(payload: payload, ephemeralPrivateKey: [UInt8](repeating: 4, count: 32))
        guard let gateway = try? responder(to: header + message) else { return nil }
        // Counter, revision and status.
        return try state.readMessage(Array(gateway.message2.dropFirst())) == [0] ? nil : "another answer"
    }

    /// And a holder of the secret who plays the gateway, into message 2.
    private static func payload2(_ payload: [UInt8], _ device: inout LabelInitiator<WireSuite>) throws -> String? {
        var state = try state(.responder)
        _ = try state.readMessage(Array(device.message.dropFirst(header.count)))
        let message = try state.writeMessage(payload: payload, ephemeralPrivateKey: [UInt8](repeating: 6, count: 32))
        let isTaken = (try? device.receive([0x8D] + message)) != nil
        guard isTaken else { return device.session == nil ? nil : "a session out of a refused message 2" }
        _ = try state.readMessage(Array(device.message.dropFirst(header.count)))
        return payload.first == 0 ? nil : "a status that is none was taken"
    }

    private static func state(_ role: State.Role) throws -> State {
        try State(
            pattern: .xxpsk0, role: role, prologue: Array("Sotto1".utf8) + header,
            staticPrivateKey: role == .initiator ? deviceKey : gatewayKey, presharedKeys: [presharedKey])
    }
}
