import Noise
import NoiseSodium
import TestSupport
import Testing

@testable import SecureDatagram

@Suite("A handshake by the secret of a label")
struct LabelHandshakeTests {
    typealias Start = LabelInitiator<WireSuite>
    typealias End = LabelResponder<WireSuite>

    private static let deviceKey = [UInt8](repeating: 1, count: 32)
    private static let gatewayKey = [UInt8](repeating: 2, count: 32)

    private func start(number: UInt32 = 5, secret: UInt8 = 3, ephemeral: UInt8 = 4) throws -> Start {
        try Start(
            device: try #require(DeviceNumber(number)), privateKey: Self.deviceKey,
            presharedKey: Label.presharedKey(WireSuite.self, secret: [UInt8](repeating: secret, count: 16)),
            payload: FirstPayload(counter: 1, revision: 0, request: []),
            ephemeral: [UInt8](repeating: ephemeral, count: 32))
    }

    private func end(_ message1: [UInt8], secret: UInt8 = 3, ephemeral: UInt8 = 6) throws -> End {
        let keys = HandshakeKeys(
            privateKey: Self.gatewayKey,
            presharedKey: Label.presharedKey(WireSuite.self, secret: [UInt8](repeating: secret, count: 16)))
        guard let parsed = FrameHeader.parse(message1, fromDevice: true) else { throw NoiseError.invalidMessage }
        return try End(
            datagram: message1, parsed: parsed, keys: keys, ephemeral: [UInt8](repeating: ephemeral, count: 32))
    }

    private func finish(_ end: End, _ message3: [UInt8]) throws -> (deviceKey: [UInt8], session: WireSession) {
        guard let parsed = FrameHeader.parse(message3, fromDevice: true) else { throw NoiseError.invalidMessage }
        return try end.receive(message3, parsed)
    }

    /// Each bit changed, every length cut to, one byte more.
    private func damaged(_ datagram: [UInt8]) -> [[UInt8]] {
        var variants = (0..<datagram.count).map { Array(datagram.prefix($0)) } + [datagram + [0]]
        for bit in 0..<datagram.count * 8 {
            var copy = datagram
            copy[bit / 8] ^= 1 << UInt8(bit % 8)
            variants.append(copy)
        }
        return variants
    }

    /// Which of them are taken.
    private func taken(_ datagrams: [[UInt8]], by take: ([UInt8]) throws -> Void) -> [String] {
        datagrams.filter { datagram in
            do {
                try take(datagram)
                return true
            } catch {
                return false
            }
        }.map { hex($0) }
    }

    @Test("three messages and the frame that confirms them leave one session, and each side the other's key")
    func whole() throws {
        var device = try start()
        let gateway = try end(device.message)
        try device.receive(gateway.message2)
        let (deviceKey, session) = try finish(gateway, device.message)
        #expect(deviceKey == WireSuite.publicKey(of: Self.deviceKey))
        #expect(device.gatewayKey == WireSuite.publicKey(of: Self.gatewayKey))
        var peer = session
        let confirmation = try peer.seal([]).bytes
        // What the device itself has written, and any other frame, confirms nothing.
        var own = try #require(device.session)
        var reflected = try own.seal([]).bytes
        reflected.remove(at: 1)
        let confirming = (damaged(confirmation) + [reflected]).filter { device.confirm($0) }
        #expect(confirming.isEmpty)
        let isConfirmed = device.confirm(confirmation)
        #expect(isConfirmed)
    }

    @Test("message 1 with any bit changed, cut, lengthened, of another number or secret is refused")
    func message1() throws {
        let message1 = try start().message
        var variants = damaged(message1)
        variants.append([message1[0], 6] + message1.dropFirst(2))
        for kind in [0x80, 0x84, 0x88, 0x8D, 0x8E, 0x8F] as [UInt8] { variants.append([kind] + message1.dropFirst()) }
        variants.append(try start(secret: 9).message)
        // Ephemeral keys of low order: 0, 1, and p in place of the device's own.
        for point in [
            [UInt8](repeating: 0, count: 32), [1] + [UInt8](repeating: 0, count: 31),
            [0xED] + [UInt8](repeating: 0xFF, count: 30) + [0x7F],
        ] { variants.append(Array(message1.prefix(2)) + point + message1.dropFirst(34)) }
        #expect(taken(variants) { _ = try end($0) } == [])
        #expect(throws: NoiseError.self) { try end(message1, secret: 9) }
        _ = try end(message1)
    }

