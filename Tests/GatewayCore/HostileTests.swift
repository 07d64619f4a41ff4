import CompactMatrix
import GatewayCore
import Links
import SecureDatagram
import Testing

@Suite("Strangers on the link")
struct HostileTests {
    let room = "!room:example.org"
    let stranger = PeerAddress(ip: [203, 0, 113, 9], port: 9)

    /// A device with a session, a watch, messages of both directions behind it, and a quiet link.
    func withPair(
        seed: UInt64, messages: Int = 3, gap: Int64 = 30 * second, _ body: (World, DeviceHost) throws -> Void
    ) rethrows {
        try World.with(seed: seed) { world in
            world.homeserver.makeRoom(room)
            let device = world.addDevice("pump", watches: true)
            world.run(for: 30 * second)
            for index in 0..<messages {
                device.send(.text("up \(index)"))
                world.homeserver.say(room, "@admin:example.org", "down \(index)")
                world.run(for: gap)
            }
            #expect(device.accepted.count == messages)
            #expect(device.deliveries.count == messages)
            try body(world, device)
        }
    }

    /// Feeds both sides and expects that nothing is written and nothing leaves.
    func expectNoTrace(
        _ world: World, _ device: DeviceHost, sourceLocation: SourceLocation = #_sourceLocation, _ feed: () -> Void
    ) {
        let store = world.gateway.store
        let flashWrites = device.flashWrites
        let deliveries = device.deliveries.count
        let sent = world.capture.count
        feed()
        #expect(world.gateway.store == store, sourceLocation: sourceLocation)
        #expect(device.flashWrites == flashWrites, sourceLocation: sourceLocation)
        #expect(device.deliveries.count == deliveries, sourceLocation: sourceLocation)
        #expect(world.capture.count == sent, sourceLocation: sourceLocation)
    }

    func expectUndisturbed(_ world: World, _ device: DeviceHost) {
        let before = world.capture.count
        device.send(.text("afterwards"))
        world.run(for: 20 * second)
        #expect(world.capture.count == before + 2)
        #expect(device.hasSentAll)
        #expect(world.judge(device, in: room).isEmpty)
    }

    @Test("garbage of any length leaves nothing but counters")
    func garbage() throws {
        try withPair(seed: 100) { world, device in
            var stream = SeededStream(seed: 100, purpose: 9)
            let before = try #require(world.gateway.machine?.counters)
            var count: UInt64 = 0
            expectNoTrace(world, device) {
                for length in 0..<400 {
                    // Now and then with a beginning that passes for one of ours.
                    var bytes = (0..<length).map { _ in UInt8(stream.next(below: 256)) }
                    if length > 1, length % 2 == 0 { bytes[1] = UInt8(device.number) }
                    if length > 1, length % 3 == 0 { bytes[0] = [0x80, 0xC0, 0xA0, 0x91][length % 4] }
                    world.gateway.receive(bytes, from: stranger)
                    device.receive(bytes)
                    count += 1
                }
            }
            let after = try #require(world.gateway.machine?.counters)
            #expect(after.datagramsReceived == before.datagramsReceived + count)
            func dropped(_ counters: Counters) -> UInt64 {
                counters.droppedMalformed + counters.droppedForged + counters.droppedUnknownDevice
                    + counters.droppedTooOld + counters.droppedRateLimited
            }
            #expect(dropped(after) == dropped(before) + count)
            #expect(after.handshakes == before.handshakes)
            expectUndisturbed(world, device)
        }
    }

    @Test("a true datagram cut short anywhere, or with any bit wrong, leaves no trace")
    func damaged() {
        withPair(seed: 101, messages: 2) { world, device in
            expectNoTrace(world, device) {
                for datagram in world.capture {
                    var variants = (0..<datagram.bytes.count).map { Array(datagram.bytes.prefix($0)) }
                    for bit in 0..<datagram.bytes.count * 8 {
                        var wrong = datagram.bytes
                        wrong[bit / 8] ^= 1 << UInt8(bit % 8)
                        variants.append(wrong)
                    }
                    variants.append(datagram.bytes + [0])
                    for bytes in variants {
                        if datagram.isUp { world.gateway.receive(bytes, from: stranger) } else { device.receive(bytes) }
                    }
                }
            }
            expectUndisturbed(world, device)
        }
    }

