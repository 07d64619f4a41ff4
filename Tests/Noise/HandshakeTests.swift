import Noise
import NoiseSodium
import Testing

@Suite("A Noise handshake and its keys")
struct HandshakeTests {
    typealias State = HandshakeState<WireSuite>

    let deviceKey = [UInt8](repeating: 1, count: 32)
    let gatewayKey = [UInt8](repeating: 2, count: 32)

    func pair(_ pattern: HandshakePattern = .kk) throws -> (State, State) {
        let device = try State(
            pattern: pattern, role: .initiator, prologue: [1], staticPrivateKey: deviceKey,
            remoteStaticPublicKey: WireSuite.publicKey(of: gatewayKey))
        let gateway = try State(
            pattern: pattern, role: .responder, prologue: [1], staticPrivateKey: gatewayKey,
            remoteStaticPublicKey: WireSuite.publicKey(of: deviceKey))
        return (device, gateway)
    }

    @Test("messages out of turn and missing keys are refused")
    func outOfTurn() throws {
        var (device, gateway) = try pair()
        #expect(throws: NoiseError.outOfTurn) { try gateway.writeMessage(payload: []) }
        #expect(throws: NoiseError.outOfTurn) { try device.readMessage([UInt8](repeating: 0, count: 48)) }
        #expect(throws: NoiseError.outOfTurn) { try device.split() }
        #expect(throws: NoiseError.invalidKey) { try device.writeMessage(payload: []) }
        #expect(throws: NoiseError.invalidKey) {
            try State(pattern: .kk, role: .initiator, prologue: [], staticPrivateKey: deviceKey)
        }
        #expect(throws: NoiseError.messageTooLong) {
            try device.writeMessage(
                payload: [UInt8](repeating: 0, count: 65_535), ephemeralPrivateKey: Sodium.randomBytes(32))
        }
    }

    @Test("a wrong static key or prologue is noticed in the first message")
    func wrongKeys() throws {
        var (device, _) = try pair()
        let first = try device.writeMessage(payload: [], ephemeralPrivateKey: Sodium.randomBytes(32))
        var stranger = try State(
            pattern: .kk, role: .responder, prologue: [1], staticPrivateKey: gatewayKey,
            remoteStaticPublicKey: WireSuite.publicKey(of: [UInt8](repeating: 3, count: 32)))
        #expect(throws: NoiseError.invalidMessage) { try stranger.readMessage(first) }
        var other = try State(
            pattern: .kk, role: .responder, prologue: [2], staticPrivateKey: gatewayKey,
            remoteStaticPublicKey: WireSuite.publicKey(of: deviceKey))
        #expect(throws: NoiseError.invalidMessage) { try other.readMessage(first) }
    }

    @Test("the last nonce is reserved, and a failed decryption does not move the nonce")
    func nonces() throws {
        var last = CipherState<WireSuite>(key: CipherKey([UInt8](repeating: 4, count: 32)), nonce: .max - 1)
        var copy = last
        let sealed = try last.encrypt([1, 2])
        #expect(throws: NoiseError.exhausted) { try last.encrypt([]) }
        #expect(throws: NoiseError.invalidMessage) { try copy.decrypt(sealed.dropLast()[...]) }
        #expect(copy.nonce == UInt64.max - 1)
        #expect(try copy.decrypt(sealed[...]) == [1, 2])
        #expect(throws: NoiseError.exhausted) { try copy.decrypt(sealed[...]) }
        #expect(copy.key.open(sealed[...], number: .max) == nil)
    }

    @Test("a key of low order is not usable, an ordinary one is")
    func lowOrder() {
        #expect(!Sodium.isUsablePublicKey([UInt8](repeating: 0, count: 32)))
        #expect(!Sodium.isUsablePublicKey([1] + [UInt8](repeating: 0, count: 31)))
        #expect(!Sodium.isUsablePublicKey([UInt8](repeating: 9, count: 31)))
        #expect(Sodium.isUsablePublicKey(WireSuite.publicKey(of: deviceKey)))
    }
}
