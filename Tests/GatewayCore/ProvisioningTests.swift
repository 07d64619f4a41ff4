import CompactMatrix
import DeviceClient
import GatewayCore
import Links
import NoiseSodium
import SecureDatagram
import Testing

@Suite("A device with a provisioned session")
struct ProvisioningTests {
    typealias Device = DeviceClient<WireSuite, SeededEntropy>

    func provisioned() throws -> (EnrolmentAir, DeviceIdentity, state: [UInt8]) {
        let air = EnrolmentAir()
        let made = try air.perform { try $0.provision(name: "buoy", room: EnrolmentAir.room, now: air.moment) }
        let number = try #require(DeviceNumber(made.record.number))
        return (
            air, DeviceIdentity(provisioned: number), try ProvisionedState.begin(with: made.session, WireSuite.self)
        )
    }

    @Test("speaks at once, without a handshake, also after the gateway was started anew")
    func speaks() throws {
        let (air, identity, state) = try provisioned()
        air.restart()
        #expect(try air.canSpeak(identity, state))
        // Device number, frame number, tag.
        #expect(air.sent.down.allSatisfy { $0.count < 32 })
    }

    @Test("never shakes hands: it keeps its session through requests without an answer")
    func keepsItsSession() throws {
        let (air, identity, state) = try provisioned()
        var device = try Device(identity: identity, link: air.link, state: state, entropy: air.entropy, now: 0)
        var now: Int64 = 0
        _ = try device.send(.text("unheard"), now: now)
        var stored = state
        for _ in 0..<50 {
            let actions = device.takeActions()
            stored = actions.state ?? stored
            for datagram in actions.datagrams { #expect(datagram[0] >= 0xA0) }
            guard let deadline = device.deadline else { break }
            now = deadline
            device.handleTimeout(now: now)
        }
        #expect(!device.isWithoutSession)
        #expect(try air.canSpeak(identity, stored))
    }

    @Test("whose session is taken from it says so, and sends nothing")
    func withoutSession() throws {
        let (air, identity, _) = try provisioned()
        var device = try Device(identity: identity, link: air.link, state: nil, entropy: air.entropy, now: 0)
        #expect(device.isWithoutSession)
        _ = try device.send(.text("hello"), now: 0)
        #expect(device.takeActions().datagrams.isEmpty)
    }

    @Test("that was copied is noticed when both send under one number: the session is stopped, the operator told")
    func copied() throws {
        let (air, identity, state) = try provisioned()
        #expect(try air.canSpeak(identity, state))
        // The copy begins where the original began, with another message.
        var copy = try Device(identity: identity, link: air.link, state: state, entropy: air.entropy, now: 0)
        _ = try copy.send(.text("I am the copy"), now: 0)
        let forged = try #require(copy.takeActions().datagrams.first)
        let answers = air.sent.down.count
        let accepted = air.gateway.deviceList[0].record.accepted
        air.gateway.receive(forged, from: PeerAddress(ip: [203, 0, 113, 9], port: 9), now: air.moment)
        let actions = air.gateway.takeActions()
        #expect(actions.datagrams.isEmpty && air.sent.down.count == answers)
        #expect(actions.notices.contains { $0.level == .error && $0.text.contains("provisioned again") })
        #expect(air.gateway.counters.droppedCopied == 1)
        #expect(air.gateway.deviceList[0].record.accepted == accepted)
        #expect(!air.gateway.deviceList[0].hasSession)
        #expect(actions.writes.contains { if case .removeSession = $0 { true } else { false } })
    }

    @Test("takes no handshake of any kind, no damaged frame, and each frame once, also after a restart")
    func strangers() throws {
        let (air, identity, state) = try provisioned()
        var device = try Device(identity: identity, link: air.link, state: state, entropy: air.entropy, now: 0)
        _ = try device.send(.text("hello"), now: 0)
        let frame = try #require(device.takeActions().datagrams.first)
        let stranger = PeerAddress(ip: [203, 0, 113, 9], port: 9)
        let before = air.store
        var forged: [[UInt8]] = []
        for kind in [.kk, .nnpsk0] as [HandshakeKind] {
            forged.append(
                try Initiator<WireSuite>(
                    kind, device: identity.number,
                    keys: HandshakeKeys(
                        privateKey: air.deviceKey, peerKey: air.gatewayKey,
                        presharedKey: [UInt8](repeating: 0, count: 32)),
                    payload: FirstPayload(counter: 1, revision: 0, request: []), ephemeral: air.entropy.bytes(32)
                ).message1)
        }
        for bit in 0..<frame.count * 8 {
            var copy = frame
            copy[bit / 8] ^= 1 << UInt8(bit % 8)
            forged.append(copy)
        }
        for length in 0..<frame.count { forged.append(Array(frame.prefix(length))) }
        for datagram in forged { air.perform { $0.receive(datagram, from: stranger, now: air.moment) } }
        #expect(air.store == before && air.sent.down.isEmpty)
        for restart in [false, true, true] {
            if restart { air.restart() }
            for _ in 0..<20 {
                air.now += 10 * second
                air.perform { $0.receive(frame, from: stranger, now: air.moment) }
            }
        }
        #expect(air.store.uplinks.count == 1)
        #expect(air.gateway.deviceList[0].record.accepted == 1)
        #expect(air.gateway.counters.droppedCopied == 0)
    }

    @Test("whose program sends garbage under good tags harms nobody: it is answered, others are served")
    func garbageInside() throws {
        let air = EnrolmentAir()
        let made = try air.perform { try $0.provision(name: "mad", room: EnrolmentAir.room, now: air.moment) }
        let sane = try air.perform { try $0.provision(name: "sane", room: EnrolmentAir.room, now: air.moment) }
        var session = try #require(Session<WireSuite>(decoding: made.session))
        let address = PeerAddress(ip: [203, 0, 113, 9], port: 9)
        var stream = SeededStream(seed: 5, purpose: 9)
        for round in 0..<3_000 {
            var plaintext = (0..<Int(stream.next(below: 60))).map { _ in UInt8(stream.next(below: 256)) }
            // Most of them with the head of a CoAP request.
            if round % 4 != 0, plaintext.count > 4 {
                plaintext[0] = 0x40 | plaintext[0] & 0x33
                plaintext[1] &= 0x07
            }
            if round % 500 == 0 { plaintext = [UInt8](repeating: plaintext.first ?? 0, count: 65_000) }
            let frame = try session.seal(plaintext)
            session.confirm(frame.number)
            air.perform { $0.receive(frame.bytes, from: address, now: air.moment) }
            air.now += second / 10
        }
        let record = try #require(air.gateway.deviceList.first { $0.record.name == "mad" }).record
        #expect(record.accepted == 0 && air.store.uplinks.isEmpty)
        #expect(air.sent.down.count > 100 && air.sent.down.count <= 3_000)
        #expect(
            try air.canSpeak(
                DeviceIdentity(provisioned: try #require(DeviceNumber(sane.record.number))),
                ProvisionedState.begin(with: sane.session, WireSuite.self)))
    }

    @Test("notices that its gateway was copied: it believes nothing more, and sends nothing more")
    func copiedGateway() throws {
        let air = EnrolmentAir()
        let number = try #require(DeviceNumber(5))
        let pair = try Session<WireSuite>.provision(
            for: number, ephemerals: (air.entropy.bytes(32), air.entropy.bytes(32)))
        var device = try Device(
            identity: DeviceIdentity(provisioned: number), link: air.link,
            state: try ProvisionedState.begin(with: pair.device.encoded(), WireSuite.self), entropy: air.entropy, now: 0
        )
        var (original, copy) = (pair.gateway, pair.gateway)
        let frame = try original.seal([]).bytes
        for _ in 0..<20 { device.receive(frame, now: 0) }
        #expect(!device.isWithoutSession)
        device.receive(try copy.seal([0x40]).bytes, now: 0)
        #expect(device.isWithoutSession)
        var told = 0
        while let event = device.nextEvent() { if case .sessionCopied = event { told += 1 } }
        #expect(told == 1)
        _ = device.takeActions()
        _ = try device.send(.text("hello"), now: 0)
        #expect(device.takeActions().datagrams.isEmpty)
    }

    @Test("is provisioned again under its number; the session of before is over")
    func again() throws {
        let (air, identity, state) = try provisioned()
        #expect(try air.canSpeak(identity, state))
        let made = try air.perform { try $0.provisionAgain("buoy", now: air.moment) }
        #expect(made.record.number == identity.number.rawValue)
        air.restart()
        #expect(try !air.canSpeak(identity, state))
        #expect(try air.canSpeak(identity, try ProvisionedState.begin(with: made.session, WireSuite.self)))
        #expect(air.store.devices.count == 1)
    }

    @Test("a gateway's end of a session is no device's, nor is anything that was cut")
    func wrongEnd() throws {
        let number = try #require(DeviceNumber(5))
        let pair = try Session<WireSuite>.provision(
            for: number, ephemerals: (Sodium.randomBytes(32), Sodium.randomBytes(32)))
        #expect(pair.device.id == pair.gateway.id)
        #expect(throws: DeviceStateError.unreadable) {
            try ProvisionedState.begin(with: pair.gateway.encoded(), WireSuite.self)
        }
        #expect(throws: DeviceStateError.unreadable) {
            try ProvisionedState.begin(with: pair.device.encoded().dropLast(), WireSuite.self)
        }
        let state = try ProvisionedState.begin(with: pair.device.encoded(), WireSuite.self)
        let known = try #require(try ProvisionedState.session(in: state, WireSuite.self))
        #expect(known.id == pair.device.id && known.device == 5)
    }
}

