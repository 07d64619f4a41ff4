import CompactMatrix
import DeviceClient
import GatewayCore
import Testing

@Suite("A power failure, and all devices come back")
struct ReconnectTests {
    @Test("all that shake hands at one moment get in, with few handshakes each, and not all at one moment again")
    func together() {
        World.with(seed: 50) { world in
            world.homeserver.makeRoom("!room:example.org")
            let devices = (0..<80).map { world.addDevice("d\($0)", isOn: false) }
            // Nothing is left of a session on either side of the air, and the gateway is the last to come back.
            world.gateway.die(for: 10 * second)
            let began = world.capture.count
            for device in devices {
                device.start()
                device.send(.text("back"))
            }
            #expect(world.run(for: 10 * minute, until: { devices.allSatisfy(\.hasSentAll) && world.isQuiet }))
            #expect(devices.allSatisfy { $0.accepted == [0] })
            let rooms = devices.map { world.homeserver.messages(in: "!room:example.org", from: $0.userID).count }
            #expect(rooms.allSatisfy { $0 == 1 })
            let sent = world.capture[began...].filter(\.isUp)
            // Each has one request: what a device sends are repetitions of it, with and without a cookie.
            #expect(sent.count <= devices.count * 5, "\(sent.count)")
            #expect(world.gateway.machine?.counters.handshakes == UInt64(devices.count))
        }
    }
}