    @Test("what somebody sends back to its writer leaves no trace")
    func reflected() {
        withPair(seed: 114) { world, device in
            expectNoTrace(world, device) {
                for datagram in world.capture {
                    guard !datagram.isUp else {
                        device.receive(datagram.bytes)
                        device.receive([datagram.bytes[0]] + datagram.bytes.dropFirst(2))
                        continue
                    }
                    world.gateway.receive(datagram.bytes, from: stranger)
                    world.gateway.receive(
                        [datagram.bytes[0], UInt8(device.number)] + datagram.bytes.dropFirst(), from: stranger)
                }
            }
            expectUndisturbed(world, device)
        }
    }

    @Test("the longest datagrams that UDP carries leave no trace, whatever they begin with")
    func longest() {
        withPair(seed: 115, messages: 1) { world, device in
            let body = [UInt8](repeating: 0x5A, count: 65_505)
            expectNoTrace(world, device) {
                for first in UInt8.min...UInt8.max {
                    let datagram = [first, UInt8(device.number)] + body
                    world.gateway.receive(datagram, from: stranger)
                    device.receive(datagram)
                }
            }
            expectUndisturbed(world, device)
        }
    }

    @Test("a capture replayed to the gateway causes no write, and no more answers than a few")
    func replayed() {
        withPair(seed: 102, messages: 20, gap: 5 * second) { world, device in
            let store = world.gateway.store
            let before = world.gateway.machine?.counters.datagramsSent ?? 0
            let capture = world.capture
            for _ in 0..<20 {
                for datagram in capture where datagram.isUp { world.gateway.receive(datagram.bytes, from: stranger) }
            }
            #expect(world.gateway.store == store)
            let answers = (world.gateway.machine?.counters.datagramsSent ?? 0) - before
            // The newest eight answers and message 2, eight times each.
            #expect(answers <= 72, "\(answers) answers")
            expectUndisturbed(world, device)
        }
    }

    @Test("after a restart of the gateway a replayed capture causes a few writes and no more")
    func replayedAfterRestart() {
        withPair(seed: 103, messages: 20, gap: 5 * second) { world, device in
            world.gateway.die(for: second)
            world.run(for: 10 * second)
            let capture = world.capture
            let before = world.gateway.store.commits
            for _ in 0..<20 {
                for datagram in capture where datagram.isUp { world.gateway.receive(datagram.bytes, from: stranger) }
            }
            #expect(world.gateway.store.commits <= before + 8, "\(world.gateway.store.commits - before) writes")
            expectUndisturbed(world, device)
        }
    }

    @Test("a capture replayed to the device causes no write and no delivery, and few acknowledgements")
    func replayedToDevice() {
        withPair(seed: 104, messages: 20, gap: 5 * second) { world, device in
            let writes = device.flashWrites
            let sent = world.capture.count
            let capture = world.capture
            for _ in 0..<20 {
                for datagram in capture where !datagram.isUp { device.receive(datagram.bytes) }
            }
            #expect(device.flashWrites == writes)
            #expect(device.deliveries.count == 20)
            #expect(world.capture.count - sent <= 32, "\(world.capture.count - sent) acknowledgements")
            world.run(for: minute)
            expectUndisturbed(world, device)
        }
    }

    @Test("a first message that was not taken, replayed, causes no write")
    func untakenFirstMessage() throws {
        try World.with(seed: 105) { world in
            world.homeserver.makeRoom(room)
            let device = world.addDevice("pump")
            device.send(.text("first"))
            world.run(for: minute)
            // Without its memory the device begins at the counter that the gateway has seen.
            device.loseState()
            device.send(.text("second"))
            world.run(for: minute)
            let first = try #require(world.capture.last { $0.isUp && $0.bytes[0] == 0x80 })
            let store = world.gateway.store
            for _ in 0..<10 { world.gateway.receive(first.bytes, from: stranger) }
            #expect(world.gateway.store == store)
        }
    }

