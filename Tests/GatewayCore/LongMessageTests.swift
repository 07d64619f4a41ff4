import CoAP
import CompactMatrix
import DeviceClient
import GatewayCore
import Links
import MatrixJSON
import Testing

@Suite("Messages that are longer than a datagram")
struct LongMessageTests {
    let room = "!room:example.org"

    static func link(
        mtu: Int = 222, bitsPerSecond: UInt64 = 2000, isRateKnown: Bool = true
    ) -> Link {
        var link = Link.slow(bitsPerSecond: bitsPerSecond)
        link.up.mtu = mtu
        link.down.mtu = mtu
        link.isRateKnown = isRateKnown
        return link
    }

    static func text(_ bytes: Int, _ name: String = "long") -> String {
        String((name + " " + String(repeating: "0123456789", count: bytes / 10 + 1)).prefix(bytes))
    }

    func withPair(
        seed: UInt64, link: Link = Self.link(), _ body: (World, DeviceHost) throws -> Void
    ) rethrows {
        try World.with(seed: seed, link: link) { world in
            world.homeserver.makeRoom(room)
            let device = world.addDevice("pump", watches: true)
            device.send(.text("first"))
            world.run(for: 5 * minute, until: { device.hasSentAll && device.watchings > 0 })
            try body(world, device)
        }
    }

    func texts(_ world: World, _ device: DeviceHost) -> [String] {
        world.homeserver.messages(in: room, from: device.userID).compactMap { $0.content["body"]?.stringValue }
    }

    /// Frames upwards since then, repetitions counted once.
    func distinctUp(_ world: World, since start: Int) -> Int {
        Set(world.capture.dropFirst(start).filter(\.isUp).map(\.bytes)).count
    }

    @Test("4,000 bytes go up in blocks and 4,000 come down, on links of many widths", arguments: [128, 222, 576, 1280])
    func bothWays(mtu: Int) {
        withPair(seed: 70, link: Self.link(mtu: mtu)) { world, device in
            let up = Self.text(4000, "up")
            let down = Self.text(4000, "down")
            device.send(.text(up))
            world.homeserver.say(room, "@admin:example.org", down)
            #expect(world.run(for: 4 * hour, until: { device.hasSentAll && device.heard == [down] && world.isQuiet }))
            #expect(texts(world, device) == ["first", up])
            #expect(world.capture.allSatisfy { $0.bytes.count <= mtu })
            #expect(world.gateway.store.bodies.isEmpty)
        }
    }

    @Test("a device without a session sends its first block in the handshake")
    func firstBlockInHandshake() {
        World.with(seed: 71, link: Self.link(mtu: 128)) { world in
            world.homeserver.makeRoom(room)
            let device = world.addDevice("pump")
            device.send(.text(Self.text(1000)))
            #expect(world.run(for: hour, until: { device.hasSentAll && world.isQuiet }))
            #expect(device.accepted == [0])
            #expect(texts(world, device) == [Self.text(1000)])
        }
    }

    @Test("the identity of a message in blocks is the frame of its first block")
    func identity() throws {
        try withPair(seed: 72) { world, device in
            let next = try #require(number(of: 0, world, device)) + 1
            // In between the device registers; where the numbers stand is seen by the message before.
            device.send(.text("short"))
            world.run(for: minute, until: { device.hasSentAll && world.isQuiet })
            let short = try #require(number(of: 1, world, device))
            #expect(short >= next)
            device.send(.text(Self.text(1000)))
            world.run(for: hour, until: { device.hasSentAll && world.isQuiet })
            device.send(.text("last"))
            world.run(for: hour, until: { device.hasSentAll && world.isQuiet })
            #expect(number(of: 2, world, device) == short + 1)
            // Eight blocks of 128 bytes, a frame each.
            #expect(number(of: 3, world, device) == short + 9)
        }
    }

    /// The frame number in the id of a message in the room.
    func number(of index: Int, _ world: World, _ device: DeviceHost) -> UInt64? {
        let events = world.homeserver.messages(in: room, from: device.userID)
        guard index < events.count, let id = events[index].content["dev.sotto.id"]?.stringValue else { return nil }
        let tail = id.split(separator: ".").last
        return tail == "h" ? 0 : tail.flatMap { UInt64($0) }
    }

    @Test("a gateway or a device that dies in the middle goes on from there: no block travels anew", arguments: 0..<24)
    func deathsInTheMiddle(of step: Int) {
        withPair(seed: 73) { world, device in
            let start = world.capture.count
            let body = Self.text(1500)
            device.send(.text(body))
            world.run(for: Int64(step) * second)
            if step % 2 == 0 { world.gateway.die(for: second) } else { device.die(for: second) }
            #expect(world.run(for: hour, until: { device.hasSentAll && world.isQuiet }))
            #expect(texts(world, device) == ["first", body])
            #expect(device.accepted == [0, 1])
            // Twelve blocks; a device that starts asks anew for what arrives.
            #expect(distinctUp(world, since: start) <= 14)
        }
    }

