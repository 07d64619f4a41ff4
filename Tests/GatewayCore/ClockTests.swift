import CompactMatrix
import DeviceClient
import GatewayCore
import NoiseSodium
import SecureDatagram
import Testing

@Suite("A clock of the day that is wrong")
struct ClockTests {
    let room = "!room:example.org"
    private static let year: Int64 = 366 * 24 * 3600 * 1000

    @Test(
        "stops no device and asks for no handshake, however it jumps, also when the gateway starts in between",
        arguments: [[10, -10], [-10, 10], [400, 0], [-57, 57]] as [[Int64]], [true, false])
    func jumps(years: [Int64], restarts: Bool) {
        World.with(seed: 500) { world in
            world.homeserver.makeRoom(room)
            let device = world.addDevice("pump", watches: true)
            device.send(.text("before"))
            world.run(for: minute)
            for (index, jump) in years.enumerated() {
                // A request is under way while it jumps.
                device.send(.text("up \(index)"))
                world.homeserver.say(room, "@admin:example.org", "down \(index)")
                world.run(for: second)
                world.clockError = jump * Self.year
                if restarts { world.gateway.die(for: second) }
                world.run(for: 10 * minute)
            }
            world.clockError = 0
            if restarts { world.gateway.die(for: second) }
            device.send(.text("after"))
            world.homeserver.say(room, "@admin:example.org", "after")
            world.run(for: 10 * minute)
            #expect(device.accepted == [0, 1, 2, 3])
            #expect(device.heard == ["down 0", "down 1", "after"])
            #expect(world.judge(device, in: room).isEmpty)
            let handshakes = world.capture.filter {
                $0.isUp && FrameHeader.parse($0.bytes, fromDevice: true)?.opening != nil
            }
            #expect(handshakes.count == 1)
        }
    }

    @Test("keeps no one-time code open: one from before it was set back far is refused, one of minutes ago is not")
    func codes() throws {
        for (jump, isOpen) in [(-10 * Self.year, false), (-60 * 60 * 1000, false), (-10 * 60 * 1000, true), (0, true)] {
            let air = EnrolmentAir()
            let code: [UInt8] = [1, 2, 3, 4, 5, 6, 7]
            try air.perform { try $0.addEnrolment(name: "pump", room: EnrolmentAir.room, code: code, now: air.moment) }
            var machine = try Enrolment<WireSuite>(
                privateKey: air.deviceKey, gatewayKey: air.gatewayKey, code: code,
                ephemeral: [UInt8](repeating: 7, count: 32), link: air.link, now: air.now)
            air.clockError = jump
            let outcome = air.run(&machine)
            #expect((outcome != .unanswered) == isOpen, "\(jump)")
            #expect(air.store.devices.count == (isOpen ? 1 : 0))
        }
    }
}