    @Test("message 2 with any bit changed, cut, lengthened or of another handshake leaves the device as it was")
    func message2() throws {
        var device = try start()
        let message1 = device.message
        let gateway = try end(message1)
        var variants = damaged(gateway.message2)
        variants.append(try end(try start(ephemeral: 5).message).message2)
        variants.append(try end(try start(number: 6).message).message2)
        variants.append(message1)
        #expect(taken(variants) { try device.receive($0) } == [])
        #expect(device.message == message1 && device.session == nil)
        try device.receive(gateway.message2)
        _ = try finish(gateway, device.message)
    }

    @Test("of two valid message 2 the first one counts; the other changes neither message 3 nor the session")
    func twoMessages2() throws {
        var device = try start()
        let message1 = device.message
        let (first, second) = (try end(message1, ephemeral: 6), try end(message1, ephemeral: 7))
        #expect(first.message2 != second.message2)
        try device.receive(first.message2)
        let (message3, session) = (device.message, try #require(device.session))
        #expect(taken([first.message2, second.message2]) { try device.receive($0) } == [])
        #expect(device.message == message3 && device.session?.id == session.id)
        // Nor does the gateway take message 3 for the end of the handshake that it does not end.
        #expect(throws: NoiseError.self) { try finish(second, message3) }
        _ = try finish(first, message3)
    }

    @Test(
        "message 3 with any bit changed, cut, lengthened, of another number or handshake leaves the true one to be taken"
    )
    func message3() throws {
        var device = try start()
        let gateway = try end(device.message)
        try device.receive(gateway.message2)
        var other = try start(ephemeral: 5)
        try other.receive(try end(other.message).message2)
        var variants = damaged(device.message)
        variants.append([device.message[0], 6] + device.message.dropFirst(2))
        for kind in [0x82, 0x86, 0x8A, 0x8C, 0x8D, 0x8F] as [UInt8] {
            variants.append([kind] + device.message.dropFirst())
        }
        variants.append(other.message)
        #expect(taken(variants) { _ = try finish(gateway, $0) } == [])
        #expect(try finish(gateway, device.message).session.id == device.session?.id)
    }

    @Test("messages out of turn are refused: 3 for 1, 1 for 3, each one back to its writer")
    func order() throws {
        var device = try start()
        let message1 = device.message
        let gateway = try end(message1)
        #expect(throws: NoiseError.self) { try finish(gateway, message1) }
        #expect(throws: NoiseError.self) { try device.receive(message1) }
        #expect(throws: NoiseError.self) { try end(gateway.message2) }
        #expect(throws: NoiseError.self) { try finish(gateway, gateway.message2) }
        try device.receive(gateway.message2)
        #expect(throws: NoiseError.self) { try end(device.message) }
        #expect(throws: NoiseError.self) { try device.receive(device.message) }
        // Message 3 has no form with a cookie, and other patterns have no message 3.
        for byte in [0x82, 0x86, 0x8A] as [UInt8] { #expect(FrameHeader.HandshakeMessage(rawValue: byte) == nil) }
        let isConfirmed = device.confirm(gateway.message2)
        #expect(!isConfirmed)
        _ = try finish(gateway, device.message)
    }

    @Test("two retries are followed and no third, none for another message, and none after message 2")
    func retries() throws {
        var device = try start()
        func retry(_ message1: [UInt8], _ cookie: UInt8) -> [UInt8] {
            Retry.write(
                answering: WireSuite.hash(Array(message1.dropFirst(2))), cookie: [UInt8](repeating: cookie, count: 8))
        }
        let message1 = device.message
        let forged = retry(try start(ephemeral: 5).message, 1)
        let followed = [forged, Array(retry(message1, 1).dropLast()), retry(message1, 1) + [0]].map {
            device.follow($0) != nil
        }
        #expect(followed == [false, false, false])
        for cookie in [1, 2] as [UInt8] {
            let again = device.follow(retry(message1, cookie))
            #expect(again == [0x8F] + message1.dropFirst() + [UInt8](repeating: cookie, count: 8))
            // It is the same handshake, whatever the cookie.
            if let again { #expect(try end(again).message2 == end(message1).message2) }
        }
        let third = device.follow(retry(message1, 3))
        #expect(third == nil)
        var another = try start()
        try another.receive(try end(message1).message2)
        let late = another.follow(retry(message1, 1))
        #expect(late == nil)
    }
}