    @Test("a delivery in blocks survives the death of either side, and is heard once", arguments: 0..<24)
    func deathsDuringDelivery(of step: Int) {
        withPair(seed: 74) { world, device in
            let body = Self.text(1500)
            world.homeserver.say(room, "@admin:example.org", body)
            world.homeserver.say(room, "@admin:example.org", "next")
            world.run(for: Int64(step) * second)
            if step % 2 == 0 { world.gateway.die(for: second) } else { device.die(for: second) }
            #expect(world.run(for: hour, until: { device.heard == [body, "next"] && world.isQuiet }))
            world.run(for: 2 * hour)
            #expect(device.heard == [body, "next"])
        }
    }

    @Test("with every third datagram lost, doubled or late, what was accepted is in the room once", arguments: 80..<100)
    func badWeather(seed: UInt64) {
        withPair(seed: seed) { world, device in
            world.weather.loss = 200
            world.weather.duplication = 200
            world.weather.reordering = 200
            world.weather.longestDelay = 30 * second
            world.weather.gatewayKills = 10
            world.weather.deviceKills = 10
            for index in 0..<3 {
                device.send(.text(Self.text(700, "up \(index)")))
                world.homeserver.say(room, "@admin:example.org", Self.text(700, "down \(index)"))
            }
            world.run(for: 30 * minute)
            world.weather = .perfect
            #expect(world.run(for: 4 * hour, until: { device.hasSentAll && world.isQuiet }), "\(world.unfinished)")
            let problems = world.judge(device, in: room)
            #expect(problems.isEmpty, "\(problems)")
            var heard: [String] = []
            for text in device.heard where text != heard.last { heard.append(text) }
            #expect(heard == (0..<3).map { Self.text(700, "down \($0)") })
        }
    }

    @Test("blocks of a message that was given up are not put together with those of the next")
    func givenUp() {
        withPair(seed: 101) { world, device in
            device.send(.text(Self.text(1500, "one")))
            world.run(for: 12 * second)
            #expect(!world.gateway.store.bodies.isEmpty)
            // Nothing gets through until the device has given it up.
            world.weather.loss = 1000
            world.run(for: hour, until: { device.outcomes[1] != nil })
            #expect(device.outcomes[1] == .unknown)
            world.weather = .perfect
            device.send(.text(Self.text(1500, "two")))
            #expect(world.run(for: hour, until: { device.hasSentAll && world.isQuiet }))
            #expect(texts(world, device) == ["first", Self.text(1500, "two")])
            #expect(world.gateway.store.bodies.isEmpty)
        }
    }

    @Test("a body whose rest never comes is forgotten, in memory and on disk")
    func expiry() {
        withPair(seed: 102) { world, device in
            device.send(.text(Self.text(1500)))
            world.run(for: 12 * second)
            #expect(world.gateway.store.bodies.count == 1)
            device.die(for: 100 * hour)
            world.run(for: 3 * hour)
            // Anything that wakes the gateway.
            world.gateway.perform { $0.handleTimeout(now: world.moment) }
            #expect(world.gateway.store.bodies.isEmpty)
        }
    }

    @Test("what would be refused in the end is refused at its first block")
    func earlyRefusal() {
        withPair(seed: 103) { world, device in
            world.homeserver.setMembership(room, device.userID, "ban")
            world.run(for: minute)
            let start = world.capture.count
            device.send(.text(Self.text(4000)))
            world.run(for: hour, until: { device.hasSentAll })
            #expect(device.outcomes[1] == .answered(.forbidden))
            #expect(distinctUp(world, since: start) == 1)
        }
    }

    @Test("the longest message is taken; a longer one is refused by the device, and cut on its way down")
    func limits() throws {
        try withPair(seed: 104, link: Self.link(mtu: 1280, bitsPerSecond: 20_000)) { world, device in
            // Three bytes say that it is a text, and how long.
            let longest = Self.text(Uplink.longestBody - 3)
            device.send(.text(longest))
            world.run(for: hour, until: { device.hasSentAll && world.isQuiet })
            #expect(texts(world, device) == ["first", longest])
            var machine = try #require(device.machine)
            #expect(throws: DeviceHost.Machine.SendError.tooLarge(body: 16_385, limit: 16_384)) {
                try machine.send(.text(longest + "1"), now: world.now)
            }
            world.homeserver.say(room, "@admin:example.org", Self.text(5000))
            #expect(world.run(for: hour, until: { !device.heard.isEmpty && world.isQuiet }))
            let heard = try #require(device.heard.first)
            #expect(heard.hasSuffix("…") && heard.utf8.count > 4000 && heard.utf8.count < 4096)
        }
    }

    @Test("a link that loses many bytes gets shorter blocks")
    func blocksByLoss() {
        func longest(_ loss: UInt64) -> Int {
            var longest = 0
            withPair(seed: 105, link: Self.link(mtu: 1280)) { world, device in
                world.weather.loss = loss
                for index in 0..<30 { device.send(.text("short \(index)")) }
                world.run(for: 4 * hour, until: { device.hasSentAll && world.isQuiet })
                let start = world.capture.count
                device.send(.text(Self.text(3000)))
                world.run(for: 4 * hour, until: { device.hasSentAll && world.isQuiet })
                #expect(device.outcomes.count == 32)
                longest = world.capture.dropFirst(start).filter(\.isUp).map(\.bytes.count).max() ?? 0
            }
            return longest
        }
        #expect(longest(0) > 1000)
        let short = longest(250)
        #expect(short > 60 && short < 400, "\(short)")
    }
}
