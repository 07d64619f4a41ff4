import Noise
import NoiseSodium
import TestSupport
import Testing

@testable import SecureDatagram

@Suite("Handshakes of every kind")
struct PatternTests {
    typealias Start = Initiator<WireSuite>
    typealias End = Responder<WireSuite>

    private let deviceKey = [UInt8](repeating: 1, count: 32)
    private let gatewayKey = [UInt8](repeating: 2, count: 32)
    private let secret = [UInt8](repeating: 3, count: 32)

    /// What the two sides bring to a kind of handshake, with or without a preshared key.
    private func keys(_ kind: HandshakeKind, withSecret: Bool) -> (device: HandshakeKeys, gateway: HandshakeKeys) {
        let secret = withSecret ? secret : []
        guard kind != .nnpsk0 else { return (HandshakeKeys(presharedKey: secret), HandshakeKeys(presharedKey: secret)) }
        let known = kind == .kk ? WireSuite.publicKey(of: deviceKey) : []
        return (
            HandshakeKeys(privateKey: deviceKey, peerKey: WireSuite.publicKey(of: gatewayKey), presharedKey: secret),
            HandshakeKeys(privateKey: gatewayKey, peerKey: known, presharedKey: secret)
        )
    }

    private func start(
        _ kind: HandshakeKind, _ keys: HandshakeKeys, code: [UInt8] = [], request: [UInt8], number: UInt32 = 5
    ) throws -> Start {
        try Start(
            kind, device: kind == .ik ? nil : DeviceNumber(number), keys: keys,
            payload: FirstPayload(counter: 1, revision: 0, code: code, request: request),
            ephemeral: [UInt8](repeating: 4, count: 32))
    }

    private func end(_ message1: [UInt8], _ keys: HandshakeKeys) throws -> End {
        try End(datagram: message1, parsed: try #require(FrameHeader.parse(message1, fromDevice: true)), keys: keys)
    }

    static let kinds: [(HandshakeKind, Bool, Int, Int)] = [
        // Bytes of both messages around a request and an answer, for a device number of one byte.
        (.kk, false, 1 + 1 + 32 + 2 + 16, 1 + 32 + 1 + 16), (.kk, true, 1 + 1 + 32 + 2 + 16, 1 + 32 + 1 + 16),
        (.nnpsk0, true, 1 + 1 + 32 + 2 + 16, 1 + 32 + 1 + 16),
    ]

    @Test("request and answer travel in the two messages, at the bytes that the pattern costs", arguments: kinds)
    func exchange(_ kind: HandshakeKind, _ withSecret: Bool, _ up: Int, _ down: Int) throws {
        let (device, gateway) = keys(kind, withSecret: withSecret)
        let request = [UInt8](repeating: 0xAA, count: 30)
        let answer = [UInt8](repeating: 0xBB, count: 20)
        let initiator = try start(kind, device, request: request)
        let responder = try end(initiator.message1, gateway)
        #expect(responder.payload == FirstPayload(counter: 1, revision: 0, request: request))
        let (message2, gatewaySession) = try responder.reply(
            .accepted, answer: answer, ephemeral: [UInt8](repeating: 5, count: 32))
        #expect(initiator.message1.count == up + 30 && message2.count == down + 20)
        #expect(initiator.message1.count + message2.count <= 154)
        var (session, status, received) = try initiator.receive(message2)
        #expect(status == .accepted && received == answer)
        #expect(session.id == gatewaySession.id)
        var peer = gatewaySession
        let frame = try session.seal([1, 2])
        let parsed = try #require(FrameHeader.parse(frame.bytes, fromDevice: true))
        #expect(try peer.open(frame.bytes, parsed) == .fresh(number: 0, plaintext: [1, 2]))
    }

    @Test("an enrolment carries its code up and the device's number down, in one round trip")
    func enrolment() throws {
        let (device, gateway) = keys(.ik, withSecret: false)
        let code = [UInt8](repeating: 0xC0, count: 7)
        let bare = try start(.ik, device, code: code, request: [])
        let responder = try end(bare.message1, gateway)
        #expect(responder.device == nil)
        #expect(responder.deviceKey == WireSuite.publicKey(of: deviceKey))
        #expect(responder.payload.code == code && responder.payload.request.isEmpty)
        let number = try #require(DeviceNumber(9))
        let (message2, _) = try responder.reply(
            .enrolled(number), answer: [], ephemeral: [UInt8](repeating: 5, count: 32))
        #expect(bare.message1.count + message2.count <= 165)
        let (session, status, _) = try bare.receive(message2)
        #expect(status == .enrolled(number) && session.device == number)
        // Without a number there is no session.
        #expect(throws: NoiseError.self) {
            try responder.reply(.accepted, answer: [], ephemeral: [UInt8](repeating: 5, count: 32))
        }
        let full = try start(.ik, device, code: code, request: [UInt8](repeating: 1, count: 34 - 10))
        let (answer, _) = try end(full.message1, gateway).reply(
            .enrolled(number), answer: [UInt8](repeating: 2, count: 24 - 2), ephemeral: [UInt8](repeating: 5, count: 32)
        )
        #expect(full.message1.count + answer.count <= 218)
    }

    @Test("a wrong secret, a wrong key or another kind is noticed in the first message")
    func mismatches() throws {
        let wrong = [UInt8](repeating: 9, count: 32)
        for (kind, withSecret, _, _) in Self.kinds {
            let (device, gateway) = keys(kind, withSecret: withSecret)
            let message1 = try start(kind, device, request: [1]).message1
            var other = gateway
            if withSecret {
                other.presharedKey = wrong
                #expect(throws: NoiseError.self) { try end(message1, other) }
                // Neither side falls back to a handshake without it.
                other.presharedKey = []
                #expect(throws: NoiseError.self) { try end(message1, other) }
            }
            other = gateway
            other.privateKey = wrong
            if kind != .nnpsk0 { #expect(throws: NoiseError.self) { try end(message1, other) } }
            for byte in [0x80, 0x84, 0x88, 0x8C, 0x83] as [UInt8] where byte != message1[0] {
                #expect(throws: NoiseError.self) { try end([byte] + message1.dropFirst(), gateway) }
            }
            for length in 2..<message1.count {
                #expect(throws: NoiseError.self) { try end(Array(message1.prefix(length)), gateway) }
            }
            #expect(try end(message1, gateway).payload.request == [1])
        }
    }

    @Test("a code longer than what is there is no payload")
    func codeLengths() {
        for bytes in [
            [1, 0], [1, 0, 5, 1, 2, 3, 4], [1, 0, 0x80],
            [1, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1],
        ] as [[UInt8]] {
            #expect(FirstPayload(bytes, .ik) == nil)
        }
        #expect(
            FirstPayload([1, 0, 2, 7, 8, 9], .ik) == FirstPayload(counter: 1, revision: 0, code: [7, 8], request: [9]))
    }
}
