import CBOR
import CoAP
import CompactMatrix
import DeviceClient
import GatewayCore
import Links
import MatrixJSON
import Testing

@Suite("A device, a gateway and a homeserver on a good day")
struct CleanRunTests {
    let room = "!room:example.org"

    @Test("text, reading and event stand in the room as the device meant them, under an id each")
    func contents() throws {
        try World.with(seed: 1) { world in
            world.homeserver.makeRoom(room)
            let device = world.addDevice("Pump")
            device.send(.text("hello"))
            device.send(
                .reading(
                    Reading(
                        unixSeconds: 1_700_000_000,
                        measurements: [
                            MeasuredValue(name: "temperature", unit: "Cel", mantissa: 215, exponent: -1),
                            MeasuredValue(name: "humidity", unit: "%RH", mantissa: 40, exponent: 0),
                            MeasuredValue(name: "battery", unit: "V", mantissa: 371, exponent: -2),
                        ])))
            var content = CBORWriter()
            content.map(1)
            content.text("open")
            content.bool(true)
            device.send(.event(type: "org.example.door", content: content.bytes))
            world.run(for: minute)

            #expect(device.outcomes == [0: .answered(.changed), 1: .answered(.changed), 2: .answered(.changed)])
            let events = world.homeserver.messages(in: room, from: "@sotto_pump:example.org")
            try #require(events.count == 3)
            let ids = events.compactMap { $0.content["dev.sotto.id"]?.stringValue }
            #expect(Set(ids).count == 3)
            #expect(events[0].type == "m.room.message")
            #expect(
                events[0].content == ["msgtype": "m.text", "body": "hello", "dev.sotto.id": .string(ids[0])])
            #expect(events[1].type == "m.room.message")
            #expect(events[1].unixMilliseconds == 1_700_000_000_000)
            #expect(
                events[1].content == [
                    "msgtype": "m.notice",
                    "body": "temperature 21.5 °C, humidity 40 %, battery 3.71 V",
                    "dev.sotto.reading": [
                        "v": 1, "ts": 1_700_000_000_000,
                        "f": [
                            ["n": "temperature", "u": "Cel", "m": 215, "e": -1],
                            ["n": "humidity", "u": "%RH", "m": 40, "e": 0],
                            ["n": "battery", "u": "V", "m": 371, "e": -2],
                        ],
                    ],
                    "dev.sotto.id": .string(ids[1]),
                ])
            #expect(events[2].type == "org.example.door")
            #expect(events[2].content == ["open": true, "dev.sotto.id": .string(ids[2])])
            #expect(world.gateway.store.uplinks.isEmpty)
            #expect(world.gateway.store.devices[device.number]?.delivered == 3)
        }
    }

    @Test("a message and a command reach a watching device, in order, once, and leave the inbox")
    func deliveries() throws {
        try World.with(seed: 2) { world in
            world.homeserver.makeRoom(room)
            let device = world.addDevice("pump", watches: true)
            #expect(world.run(for: minute, until: { device.watchings > 0 }))
            world.homeserver.say(room, "@admin:example.org", "good morning")
            world.homeserver.say(room, "@admin:example.org", "!pump set rate=5 mode=slow")
            #expect(world.run(for: minute, until: { device.deliveries.count == 2 }))
            world.run(for: minute)
            try #require(device.deliveries.count == 2)
            #expect(device.deliveries[0].sender == "@admin:example.org")
            #expect(device.heard == ["good morning", "set"])
            guard case .command(_, let arguments) = device.deliveries[1].content else {
                Issue.record("no command arrived")
                return
            }
            #expect(arguments.map(\.key) == ["rate", "mode"])
            #expect(arguments.map(\.value) == ["5", "slow"])
            #expect(world.gateway.store.inbox.isEmpty)
        }
    }

    @Test("a hello with its confirmation is two datagrams of 75 bytes together at most, in a session")
    func bytesOfHello() {
        World.with(seed: 3) { world in
            world.homeserver.makeRoom(room)
            let device = world.addDevice("pump")
            device.send(.text("first"))
            world.run(for: minute, until: { device.hasSentAll })
            let before = world.capture.count
            device.send(.text("hello"))
            world.run(for: minute)
            #expect(device.accepted == [0, 1])
            let datagrams = world.capture.dropFirst(before)
            let bytes = datagrams.reduce(0) { $0 + $1.bytes.count }
            #expect(datagrams.map(\.isUp) == [true, false])
            #expect(bytes <= 75, "\(bytes) bytes")
            // What the device says of its traffic is what travelled.
            #expect(device.reports.suffix(2).reduce(0) { $0 + $1.total } == bytes)
        }
    }

    @Test("between deliveries an idle link stays idle until the watch is renewed")
    func idle() {
        World.with(seed: 4) { world in
            world.homeserver.makeRoom(room)
            let device = world.addDevice("pump", watches: true)
            world.run(for: minute, until: { device.watchings > 0 })
            world.homeserver.say(room, "@admin:example.org", "one")
            world.run(for: 30 * second, until: { device.deliveries.count == 1 })
            world.run(for: 10 * second)
            let before = world.capture.count
            world.run(for: 50 * minute)
            #expect(world.capture.count == before)
            world.run(for: 20 * minute)
            #expect(world.capture.count == before + 2)
        }
    }
}