    @Test("a flood between a request and its answer changes neither")
    func flood() {
        withPair(seed: 106) { world, device in
            let before = world.capture.count
            var stream = SeededStream(seed: 106, purpose: 9)
            device.send(.text("in the flood"))
            for _ in 0..<400 {
                let noise = (0..<40).map { _ in UInt8(stream.next(below: 256)) }
                world.gateway.receive([0xC0 | noise[0], UInt8(device.number)] + noise, from: device.address)
                device.receive([0xC0 | noise[0]] + noise)
                device.receive([0x81] + noise)
                world.run(for: 10_000_000)
            }
            world.run(for: 20 * second)
            #expect(device.hasSentAll)
            #expect(world.capture.count == before + 2)
            #expect(world.judge(device, in: room).isEmpty)
        }
    }

    @Test("a frame of the session before does not say where the device is now")
    func oldFrameMovesNothing() throws {
        try withPair(seed: 107, messages: 1) { world, device in
            // A message that is held back, and given up.
            world.weather.loss = 1000
            device.send(.text("held back"))
            let held = try #require(world.capture.last { $0.isUp })
            world.run(for: 10 * minute)
            world.weather.loss = 0
            // The new session comes exactly as far as the old one was.
            var newest: UInt8?
            for index in 0..<12 where newest != held.bytes[0] {
                device.send(.text("new \(index)"))
                world.run(for: 30 * second)
                newest = world.capture.last { $0.isUp }?.bytes[0]
            }
            #expect(newest == held.bytes[0])
            #expect(world.gateway.store.devices[device.number]?.address == device.address)
            world.gateway.receive(held.bytes, from: stranger)
            #expect(world.gateway.store.devices[device.number]?.address == device.address)
        }
    }

    @Test(
        "a fresh frame that somebody forwards from elsewhere draws a few datagrams there, until the device speaks again"
    )
    func forwarded() throws {
        try withPair(seed: 116) { world, device in
            let before = try #require(world.gateway.machine?.counters.datagramsSent)
            world.weather.loss = 1000
            device.send(.text("forwarded"))
            let frame = try #require(world.capture.last { $0.isUp }).bytes
            world.gateway.receive(frame, from: stranger)
            #expect(world.gateway.store.devices[device.number]?.address == stranger)
            world.homeserver.say(room, "@admin:example.org", "while away")
            // As long as the device is not heard: the answer, and one delivery with its repetitions.
            world.run(for: 3 * second)
            world.weather.loss = 0
            world.run(for: 10 * minute)
            let sent = try #require(world.gateway.machine?.counters.datagramsSent) - before
            #expect(sent <= 12, "\(sent)")
            #expect(device.hasSentAll)
            device.send(.text("home again"))
            world.run(for: 10 * minute)
            #expect(world.gateway.store.devices[device.number]?.address == device.address)
            #expect(device.heard.last == "while away")
            #expect(world.judge(device, in: room).isEmpty)
        }
    }

    @Test("a repeated frame draws no more than three times its bytes to where it came from")
    func noAmplifier() throws {
        try withPair(seed: 117, messages: 1) { world, device in
            world.homeserver.say(room, "@admin:example.org", LongMessageTests.text(3000))
            world.run(for: 10 * minute)
            #expect(device.deliveries.count == 2)
            let blocks = world.capture.filter { !$0.isUp && $0.bytes.count > 300 }
            #expect(blocks.count > 2)
            let machine = try #require(world.gateway.machine)
            for datagram in world.capture where datagram.isUp {
                for port in 1...20 as ClosedRange<UInt16> {
                    let source = PeerAddress(ip: stranger.ip, port: port)
                    machine.receive(datagram.bytes, from: source, now: world.moment)
                    let drawn = machine.takeActions().datagrams.filter { $0.to == source }
                    #expect(drawn.map(\.bytes.count).reduce(0, +) <= 3 * datagram.bytes.count)
                }
            }
        }
    }

    @Test("nothing is sent to a revoked device, whatever was under way")
    func revoked() {
        withPair(seed: 108) { world, device in
            world.weather.loss = 1000
            world.homeserver.say(room, "@admin:example.org", "never heard")
            world.run(for: 2 * second)
            world.gateway.perform { _ = try? $0.revokeDevice("pump") }
            let before = world.capture.count
            world.weather.loss = 0
            world.run(for: 2 * minute)
            #expect(world.capture.count == before)
            #expect(device.deliveries.count == 3)
        }
    }
}
