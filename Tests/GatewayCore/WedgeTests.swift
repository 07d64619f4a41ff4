import CompactMatrix
import DeviceClient
import GatewayCore
import Links
import MatrixJSON
import SecureDatagram
import Testing

@Suite("Nothing stays stuck once the link is good again")
struct WedgeTests {
    let room = "!room:example.org"

    /// A device that has sent one message and watches.
    func withPair(seed: UInt64, watches: Bool = true, _ body: (World, DeviceHost) throws -> Void) rethrows {
        try World.with(seed: seed) { world in
            world.homeserver.makeRoom(room)
            let device = world.addDevice("pump", watches: watches)
            device.send(.text("first"))
            world.run(for: minute)
            #expect(device.accepted == [0])
            try body(world, device)
        }
    }

    /// All that was sent is in the room, and both directions still work.
    func expectAlive(_ world: World, _ device: DeviceHost, within time: Int64 = 2 * hour) {
        device.send(.text("alive"))
        if device.wantsWatch { world.homeserver.say(room, "@admin:example.org", "are you there") }
        let isDone = world.run(for: time) {
            device.hasSentAll && world.isQuiet && (!device.wantsWatch || device.heard.last == "are you there")
        }
        #expect(isDone, "seed \(world.seed): \(world.unfinished), heard \(device.heard)")
        let problems = world.judge(device, in: room)
        #expect(problems.isEmpty, "seed \(world.seed): \(problems)")
    }

    @Test("a gateway that lost its store, and was told of the device again, is found again")
    func gatewayLostItsStore() {
        withPair(seed: 10) { world, device in
            world.gateway.die(for: second)
            world.gateway.store = MemoryStore()
            world.run(for: 2 * second)
            world.enrol(device)
            world.run(for: minute)
            expectAlive(world, device)
        }
    }

    @Test("a device that lost its state shakes hands anew and goes on", arguments: 20..<40)
    func deviceLostItsState(seed: UInt64) {
        withPair(seed: seed) { world, device in
            device.loseState()
            expectAlive(world, device)
        }
    }

    @Test("a device that lost its state and starts with message ids of before has its messages taken all the same")
    func sameMessageIDs() {
        withPair(seed: 41, watches: false) { world, device in
            // The message id of the first message, as in the device's first life.
            let seedOfFirstLife = SeededEntropy(seed: 41, purpose: 60)
            _ = seedOfFirstLife.next32()
            device.entropy.prepared = [seedOfFirstLife.next32()]
            device.loseState()
            device.send(.text("second"))
            world.run(for: 10 * minute)
            #expect(device.accepted == [0, 1])
            #expect(world.judge(device, in: room).isEmpty)
        }
    }

    @Test("a revoked device that is added again under a new number goes on with the state it has")
    func revokedAndAddedAgain() {
        withPair(seed: 42) { world, device in
            world.gateway.perform { _ = try? $0.revokeDevice("pump") }
            device.send(.text("to nobody"))
            world.run(for: 10 * minute)
            #expect(device.outcomes[1] == .unknown)
            world.enrol(device)
            device.die(for: second)
            world.run(for: 2 * second)
            expectAlive(world, device)
        }
    }

    @Test("an answer reaches a device whose address changed between request and repetition")
    func rebinding() {
        withPair(seed: 43) { world, device in
            world.weather.loss = 0
            device.send(.text("moving"))
            // The request arrives, its answer goes to the old address.
            let before = world.gateway.store.commits
            world.run(for: 10 * second, until: { world.gateway.store.commits > before })
            device.move()
            world.run(for: 5 * minute, until: { device.hasSentAll })
            #expect(device.accepted == [0, 1])
            expectAlive(world, device)
        }
    }

    @Test(
        "a gateway that dies of a request answers its repetition 2.04, and has the message in the room once",
        arguments: Death.allCases, [true, false])
    func deathOfARequest(death: Death, inSession: Bool) {
        World.with(seed: 45) { world in
            world.homeserver.makeRoom(room)
            let device = world.addDevice("pump")
            world.run(for: minute)
            if inSession {
                device.send(.text("first"))
                world.run(for: minute)
            }
            world.gateway.deathOfNextMessage = death
            device.send(.text("fatal"))
            world.run(for: minute, until: { world.gateway.deaths > 0 })
            // Where the answer left, it is lost on the way.
            device.loseWhatArrives(for: second)
            world.run(for: 5 * minute)
            #expect(world.gateway.deaths == 1)
            #expect(device.accepted.count == device.messages.count, "\(device.outcomes)")
            #expect(device.reports.contains { $0.direction == .up && $0.isRepetition })
            expectAlive(world, device)
        }
    }

    @Test("a first message of long ago, repeated by somebody, disturbs nothing")
    func oldFirstMessage() throws {
        try withPair(seed: 44) { world, device in
            let first = try #require(world.capture.first { $0.isUp && $0.bytes[0] == 0x80 })
            let stranger = PeerAddress(ip: [203, 0, 113, 9], port: 9)
            // A second handshake makes it old.
            device.loseState()
            device.send(.text("second"))
            world.run(for: 5 * minute)
            let store = world.gateway.store
            for _ in 0..<30 { world.gateway.receive(first.bytes, from: stranger) }
            #expect(world.gateway.store == store)
            device.send(.text("third"))
            for _ in 0..<30 {
                world.gateway.receive(first.bytes, from: stranger)
                world.run(for: 500_000_000)
            }
            expectAlive(world, device)
        }
    }

