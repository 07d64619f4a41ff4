import CoAP
import CompactMatrix
import DeviceClient
import GatewayCore
import Links
import MatrixJSON
import Testing

@Suite("What travels between a device and its gateway")
struct CompactTrafficTests {
    private let room = "!room:example.org"
    private let admin = "@admin:example.org"

    @Test("a message and its acknowledgement cost their body, two frames and two bytes of headers")
    func bytes() {
        World.with(seed: 1) { world in
            world.homeserver.makeRoom(room)
            let device = world.addDevice("pump")
            device.send(.text("first"))
            #expect(world.run(for: minute, until: { device.hasSentAll }))
            let before = world.capture.count
            device.send(.text("hello"))
            #expect(world.run(for: minute, until: { device.hasSentAll }))
            // "hello" and its head; a byte of CoAP; first byte, device and tag. Down: a byte, first byte and tag.
            #expect(world.capture[before...].map(\.bytes.count) == [6 + 1 + 18, 1 + 17])
        }
    }

    @Test("what waits travels together, and the sender's name only once in a session")
    func together() {
        World.with(seed: 2) { world in
            world.homeserver.makeRoom(room)
            let device = world.addDevice("pump", watches: true)
            #expect(world.run(for: minute, until: { device.watchings > 0 && world.isQuiet }))
            world.homeserver.say(room, admin, "first")
            #expect(world.run(for: minute, until: { device.heard == ["first"] && world.isQuiet }))
            let before = world.capture.count
            world.homeserver.say(room, admin, "second")
            #expect(world.run(for: minute, until: { device.heard.count == 2 && world.isQuiet }))
            let next = Array(world.capture[before...])
            // Sender 1 byte, time 5, text 7, CoAP 1, frame 17; the acknowledgement 1 and 18.
            #expect(next.map(\.bytes.count) == [1 + 5 + 7 + 1 + 17, 1 + 18])
            let then = world.capture.count
            for text in ["a", "b", "c", "d"] { world.homeserver.say(room, admin, text) }
            #expect(world.run(for: minute, until: { device.heard.count == 6 && world.isQuiet }))
            #expect(device.heard.suffix(4) == ["a", "b", "c", "d"])
            // The first may leave alone; the others do not go one by one.
            #expect(world.capture[then...].filter { !$0.isUp }.count <= 2)
        }
    }

    @Test("a packed reading is in the room as one that describes itself")
    func packedReading() throws {
        try World.with(seed: 3) { world in
            world.homeserver.makeRoom(room)
            let device = world.addDevice("greenhouse")
            let template = try PayloadTemplate([
                PayloadTemplate.Field(
                    name: "temperature", unit: "Cel", bits: 11, scale: DecimalNumber(mantissa: 1, exponent: -1),
                    offset: DecimalNumber(mantissa: -40)),
                PayloadTemplate.Field(name: "humidity", unit: "%RH", bits: 7),
            ])
            let values = [
                MeasuredValue(name: "temperature", unit: "Cel", mantissa: 215, exponent: -1),
                MeasuredValue(name: "humidity", unit: "%RH", mantissa: 40, exponent: 0),
            ]
            let packed = Uplink.packedReading(try template.encode(Reading(measurements: values)))
            device.send(packed)
            #expect(world.run(for: minute, until: { device.hasSentAll }))
            // Nobody has said which firmware it is.
            #expect(device.outcomes[0] == .answered(.badRequest))
            _ = world.gateway.perform { try? $0.setTemplate(of: "greenhouse", template) }
            world.gateway.die(for: second)
            world.run(for: minute, until: { world.gateway.machine != nil })
            device.send(packed)
            device.send(.packedReading([1]))
            device.send(.reading(Reading(measurements: values)))
            #expect(world.run(for: 5 * minute, until: { device.hasSentAll && world.isQuiet }))
            #expect(device.accepted == [1, 3])
            let sent = world.homeserver.messages(in: room, from: device.userID)
            #expect(sent.count == 2)
            #expect(sent.first?.content["body"]?.stringValue == "temperature 21.5 °C, humidity 40 %")
            #expect(sent[0].content["body"] == sent[1].content["body"])
            #expect(sent[0].content["dev.sotto.reading"]?["f"] == sent[1].content["dev.sotto.reading"]?["f"])
        }
    }

    @Test("a device that lost what it was told asks again, and hears nothing wrong and nothing twice")
    func forgottenIdentifiers() {
        World.with(seed: 4) { world in
            world.homeserver.makeRoom(room)
            let device = world.addDevice("pump", watches: true)
            world.homeserver.say(room, admin, "first")
            #expect(world.run(for: minute, until: { device.heard == ["first"] && world.isQuiet }))
            device.die(for: second)
            world.homeserver.say(room, admin, "second")
            world.homeserver.say(room, "@other:example.org", "third")
            #expect(world.run(for: 10 * minute, until: { device.heard.count == 3 && world.isQuiet }))
            #expect(device.heard == ["first", "second", "third"])
            #expect(device.deliveries.map(\.sender) == [admin, admin, "@other:example.org"])
        }
    }
}
