import CompactMatrix
import DeviceClient
import GatewayCore
import Links
import NoiseSodium
import SecureDatagram
import Testing

@Suite("The gateway's word that a session is gone")
struct HintTests {
    let room = "!room:example.org"
    let stranger = PeerAddress(ip: [203, 0, 113, 9], port: 9)

    /// A device with a session, and a gateway that may have lost it.
    func withPair(seed: UInt64, isRestored: Bool, _ body: (World, DeviceHost) throws -> Void) rethrows {
        try World.with(seed: seed) { world in
            world.homeserver.makeRoom(room)
            let device = world.addDevice("pump")
            device.send(.text("first"))
            world.run(for: minute)
            #expect(device.accepted == [0])
            if isRestored {
                world.gateway.die(for: second)
                world.gateway.store.forgetSessions()
                world.run(for: 2 * second)
            }
            try body(world, device)
        }
    }

    func hints(_ world: World) -> UInt64 { world.gateway.machine?.counters.hintsSent ?? 0 }

    /// The newest datagram of the device's.
    func newest(_ world: World) throws -> [UInt8] { try #require(world.capture.last { $0.isUp }?.bytes) }

    func isHandshake(_ datagram: [UInt8]) -> Bool {
        FrameHeader.parse(datagram, fromDevice: true)?.opening != nil
    }

    @Test("is given once a minute at most, whoever asks, and leads to one handshake")
    func rate() {
        withPair(seed: 400, isRestored: true) { world, device in
            let start = world.now
            device.send(.text("unheard"))
            world.run(for: 20 * minute, until: { device.hasSentAll })
            let frame = world.capture.last { $0.isUp }?.bytes ?? []
            for _ in 0..<1_000 {
                world.gateway.receive(frame, from: stranger)
                world.run(for: second / 10)
            }
            #expect(hints(world) >= 1)
            #expect(hints(world) <= UInt64((world.now - start) / minute) + 1)
            let before = world.capture.count
            device.send(.text("heard"))
            world.run(for: minute)
            #expect(device.accepted.last == 2)
            #expect(world.capture.dropFirst(before).filter { isHandshake($0.bytes) && $0.isUp }.count == 1)
            // With a session there is nothing to hint at any more.
            let given = hints(world)
            for _ in 0..<10 {
                world.run(for: minute)
                world.gateway.receive(frame, from: stranger)
            }
            #expect(hints(world) == given)
        }
    }

    @Test("is not given where nothing was restored, for what is no frame, nor for less than it takes itself")
    func noReason() throws {
        withPair(seed: 401, isRestored: false) { world, device in
            let number = UInt8(device.number)
            for _ in 0..<3 {
                world.gateway.receive([0xC0, number] + [UInt8](repeating: 7, count: 30), from: stranger)
                world.run(for: 2 * minute)
            }
            #expect(hints(world) == 0)
        }
        try withPair(seed: 402, isRestored: true) { world, device in
            let number = UInt8(device.number)
            let sent = try #require(world.gateway.machine?.counters.datagramsSent)
            for datagram in [
                [0xC0, number], [0xC0, number, 1, 2, 3], [0x81, number] + [UInt8](repeating: 7, count: 60),
                [0x8E, number] + [UInt8](repeating: 7, count: 60), [0x92, number, 1, 2, 3, 4, 5],
                [0xC0, number &+ 1] + [UInt8](repeating: 7, count: 30),
            ] {
                world.gateway.receive(datagram, from: stranger)
                world.run(for: 2 * minute)
            }
            #expect(world.gateway.machine?.counters.datagramsSent == sent)
            world.gateway.receive([0xC0, number, 1, 2, 3, 4], from: stranger)
            #expect(hints(world) == 1)
        }
    }

    @Test("is ignored by the device where it answers nothing that is under way")
    func wrongEcho() throws {
        try withPair(seed: 403, isRestored: false) { world, device in
            let writes = device.flashWrites
            var forged = [Hint.write(answering: try newest(world), RecordingSuite.self)]
            var stream = SeededStream(seed: 403, purpose: 9)
            for length in 0..<40 {
                forged.append([0x92] + (0..<length).map { _ in UInt8(stream.next(below: 256)) })
            }
            for datagram in forged { device.receive(datagram) }
            #expect(device.flashWrites == writes)
            device.send(.text("second"))
            let frame = try newest(world)
            #expect(!isHandshake(frame))
            let hint = Hint.write(answering: frame, RecordingSuite.self)
            let written = device.flashWrites
            for datagram in [Array(hint.dropLast()), hint + [0], [0x92] + hint.dropFirst().reversed()] {
                device.receive(datagram)
            }
            #expect(device.flashWrites == written)
            world.run(for: minute)
            device.send(.text("third"))
            #expect(!isHandshake(try newest(world)))
            world.run(for: minute)
            #expect(device.accepted == [0, 1, 2])
        }
    }

    @Test(
        "forged with the right echo costs one handshake: the session goes on until then, and nothing is lost or doubled"
    )
    func forged() throws {
        try withPair(seed: 404, isRestored: false) { world, device in
            world.homeserver.say(room, "@admin:example.org", "unasked")
            device.send(.text("second"))
            let frame = try newest(world)
            for _ in 0..<20 { device.receive(Hint.write(answering: frame, RecordingSuite.self)) }
            world.run(for: minute)
            // Its answer came in the session that stands.
            #expect(device.accepted == [0, 1])
            device.send(.text("third"))
            #expect(isHandshake(try newest(world)))
            world.run(for: minute)
            device.send(.text("fourth"))
            #expect(!isHandshake(try newest(world)))
            world.run(for: minute)
            #expect(device.accepted == [0, 1, 2, 3])
            #expect(world.judge(device, in: room).isEmpty)
        }
    }

    @Test(
        "forged for every frame costs a handshake an hour, then ever fewer: one a day, and nothing is lost or doubled")
    func forgedForEver() throws {
        try withPair(seed: 406, isRestored: false) { world, device in
            let start = world.now
            var handshakes: [Int64] = []
            for index in 1...24 * 7 {
                device.send(.text("\(index)"))
                let frame = try newest(world)
                if isHandshake(frame) { handshakes.append((world.now - start) / (60 * minute)) }
                for _ in 0..<5 { device.receive(Hint.write(answering: frame, RecordingSuite.self)) }
                world.run(for: start + Int64(index) * 60 * minute - world.now)
            }
            // The hint of the hour before each was believed: 2, 4, 8, 16 hours after the last one, then a day.
            #expect(handshakes == [1, 3, 5, 9, 17, 33, 57, 81, 105, 129, 153])
            #expect(device.accepted.count == 1 + 24 * 7)
            #expect(world.judge(device, in: room).isEmpty)
        }
    }

    @Test("is neither given to a device with a provisioned session, which cannot shake hands, nor believed by it")
    func provisioned() throws {
        let (air, identity, state) = try ProvisioningTests().provisioned()
        #expect(try air.canSpeak(identity, state))
        air.restore()
        var device = try DeviceClient<WireSuite, SeededEntropy>(
            identity: identity, link: air.link, state: state, entropy: air.entropy, now: 0)
        _ = try device.send(.text("hello"), now: 0)
        let frame = try #require(device.takeActions().datagrams.first)
        let answers = air.sent.down.count
        air.perform { $0.receive(frame, from: stranger, now: air.moment) }
        #expect(air.sent.down.count == answers && air.gateway.counters.hintsSent == 0)
        device.receive(Hint.write(answering: frame, WireSuite.self), now: 1)
        let actions = device.takeActions()
        #expect(actions.state == nil && actions.datagrams.isEmpty)
    }
}
