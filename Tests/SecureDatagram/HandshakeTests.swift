import Noise
import NoiseSodium
import TestSupport
import Testing

@testable import SecureDatagram

@Suite("A handshake with the first request in it")
struct HandshakeTests {
    let device: DeviceNumber

    init() throws {
        device = try #require(DeviceNumber(5))
    }

    @Test("two messages carry request and answer, and leave the same session on both sides")
    func handshake() throws {
        var gateway = try Gatehouse()
        let initiator = try gateway.initiator(device, counter: 300, revision: 7, request: [1, 2, 3])
        // Type, device, ephemeral key, two varints, request, tag.
        #expect(initiator.message1.count == 1 + 1 + 32 + 3 + 3 + 16)
        #expect(Array(initiator.message1.prefix(2)) == [0x80, 5])
        #expect(gateway.receive(initiator.message1) == .handshake(counter: 300, request: [1, 2, 3]))
        #expect(gateway.lastResponder?.responder.payload.revision == 7)
        #expect(
            gateway.lastResponder?.frame
                == .init(source: SHA256.hash(Array(initiator.message1.dropFirst(2))), number: nil))
        let message2 = try gateway.reply(.accepted, answer: [9, 8])
        #expect(message2.count == 1 + 32 + 1 + 2 + 16)
        #expect(message2[0] == 0x81)
        var (session, status, answer) = try initiator.receive(message2)
        #expect(status == .accepted)
        #expect(answer == [9, 8])
        let channel = try #require(gateway.channels[device])
        #expect(channel[.next]?.id == session.id)
        #expect(channel.handshakeCounter == 300)
        // Nobody has shown yet that message 2 arrived.
        #expect(!channel.canPush)
        let frame = try session.seal([4])
        #expect(gateway.receive(frame.bytes) == .frame(.init(source: session.id, number: 0), [4]))
        #expect(gateway.channels[device]?.canPush == true)
        #expect(gateway.channels[device]?[.next] == nil)
        let push = try #require(try gateway.channels[device]?.seal([6]))
        #expect(try session.open(datagram: push.bytes) == .fresh(number: 0, plaintext: [6]))
    }

    @Test("message 1 with any bit changed, cut or lengthened changes nothing: the true one is taken afterwards")
    func damagedMessage1() throws {
        var gateway = try Gatehouse()
        let message1 = try gateway.initiator(device, counter: 1).message1
        let before = try gateway.state(of: device)
        var damaged: [[UInt8]] = (0..<message1.count * 8).map { bit in
            var copy = message1
            copy[bit / 8] ^= 1 << UInt8(bit % 8)
            return copy
        }
        damaged += (0..<message1.count).map { Array(message1.prefix($0)) }
        damaged.append(message1 + [0])
        // A public key of low order.
        damaged.append(Array(message1.prefix(2)) + [UInt8](repeating: 0, count: 32) + message1.dropFirst(34))
        var wrong: [String] = []
        for datagram in damaged {
            switch gateway.receive(datagram) {
            case .nobody, .dropped(.malformed), .dropped(.forged): break
            default: wrong.append(hex(datagram))
            }
        }
        #expect(wrong == [])
        #expect(try gateway.state(of: device) == before)
        #expect(gateway.channels[device]?.takeChanges().isEmpty == true)
        #expect(gateway.receive(message1) == .handshake(counter: 1, request: [0xAA]))
    }

    @Test("message 2 with any bit changed, cut or lengthened is ignored: the true one is taken afterwards")
    func damagedMessage2() throws {
        var gateway = try Gatehouse()
        let initiator = try gateway.initiator(device, counter: 1)
        _ = gateway.receive(initiator.message1)
        let message2 = try gateway.reply(.accepted, answer: [1])
        for bit in 0..<message2.count * 8 {
            var damaged = message2
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(throws: NoiseError.invalidMessage, "bit \(bit)") { try initiator.receive(damaged) }
        }
        for length in 0..<message2.count {
            #expect(throws: NoiseError.invalidMessage) { try initiator.receive(Array(message2.prefix(length))) }
        }
        #expect(throws: NoiseError.invalidMessage) { try initiator.receive(message2 + [0]) }
        // The answer to an earlier attempt, with another ephemeral key.
        let later = try gateway.initiator(device, counter: 2)
        #expect(throws: NoiseError.invalidMessage) { try later.receive(message2) }
        #expect(try initiator.receive(message2).answer == [1])
    }

    @Test("a repeated message 1 gets the identical message 2, as often as allowed, also after a restart")
    func repeatedMessage1() throws {
        var gateway = try Gatehouse()
        let initiator = try gateway.initiator(device, counter: 1)
        _ = gateway.receive(initiator.message1)
        let message2 = try gateway.reply(.accepted, answer: [7])
        _ = gateway.channels[device]?.takeChanges()
        let before = try gateway.state(of: device)
        for _ in 0..<Gatehouse.limits.repeats.most {
            #expect(gateway.receive(initiator.message1) == .repeatedAnswer(message2))
        }
        #expect(gateway.receive(initiator.message1) == .dropped(.repeatedTooOften))
        #expect(try gateway.state(of: device) == before)
        #expect(gateway.channels[device]?.takeChanges().isEmpty == true)

        let stored = try #require(gateway.channels[device])
        let next = try #require(stored[.next])
        gateway.channels[device] = GatewayChannel(
            limits: Gatehouse.limits, sessions: [(.next, try #require(WireSession(decoding: next.encoded())))],
            handshakeCounter: stored.handshakeCounter, answeredHandshake: stored.answeredHandshake)
        #expect(gateway.receive(initiator.message1) == .repeatedAnswer(message2))
        var (session, _, _) = try initiator.receive(message2)
        let frame = try session.seal([1])
        #expect(gateway.receive(frame.bytes) == .frame(.init(source: session.id, number: 0), [1]))
        // Repeated after its session is in use: nothing is displaced.
        #expect(gateway.receive(initiator.message1) == .repeatedAnswer(message2))
        #expect(gateway.channels[device]?[.current]?.id == session.id)
    }

    @Test("an old counter makes a session aside: neither the current one nor a new handshake's is displaced")
    func staleCounter() throws {
        var gateway = try Gatehouse()
        let old = try gateway.initiator(device, counter: 4)
        var session = try gateway.shakeHands(device, counter: 5)
        _ = gateway.receive(try session.seal([1]).bytes)
        let pending = try gateway.initiator(device, counter: 6)
        _ = gateway.receive(pending.message1)
        let message2 = try gateway.reply(.accepted)
        let next = try pending.receive(message2).session
        let answered = try #require(gateway.channels[device]?.answeredHandshake)

        #expect(gateway.receive(old.message1) == .handshake(counter: 4, request: [0xAA]))
        let (aside, status, answer) = try old.receive(try gateway.reply(.staleCounter(last: 6)))
        #expect(status == .staleCounter(last: 6))
        #expect(answer == [])
        var channel = try #require(gateway.channels[device])
        #expect(channel[.current]?.id == session.id)
        #expect(channel[.next]?.id == next.id)
        #expect(channel[.stale]?.id == aside.id)
        #expect(channel.handshakeCounter == 6)
        #expect(channel.answeredHandshake?.hash == answered.hash)
        #expect(gateway.receive(pending.message1) == .repeatedAnswer(message2))
        #expect(gateway.receive(try session.seal([2]).bytes) == .frame(.init(source: session.id, number: 1), [2]))

        // A device that lost its memory has a session all the same, once it uses it.
        var recovered = aside
        #expect(gateway.receive(try recovered.seal([3]).bytes) == .frame(.init(source: aside.id, number: 0), [3]))
        channel = try #require(gateway.channels[device])
        #expect(channel[.current]?.id == aside.id)
        #expect(channel[.previous]?.id == session.id)
        #expect(channel[.next]?.id == next.id)
        #expect(channel[.stale] == nil)
    }

    @Test("the counter of the newest handshake itself is old already, in another message 1")
    func sameCounter() throws {
        var gateway = try Gatehouse()
        _ = try gateway.shakeHands(device, counter: 5)
        let again = try gateway.initiator(device, counter: 5)
        #expect(gateway.receive(again.message1) == .handshake(counter: 5, request: [0xAA]))
        _ = try gateway.reply(.staleCounter(last: 5))
        #expect(gateway.channels[device]?[.stale] != nil)
    }

    @Test("a message 1 under another device's number, of another device or for another gateway is dropped")
    func strangers() throws {
        let other = try #require(DeviceNumber(6))
        var gateway = try Gatehouse(devices: [5, 6])
        let message1 = try gateway.initiator(device, counter: 1).message1
        #expect(gateway.receive([0x80, 6] + message1.dropFirst(2)) == .dropped(.forged))
        let impostor = try Initiator<WireSuite>(
            device: other,
            keys: HandshakeKeys(
                privateKey: Gatehouse.deviceKey(device), peerKey: WireSuite.publicKey(of: gateway.gatewayKey)),
            payload: FirstPayload(counter: 1, revision: 0, request: []), ephemeral: gateway.ephemeral())
        #expect(gateway.receive(impostor.message1) == .dropped(.forged))
        let astray = try Initiator<WireSuite>(
            device: device,
            keys: HandshakeKeys(
                privateKey: Gatehouse.deviceKey(device),
                peerKey: WireSuite.publicKey(of: [UInt8](repeating: 9, count: 32))),
            payload: FirstPayload(counter: 1, revision: 0, request: []), ephemeral: gateway.ephemeral())
        #expect(gateway.receive(astray.message1) == .dropped(.forged))
        #expect(gateway.receive([0x80, 7] + message1.dropFirst(2)) == .nobody)
        #expect(gateway.receive(message1) == .handshake(counter: 1, request: [0xAA]))
    }

    @Test("the device's number is part of what is authenticated, also where two numbers have one key")
    func cloned() throws {
        var gateway = try Gatehouse(devices: [5, 261])
        let clone = try #require(DeviceNumber(261))
        #expect(Gatehouse.deviceKey(device) == Gatehouse.deviceKey(clone))
        let message1 = try gateway.initiator(device, counter: 1).message1
        #expect(gateway.receive([0x80] + clone.encoded + message1.dropFirst(2)) == .dropped(.forged))
        #expect(gateway.receive(message1) == .handshake(counter: 1, request: [0xAA]))
    }

    @Test("message types in the wrong direction are dropped, and so is a payload without counter and revision")
    func wrongMessages() throws {
        var gateway = try Gatehouse()
        let initiator = try gateway.initiator(device, counter: 1)
        #expect(gateway.receive([0x81] + initiator.message1.dropFirst()) == .nobody)
        #expect(throws: NoiseError.invalidMessage) { try initiator.receive(initiator.message1) }
        for payload: [UInt8] in [[], [1], [0x80], [0x80, 0x00, 1], [1, 0x80]] {
            var state = try HandshakeState<WireSuite>(
                pattern: .kk, role: .initiator, prologue: HandshakeKind.kk.prologue(device),
                staticPrivateKey: Gatehouse.deviceKey(device),
                remoteStaticPublicKey: WireSuite.publicKey(of: gateway.gatewayKey))
            let message = try state.writeMessage(payload: payload, ephemeralPrivateKey: gateway.ephemeral())
            #expect(gateway.receive([0x80, 5] + message) == .dropped(.forged), "\(payload)")
        }
    }

    @Test("what the gateway says of a first message travels whole, and nothing unknown is taken for it")
    func statuses() throws {
        let statuses: [(HandshakeStatus, String)] = [
            (.accepted, "00"), (.staleCounter(last: 0), "0100"), (.staleCounter(last: 300), "01ac02"),
            (.unknownRevision(own: 7), "0207"), (.enrolled(try #require(DeviceNumber(130))), "038002"),
            (.staleCounter(last: .max), "01ffffffffffffffffff01"),
        ]
        for (status, encoding) in statuses {
            #expect(hex(status.encoded) == encoding)
            var offset = 0
            #expect(HandshakeStatus(bytes(hex: encoding + "aa"), at: &offset) == status)
            #expect(offset == status.encoded.count)
        }
        for encoding in ["", "03", "03ff", "0380", "7f", "8100", "01", "0180", "02"] {
            var offset = 0
            #expect(HandshakeStatus(bytes(hex: encoding), at: &offset) == nil, "\(encoding)")
        }
        var gateway = try Gatehouse()
        let initiator = try gateway.initiator(device, counter: 1, revision: 9)
        _ = gateway.receive(initiator.message1)
        let (_, status, _) = try initiator.receive(try gateway.reply(.unknownRevision(own: 2)))
        #expect(status == .unknownRevision(own: 2))
    }
}
