import CompactMatrix
import GatewayCore
import MatrixJSON
import SecureDatagram
import Testing

@Suite("After a restore that was detected")
struct RestoreTests {
    let room = "!room:example.org"
    let stranger = PeerAddress(ip: [203, 0, 113, 9], port: 9)

    /// A device that shook hands three times, twice of them since `backup`, and a gateway that begins again from it.
    func withRestored(seed: UInt64, _ body: (World, DeviceHost) throws -> Void) throws {
        try World.with(seed: seed) { world in
            world.homeserver.makeRoom(room)
            let device = world.addDevice("pump")
            say("before the backup", device, world)
            let backup = world.gateway.store
            for index in 0..<2 {
                loseSession(device, world)
                say("since the backup \(index)", device, world)
            }
            #expect(Set(messages1(world)).count == 3)
            #expect(device.accepted.count == 3)
            let record = try #require(world.gateway.store.devices[device.number])
            #expect(record.handshakeCounter == 3)
            world.gateway.die(for: second)
            world.gateway.store = backup
            world.gateway.store.forgetSessions()
            world.run(for: 2 * second)
            try body(world, device)
        }
    }

    func say(_ text: String, _ device: DeviceHost, _ world: World) {
        device.send(.text(text))
        world.run(for: 60 * second)
    }

    /// A message that is lost for good: the device shakes hands with its next.
    func loseSession(_ device: DeviceHost, _ world: World) {
        world.weather.loss = 1000
        device.send(.text("lost"))
        world.run(for: 1200 * second, until: { device.hasSentAll })
        world.weather = .perfect
    }

    func bodies(_ world: World, _ device: DeviceHost) -> [String] {
        world.homeserver.messages(in: room, from: device.userID).compactMap { $0.content["body"]?.stringValue }
    }

    func messages1(_ world: World) -> [[UInt8]] {
        world.capture.filter { $0.isUp && FrameHeader.parse($0.bytes, fromDevice: true)?.opening != nil }.map(\.bytes)
    }

    func requests(_ world: World) -> UInt64 { world.gateway.machine?.counters.requests ?? 0 }

    @Test(
        "no captured datagram has an effect: not a frame, and no first message, though its counter is above the stored")
    func replays() throws {
        try withRestored(seed: 300) { world, device in
            let queued = world.gateway.store.uplinks
            let events = bodies(world, device).count
            for datagram in world.capture where datagram.isUp {
                world.gateway.receive(datagram.bytes, from: stranger)
            }
            world.run(for: 60 * second)
            #expect(requests(world) == 0)
            #expect(world.gateway.store.uplinks == queued)
            #expect(bodies(world, device).count == events)
            let record = try #require(world.gateway.store.devices[device.number])
            #expect(record.awaitsHandshake)
        }
    }

    @Test("the device's next messages arrive, each once, after one handshake more; then its counter is trusted again")
    func heals() throws {
        try withRestored(seed: 301) { world, device in
            // Into a session that is gone: without an answer, and followed by a handshake.
            device.send(.text("unheard"))
            world.run(for: 1200 * second, until: { device.hasSentAll })
            #expect(device.accepted.count == 3)
            say("first", device, world)
            #expect(device.accepted.count == 4)
            let record = try #require(world.gateway.store.devices[device.number])
            #expect(!record.awaitsHandshake)
            #expect(record.handshakeCounter == 4)
            // What was captured of before stays refused, also by a gateway that starts once more.
            world.gateway.die(for: second)
            world.run(for: 2 * second)
            for datagram in messages1(world) { world.gateway.receive(datagram, from: stranger) }
            world.run(for: 60 * second)
            #expect(requests(world) == 0)
            // And a handshake of the device's own carries its request again: two datagrams.
            loseSession(device, world)
            let before = world.capture.count
            say("second", device, world)
            #expect(device.accepted.count == 5)
            #expect(world.capture.count == before + 2)
            #expect(bodies(world, device).suffix(2) == ["first", "second"])
            #expect(!bodies(world, device).contains("unheard"))
            #expect(world.judge(device, in: room).isEmpty)
        }
    }

    @Test("a device's counter is not driven up by what it is told")
    func toldCounter() throws {
        try withRestored(seed: 302) { world, device in
            loseSession(device, world)
            say("after", device, world)
            #expect(device.accepted.count == 4)
            for index in 0..<3 {
                loseSession(device, world)
                say("again \(index)", device, world)
            }
            #expect(device.accepted.count == 7)
            #expect(world.gateway.store.devices[device.number]?.handshakeCounter == 7)
        }
    }

    @Test("replays while the device shakes hands do not make the gateway trust their counter")
    func replayedBetween() throws {
        try withRestored(seed: 303) { world, device in
            let old = messages1(world)
            loseSession(device, world)
            device.send(.text("after"))
            // Before message 2 of the device's own handshake is used, older ones come.
            for index in 0..<60 {
                world.after(Int64(index) * second) {
                    for datagram in old { world.gateway.receive(datagram, from: self.stranger) }
                }
            }
            world.run(for: 1200 * second, until: { device.hasSentAll })
            for datagram in old { world.gateway.receive(datagram, from: stranger) }
            let counter = try #require(world.gateway.store.devices[device.number]?.handshakeCounter)
            #expect(counter == DeviceRecord.untrustedCounter || counter >= 4)
            #expect(bodies(world, device).filter { $0.hasPrefix("since") }.count == 2)
            #expect(world.judge(device, in: room).isEmpty)
        }
    }
}

extension MemoryStore {
    /// What the real store does when it detects a restore.
    mutating func forgetSessions() {
        var writes: [StoreWrite] = sessions.values.map { .removeSession(device: $0.device, slot: $0.slot) }
        for var device in devices.values {
            device.handshakeCounter = DeviceRecord.untrustedCounter
            device.handshakeHash = []
            device.handshakeReply = []
            device.observeToken = nil
            writes.append(.removeAnswers(device: device.number, expiredAtUnixMilliseconds: .max))
            writes.append(.device(device))
        }
        commit(writes)
    }
}
