import CompactMatrix
import DeviceClient
import Links
import NoiseSodium
import SecureDatagram
import Testing

@testable import GatewayCore

@Suite("Strangers at the handshake")
struct StrangersTests {
    let stranger = PeerAddress(ip: [203, 0, 113, 9], port: 9)
    let room = "!room:example.org"

    /// A message 1 for `device` that nobody with its key wrote.
    private func forged(_ device: DeviceHost, _ stream: inout SeededStream) -> [UInt8] {
        [0x80, UInt8(device.number)] + (0..<60).map { _ in UInt8(stream.next(below: 256)) }
    }

    @Test("10,000 forged first messages a second: no session suffers, and an honest device shakes hands by a cookie")
    func flood() throws {
        try HostileTests().withPair(seed: 110) { world, device in
            var stream = SeededStream(seed: 110, purpose: 9)
            let before = try #require(world.gateway.machine?.counters)
            let sent = world.capture.count
            var newcomer: DeviceHost?
            for index in 0..<20_000 {
                // From everywhere: one network alone is held back by its own limit.
                let source = PeerAddress(ip: (0..<4).map { _ in UInt8(stream.next(below: 256)) }, port: 9)
                world.gateway.receive(forged(device, &stream), from: source)
                if index == 5_000 {
                    device.send(.text("in the flood"))
                    newcomer = world.addDevice("newcomer")
                    newcomer?.send(.text("let me in"))
                }
                world.run(for: second / 10_000)
            }
            #expect(device.hasSentAll)
            world.run(for: 30 * second)
            let after = try #require(world.gateway.machine?.counters)
            // What may cost a curve operation: the burst, and two seconds' worth.
            #expect(after.droppedForged - before.droppedForged <= 6_001)
            #expect(after.retriesAsked - before.retriesAsked >= 13_990)
            #expect(world.capture.dropFirst(sent).filter { $0.device == device.index }.count == 2)
            #expect(newcomer?.accepted == [0])
            #expect(world.capture.contains { $0.isUp && $0.bytes[0] == 0x83 })
            #expect(world.judge(device, in: room).isEmpty)
        }
    }

    @Test("all from one network: it is held back, and nothing is sent to it")
    func floodFromOneNetwork() throws {
        try HostileTests().withPair(seed: 111) { world, device in
            var stream = SeededStream(seed: 111, purpose: 9)
            let before = try #require(world.gateway.machine?.counters)
            HostileTests().expectNoTrace(world, device) {
                for _ in 0..<10_000 { world.gateway.receive(forged(device, &stream), from: stranger) }
            }
            let after = try #require(world.gateway.machine?.counters)
            #expect(after.droppedForged - before.droppedForged == 25)
            #expect(after.droppedRateLimited - before.droppedRateLimited == 9_975)
            #expect(after.datagramsSent == before.datagramsSent)
            HostileTests().expectUndisturbed(world, device)
        }
    }

    @Test("handshakes that are begun and never finished take two places of a device, and leave its session alone")
    func neverFinished() throws {
        try HostileTests().withPair(seed: 112, messages: 1) { world, device in
            let number = try #require(DeviceNumber(device.number))
            let current = try #require(world.gateway.store.sessions[[Int(device.number), 0]])
            // Even by somebody who has the device's key.
            for index in 0..<200 {
                let initiator = try Initiator<RecordingSuite>(
                    device: number,
                    keys: HandshakeKeys(privateKey: device.privateKey, peerKey: world.gateway.publicKey),
                    payload: FirstPayload(counter: UInt64(index % 2 == 0 ? 10 + index : 1), revision: 0, request: []),
                    ephemeral: device.entropy.bytes(32))
                world.gateway.receive(initiator.message1, from: stranger)
                world.run(for: second)
            }
            let machine = try #require(world.gateway.machine)
            #expect(machine.devices[device.number]?.channel.sessions.count { $0 != nil } == 3)
            #expect(world.gateway.store.sessions.count == 2)
            #expect(world.gateway.store.sessions[[Int(device.number), 0]] == current)
            device.send(.text("still here"))
            world.run(for: minute)
            #expect(device.accepted == [0, 1])
        }
    }

