import CoAP
import CompactMatrix
import DeviceClient
import GatewayCore
import Links
import MatrixJSON
import Testing

@Suite("Devices that send more than they may")
struct RateLimitTests {
    let room = "!room:example.org"

    @Test(
        "a device is told when it may send again, waits for that long, and loses nothing, in order",
        arguments: [1, 6, 60])
    func waits(perHour: Int) {
        World.with(seed: 1, messagesPerHour: perHour) { world in
            world.homeserver.makeRoom(room)
            let device = world.addDevice("pump", watches: true)
            let long = LongMessageTests.text(4000, "long")
            let texts = (0..<perHour + 3).map { $0 == perHour + 1 ? long : "message \($0)" }
            let start = world.now
            for text in texts { device.send(.text(text)) }
            #expect(world.run(for: 5 * hour, until: { device.hasSentAll && world.isQuiet }))
            #expect(device.accepted == Array(0..<perHour + 3))
            let sent = world.homeserver.messages(in: room, from: device.userID)
            #expect(sent.compactMap { $0.content["body"]?.stringValue } == texts)
            // Three beyond what an hour allows; each is told of once, and waits for its turn.
            let limited = world.gateway.machine?.counters.requestsRateLimited ?? 0
            #expect(limited >= 1 && limited <= 4, "\(limited)")
            #expect(device.postponements >= 1)
            #expect(world.now - start >= 3 * hour / Int64(perHour) - minute)
            #expect(world.now - start <= 3 * hour / Int64(perHour) + 10 * minute)
        }
    }

    @Test("what a device receives is not held up while it waits to send")
    func receivesMeanwhile() {
        World.with(seed: 2, messagesPerHour: 1) { world in
            world.homeserver.makeRoom(room)
            let device = world.addDevice("pump", watches: true)
            device.send(.text("one"))
            device.send(.text("two"))
            world.run(for: minute, until: { device.postponements > 0 })
            let long = LongMessageTests.text(3000)
            world.homeserver.say(room, "@admin:example.org", long)
            #expect(world.run(for: 5 * minute, until: { device.heard == [long] }))
            #expect(device.accepted == [0])
            #expect(world.run(for: 2 * hour, until: { device.accepted == [0, 1] }))
        }
    }

    @Test("a device that starts anew while it waits sends its message when it may")
    func restart() {
        World.with(seed: 3, messagesPerHour: 1) { world in
            world.homeserver.makeRoom(room)
            let device = world.addDevice("pump")
            device.send(.text("one"))
            device.send(.text("two"))
            world.run(for: minute, until: { device.postponements > 0 })
            device.die(for: second)
            #expect(world.run(for: 2 * hour, until: { device.accepted == [0, 1] && world.isQuiet }))
            #expect(world.homeserver.messages(in: room, from: device.userID).count == 2)
        }
    }
}