@Suite("The age of a session")
struct SessionAgeTests {
    @Test(
        "a session that has stood for 30 days by the device's clock is followed by a new one, which a request brings along"
    )
    func rehandshake() throws {
        let air = EnrolmentAir()
        let publicKey = WireSuite.publicKey(of: air.deviceKey)
        _ = try air.perform {
            try $0.addDevice(name: "pump", publicKey: publicKey, room: EnrolmentAir.room, now: air.moment)
        }
        let number = try #require(DeviceNumber(1))
        var device = try ProvisioningTests.Device(
            identity: DeviceIdentity(number: number, privateKey: air.deviceKey, gatewayKey: air.gatewayKey),
            link: air.link, state: nil, entropy: air.entropy, now: 0)
        let day: Int64 = 86_400_000
        let start: Int64 = 1_800_000_000_000
        // First bytes of what the device sends for one message that is answered.
        func exchange() throws -> UInt8 {
            _ = try device.send(.text("hello"), now: air.now)
            let sent = device.takeActions().datagrams
            #expect(sent.count == 1)
            let before = air.sent.down.count
            let address = PeerAddress(ip: [127, 0, 0, 1], port: 1)
            air.perform { $0.receive(sent[0], from: address, now: air.moment) }
            device.receive(air.sent.down[before], now: air.now)
            air.now += 60 * second
            return sent[0][0]
        }
        #expect(try exchange() == 0x80)
        device.considerAge(unixMilliseconds: start)
        #expect(try exchange() >= 0xA0)
        device.considerAge(unixMilliseconds: start + 30 * day - 1)
        #expect(try exchange() >= 0xA0)
        device.considerAge(unixMilliseconds: start + 30 * day)
        // The state tells it after a restart too.
        let stored = device.finish()
        device = try ProvisioningTests.Device(
            identity: DeviceIdentity(number: number, privateKey: air.deviceKey, gatewayKey: air.gatewayKey),
            link: air.link, state: stored, entropy: air.entropy, now: air.now)
        #expect(try exchange() == 0x80)
        #expect(try exchange() >= 0xA0)
        // A clock that goes back begins the time anew, and shakes no hands.
        device.considerAge(unixMilliseconds: start + 31 * day)
        device.considerAge(unixMilliseconds: start)
        device.considerAge(unixMilliseconds: start + 29 * day)
        #expect(try exchange() >= 0xA0)
    }
}