    @Test("nor do those by a label's secret: two places, for ten minutes")
    func neverFinishedByLabel() throws {
        let (air, _) = try EnrolmentTests().prepare(.label)
        for ephemeral in 10..<60 as Range<UInt8> {
            var machine = try EnrolmentTests().machine(.label, air, ephemeral: ephemeral)
            let left = machine.nextDatagram()
            let message1 = try #require(left)
            air.perform { $0.receive(message1, from: stranger, now: air.moment) }
            air.now += second
            #expect((1...2).contains(air.gateway.devices[1]?.labelHandshakes.count ?? 0))
        }
        #expect(air.gateway.devices[1]?.labelHandshakes.count == 2)
        air.now += 601 * second
        var machine = try EnrolmentTests().machine(.label, air, ephemeral: 7)
        let outcome = air.run(
            &machine,
            fate: { _, isUp in
                if !isUp { #expect((air.gateway.devices[1]?.labelHandshakes.count ?? 0) <= 1) }
                return [second / 2]
            })
        try EnrolmentTests().expectEnrolledOnce(air, outcome)
    }

    @Test("a weaker pattern than the device's own is refused, as is every other")
    func downgrade() throws {
        try HostileTests().withPair(seed: 113, messages: 1) { world, device in
            let number = try #require(DeviceNumber(device.number))
            let keys = HandshakeKeys(
                privateKey: device.privateKey, peerKey: world.gateway.publicKey,
                presharedKey: [UInt8](repeating: 0, count: 32))
            let payload = FirstPayload(counter: 9, revision: 0, request: [])
            var messages: [[UInt8]] = []
            for kind in [.kk, .nnpsk0, .ik] as [HandshakeKind] {
                messages.append(
                    try Initiator<RecordingSuite>(
                        kind, device: kind == .ik ? nil : number, keys: keys, payload: payload,
                        ephemeral: device.entropy.bytes(32)
                    ).message1)
            }
            messages.append(
                try LabelInitiator<RecordingSuite>(
                    device: number, privateKey: device.privateKey, presharedKey: keys.presharedKey, payload: payload,
                    ephemeral: device.entropy.bytes(32)
                ).message)
            #expect(messages.map { $0[0] } == [0x80, 0x88, 0x84, 0x8C])
            let before = try #require(world.gateway.machine?.counters)
            HostileTests().expectNoTrace(world, device) {
                for message in messages { world.gateway.receive(message, from: stranger) }
            }
            let after = try #require(world.gateway.machine?.counters)
            #expect(after.droppedForged - before.droppedForged == 4)
            HostileTests().expectUndisturbed(world, device)
        }
    }

    /// A device that has sent its first message, and its message 1.
    private func beginning() throws -> (device: DeviceClient<WireSuite, SeededEntropy>, message1: [UInt8]) {
        let air = EnrolmentAir()
        var device = try DeviceClient<WireSuite, SeededEntropy>(
            identity: DeviceIdentity(
                number: try #require(DeviceNumber(5)), privateKey: air.deviceKey, gatewayKey: air.gatewayKey),
            link: air.link, state: nil, entropy: air.entropy, now: 0)
        _ = try device.send(.text("hello"), now: 0)
        let message1 = try #require(device.takeActions().datagrams.first)
        return (device, message1)
    }

    @Test("forged retries lead to two datagrams at most, and to none where they answer another message")
    func forgedRetries() throws {
        var (device, message1) = try beginning()
        let echo = WireSuite.hash(Array(message1.dropFirst(2))).prefix(4)
        let cookie = [UInt8](repeating: 1, count: 8)
        for wrong in [[0x90, 1, 2, 3, 4] + cookie, [0x90] + echo, [0x90] + echo + cookie + [0]] {
            device.receive(wrong, now: 1)
        }
        #expect(device.takeActions().datagrams.isEmpty)
        for _ in 0..<100 { device.receive([0x90] + echo + cookie, now: 1) }
        #expect(device.takeActions().datagrams.count == 2)
    }

    @Test("of two valid message 2, behind any garbage, the first one counts")
    func twoMessages2() throws {
        var (device, message1) = try beginning()
        let air = EnrolmentAir()
        let parsed = try #require(FrameHeader.parse(message1, fromDevice: true))
        // The gateway's key is the first that the air's source gives.
        let gatewayKey = SeededEntropy(seed: 9, purpose: 70).bytes(32)
        #expect(WireSuite.publicKey(of: gatewayKey) == air.gatewayKey)
        let keys = HandshakeKeys(privateKey: gatewayKey, peerKey: WireSuite.publicKey(of: air.deviceKey))
        let responder = try Responder<WireSuite>(datagram: message1, parsed: parsed, keys: keys)
        // Its request was not taken: it comes again in the session, which shows which of the two it is.
        let first = try responder.reply(
            .staleCounter(last: 7), answer: [], ephemeral: [UInt8](repeating: 1, count: 32))
        let second = try responder.reply(
            .staleCounter(last: 7), answer: [], ephemeral: [UInt8](repeating: 2, count: 32))
        for garbage in [[0x81], [0x81] + [UInt8](repeating: 9, count: 60), Array(first.message2.dropLast()), message1] {
            device.receive(garbage, now: 1)
        }
        #expect(device.takeActions().datagrams.isEmpty)
        device.receive(first.message2, now: 1)
        let frame = try #require(device.takeActions().datagrams.first)
        device.receive(second.message2, now: 1)
        device.receive(first.message2, now: 1)
        let actions = device.takeActions()
        #expect(actions.state == nil && actions.datagrams.isEmpty)
        let header = try #require(FrameHeader.parse(frame, fromDevice: true))
        var (session, other) = (first.session, second.session)
        #expect((try? session.open(frame, header)) != nil)
        #expect((try? other.open(frame, header)) == nil)
    }
}
