import CompactMatrix
import DeviceClient
import GatewayCore
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