    @Test("the whole capture, replayed to both after restarts of both, has no effect", arguments: 50..<60)
    func wholeCapture(seed: UInt64) {
        withPair(seed: seed) { world, device in
            for index in 0..<12 {
                device.send(.text("up \(index)"))
                world.homeserver.say(room, "@admin:example.org", "down \(index)")
                world.run(for: 20 * second)
            }
            world.run(for: minute)
            #expect(device.deliveries.count == 12)
            world.gateway.die(for: second)
            device.die(for: second)
            world.run(for: minute)
            let before = world.homeserver.messages(in: room, from: device.userID).count
            for datagram in world.capture {
                if datagram.isUp {
                    world.gateway.receive(datagram.bytes, from: PeerAddress(ip: [203, 0, 113, 9], port: 9))
                } else {
                    device.receive(datagram.bytes)
                }
            }
            world.run(for: minute)
            #expect(world.homeserver.messages(in: room, from: device.userID).count == before)
            #expect(device.deliveries.count == 12)
            expectAlive(world, device)
        }
    }

    @Test("a delivery that somebody plays to the device again, however late, is heard once")
    func replayedDelivery() throws {
        try withPair(seed: 60) { world, device in
            world.homeserver.say(room, "@admin:example.org", "!pump stop")
            world.run(for: minute)
            let stop = try #require(world.capture.last { !$0.isUp })
            for index in 0..<6 {
                world.homeserver.say(room, "@admin:example.org", "down \(index)")
                world.run(for: 20 * second)
            }
            for _ in 0..<5 { device.receive(stop.bytes) }
            #expect(device.heard.filter { $0 == "stop" }.count == 1)
            device.die(for: second)
            world.run(for: minute)
            for _ in 0..<5 { device.receive(stop.bytes) }
            #expect(device.heard.filter { $0 == "stop" }.count == 1)
            expectAlive(world, device)
        }
    }

    @Test("a message that waited behind one that was given up in a handshake leaves when the gateway is back")
    func waitingBehindAGivenUpHandshake() {
        World.with(seed: 61) { world in
            world.homeserver.makeRoom(room)
            let device = world.addDevice("pump", isOn: false, watches: true)
            world.weather.loss = 1000
            device.start()
            device.send(.text("into the void"))
            world.run(for: 10 * minute)
            #expect(device.outcomes[0] == .unknown)
            world.weather = .perfect
            expectAlive(world, device)
        }
    }

    @Test("a watching device that gave a message up, and its session with it, hears again without sending")
    func deafAfterGivingUp() {
        withPair(seed: 65) { world, device in
            world.weather.loss = 1000
            device.send(.text("into the void"))
            world.run(for: 10 * minute)
            #expect(device.outcomes[1] == .unknown)
            world.weather.loss = 0
            world.homeserver.say(room, "@admin:example.org", "can you hear me")
            world.run(for: 10 * minute)
            #expect(device.heard == ["can you hear me"])
        }
    }

    @Test("to watch twice while the first handshake is under way blocks nothing")
    func watchingTwice() {
        World.with(seed: 62) { world in
            world.homeserver.makeRoom(room)
            let device = world.addDevice("pump", isOn: false, watches: true)
            world.run(for: minute)
            world.weather.loss = 1000
            device.start()
            device.watch()
            device.watch()
            world.weather.loss = 0
            expectAlive(world, device)
        }
    }

    @Test("a gateway that is restarted again and again within a second pushes nothing under an old sequence")
    func sequencesAfterRestarts() {
        World.with(seed: 63, link: .slow(bitsPerSecond: 0, latency: 1_000_000)) { world in
            world.homeserver.makeRoom(room)
            world.homeserverLatency = { _ in 1_000_000 }
            let device = world.addDevice("pump", watches: true)
            world.run(for: minute, until: { device.watchings > 0 })
            world.run(for: minute)
            // More arrive than seconds pass.
            for index in 0..<40 {
                world.homeserver.say(room, "@admin:example.org", "down \(index)")
                world.run(for: 400_000_000)
                if index % 3 == 0 {
                    world.gateway.die(for: 50_000_000)
                    world.run(for: 100_000_000)
                }
            }
            world.run(for: 2 * minute)
            #expect(device.heard == (0..<40).map { "down \($0)" })
            #expect(world.gateway.store.inbox.isEmpty)
        }
    }

    @Test("an answer to a call from before a failed write is not taken for the answer to another")
    func callsOfAnEarlierMachine() {
        withPair(seed: 64, watches: false) { world, device in
            world.gateway.die(for: second)
            world.run(for: minute)
            // Calls of this machine: a ping, the room's state, "a", and "b", which takes long.
            var isFirst = true
            world.homeserverLatency = { call in
                if call.text == "b", isFirst {
                    60 * second
                } else if call.text == "c" {
                    80 * second
                } else {
                    second / 5
                }
            }
            device.send(.text("a"))
            world.run(for: 10 * second)
            device.send(.text("b"))
            world.run(for: 10 * second)
            isFirst = false
            // The write that comes with "c" fails. Of the machine after it the fourth call is "c", and goes nowhere.
            world.fault = { call in call.text == "c" ? .unavailable : nil }
            world.gateway.failNextWrite()
            device.send(.text("c"))
            world.run(for: 2 * minute)
            #expect(world.gateway.deaths == 2)
            world.fault = { _ in nil }
            expectAlive(world, device)
        }
    }
}
