import CoAP
import CompactMatrix
import GatewayCore
import MatrixJSON
import Testing

@Suite("Rooms that do not let a device in, or no longer, or encrypt")
struct RoomTests {
    let room = "!room:example.org"
    let admin = "@admin:example.org"
    let user = "@sotto_pump:example.org"

    func texts(_ world: World) -> [String] {
        world.homeserver.messages(in: room, from: user).compactMap { $0.content["body"]?.stringValue }
    }

    func isTold(_ world: World, _ level: Actions.Notice.Level, _ words: String...) -> Bool {
        world.gateway.notices.contains { notice in
            notice.level == level && notice.device == "pump" && words.allSatisfy { notice.text.contains($0) }
        }
    }

    @Test("a room that needs an invitation: 4.03, the operator is told whom to invite, and then everything arrives")
    func invitation() {
        World.with(seed: 200) { world in
            world.homeserver.makeRoom(room, isPublic: false)
            world.homeserverLatency = { _ in 20 * second }
            let device = world.addDevice("pump")
            // Before the homeserver has answered, a message may still be taken.
            device.send(.text("early"))
            world.run(for: 2 * minute)
            world.homeserverLatency = { _ in second / 5 }
            device.send(.text("refused"))
            world.run(for: minute)
            #expect(device.outcomes == [0: .answered(.changed), 1: .answered(.forbidden)])
            #expect(isTold(world, .error, room, "invite \(user)"))
            #expect(world.gateway.store.devices[device.number]?.refused == 1)
            #expect(texts(world).isEmpty)

            world.homeserver.setMembership(room, user, "invite")
            world.run(for: minute)
            device.send(.text("late"))
            world.run(for: minute)
            #expect(texts(world) == ["early", "late"])
        }
    }

    @Test("a room named by an alias is joined, and its messages arrive")
    func alias() {
        World.with(seed: 201) { world in
            world.homeserver.makeRoom(room, alias: "#pumps:example.org")
            let device = world.addDevice("pump", room: "#pumps:example.org", watches: true)
            device.send(.text("hello"))
            world.run(for: minute)
            world.homeserver.say(room, admin, "hello pump")
            world.run(for: minute)
            #expect(texts(world) == ["hello"])
            #expect(device.heard == ["hello pump"])
        }
    }

    @Test("a device added again under its name is let in by an invitation as the first one was")
    func invitationOfASecondDevice() {
        World.with(seed: 202) { world in
            world.homeserver.makeRoom(room, isPublic: false)
            let device = world.addDevice("pump", isOn: false)
            world.run(for: minute)
            world.gateway.perform { _ = try? $0.revokeDevice("pump") }
            world.enrol(device)
            world.run(for: minute)
            device.start()
            world.homeserver.setMembership(room, user, "invite")
            world.run(for: minute)
            device.send(.text("hello"))
            world.run(for: minute)
            #expect(texts(world) == ["hello"])
        }
    }

    /// A device with two messages that were accepted and wait, since the homeserver takes none.
    func withWaitingMessages(seed: UInt64, _ body: (World, DeviceHost) -> Void) {
        World.with(seed: seed) { world in
            world.homeserver.makeRoom(room)
            let device = world.addDevice("pump")
            world.run(for: minute)
            world.fault = { call in call.text == nil ? nil : .unavailable }
            device.send(.text("one"))
            device.send(.text("two"))
            world.run(for: minute)
            #expect(device.accepted == [0, 1])
            body(world, device)
        }
    }

    func encrypt(_ world: World) {
        world.homeserver.setState(room, "m.room.encryption", content: ["algorithm": "m.megolm.v1.aes-sha2"])
    }

    @Test("a room that becomes encrypted: what was accepted is held and counted, what follows is refused")
    func encryption() {
        withWaitingMessages(seed: 203) { world, device in
            encrypt(world)
            world.run(for: 10 * second)
            world.fault = { _ in nil }
            device.send(.text("three"))
            world.run(for: 10 * minute)
            #expect(device.outcomes[2] == .answered(.forbidden))
            #expect(isTold(world, .error, "encrypted", "2 accepted messages are held"))
            #expect(isTold(world, .warning, "refused", "encrypted"))
            #expect(world.gateway.machine?.deviceList.first?.queued == 2)
            #expect(texts(world).isEmpty)
            // Nor after a restart.
            world.gateway.die(for: second)
            world.run(for: 10 * minute)
            #expect(texts(world).isEmpty)
            #expect(world.gateway.store.queued.count == 2)
        }
    }

    @Test(
        "nothing goes in clear into an encrypted room after the device was invited anew",
        arguments: ["invite", "leave"])
    func encryptionAndInvitation(first: String) {
        withWaitingMessages(seed: 204) { world, device in
            if first == "leave" {
                // It becomes encrypted while the device is out.
                world.homeserver.setMembership(room, user, "leave")
                world.run(for: 10 * second)
                encrypt(world)
            } else {
                encrypt(world)
                world.run(for: 10 * second)
                // An invitation to any room makes the gateway try the device's own again.
                world.homeserver.makeRoom("!other:example.org")
                world.homeserver.setMembership("!other:example.org", user, "invite")
            }
            world.fault = { _ in nil }
            world.run(for: 10 * second)
            world.homeserver.setMembership(room, user, "invite")
            world.run(for: 10 * minute)
            #expect(texts(world).isEmpty)
            #expect(world.gateway.store.queued.count == 2)
            #expect(isTold(world, .error, "encrypted", "2 accepted messages are held"))
            device.send(.text("three"))
            world.run(for: minute)
            #expect(device.outcomes[2] == .answered(.forbidden))
        }
    }

    @Test("encryption that is switched on while the room's state is being read is not overlooked")
    func encryptionDuringRead() {
        World.with(seed: 205) { world in
            world.homeserver.makeRoom(room)
            let device = world.addDevice("pump")
            // The state is read at once, and its answer takes long.
            var reads = 0
            world.fault = { call in
                if case .state = call {
                    reads += 1
                    if reads == 1 { world.after(second) { encrypt(world) } }
                }
                return nil
            }
            world.homeserverLatency = { call in
                if case .state = call { 40 * second } else { second / 5 }
            }
            device.send(.text("one"))
            world.run(for: 10 * minute)
            #expect(reads > 0)
            #expect(texts(world).isEmpty)
            #expect(world.gateway.store.queued.count == 1)
        }
    }

    @Test(
        "a device that is removed is refused, what waits is kept, and it goes on when invited",
        arguments: ["leave", "ban"])
    func removed(how: String) {
        withWaitingMessages(seed: 206) { world, device in
            world.homeserver.setMembership(room, user, how)
            world.run(for: 10 * second)
            world.fault = { _ in nil }
            device.send(.text("three"))
            world.run(for: 10 * minute)
            #expect(device.outcomes[2] == .answered(.forbidden))
            #expect(isTold(world, .error, how == "ban" ? "banned" : "removed", admin))
            #expect(texts(world).isEmpty)
            if how == "ban" { world.homeserver.setMembership(room, user, "leave") }
            world.homeserver.setMembership(room, user, "invite")
            world.run(for: 10 * minute)
            device.send(.text("four"))
            world.run(for: minute)
            #expect(texts(world) == ["one", "two", "four"])
            #expect(world.gateway.store.deadLetters.isEmpty)
        }
    }

    @Test("who has less than power level 50 commands nothing, and the operator is told")
    func powerLevels() {
        World.with(seed: 207) { world in
            world.homeserver.makeRoom(
                room,
                powerLevels: ["users": ["@admin:example.org": 100, "@half:example.org": 50, "@low:example.org": 49]])
            let device = world.addDevice("pump", watches: true)
            world.run(for: minute)
            for name in ["low", "half", "nobody", "admin"] {
                world.homeserver.say(room, "@\(name):example.org", "!pump \(name)")
            }
            world.run(for: minute)
            #expect(device.heard == ["half", "admin"])
            #expect(isTold(world, .warning, "@low:example.org"))
            #expect(isTold(world, .warning, "@nobody:example.org"))
            // Who is raised may, who is lowered may not.
            world.homeserver.setState(
                room, "m.room.power_levels", content: ["users": ["@low:example.org": 50], "users_default": 0])
            for name in ["low", "half", "admin"] {
                world.homeserver.say(room, "@\(name):example.org", "!pump \(name)2")
            }
            world.run(for: minute)
            #expect(device.heard == ["half", "admin", "low2"])
            #expect(world.gateway.store.inbox.isEmpty)
        }
    }

    @Test("creators command in rooms of version 12, where no power level names them, and not by that in older ones")
    func creators() {
        for (version, heard) in [("12", ["start", "also"]), ("11", [])] {
            World.with(seed: 208) { world in
                world.homeserver.makeRoom(room, version: version, powerLevels: ["users": [:]])
                world.homeserver.setState(
                    room, "m.room.create",
                    content: ["room_version": .string(version), "additional_creators": ["@second:example.org"]])
                let device = world.addDevice("pump", watches: true)
                world.run(for: minute)
                world.homeserver.say(room, admin, "!pump start")
                world.homeserver.say(room, "@second:example.org", "!pump also")
                world.homeserver.say(room, "@third:example.org", "!pump never")
                world.run(for: minute)
                #expect(device.heard == heard)
            }
        }
    }

    @Test("edits, notices, other events, other devices' commands and the device's own words do not reach it")
    func notForTheDevice() {
        World.with(seed: 209) { world in
            world.homeserver.makeRoom(room)
            let device = world.addDevice("pump", watches: true)
            let other = world.addDevice("valve", watches: true)
            world.run(for: minute)
            world.homeserver.say(
                room, admin, "* !pump stop",
                extra: [("m.relates_to", ["rel_type": "m.replace", "event_id": "$event1"])])
            world.homeserver.say(
                room, admin, "!pump stop",
                extra: [("m.relates_to", ["rel_type": "m.replace", "event_id": "$event1"])])
            world.homeserver.say(room, admin, "!pump stop", msgtype: "m.notice")
            world.homeserver.say(room, admin, "!pump stop", type: "org.example.other")
            world.homeserver.say(room, admin, "!valve open")
            world.homeserver.say(room, admin, "!pumps stop")
            world.homeserver.say(room, admin, "!")
            world.homeserver.say(room, admin, "! pump stop")
            device.send(.text("!pump stop"))
            other.send(.text("!pump stop"))
            world.run(for: minute)
            #expect(device.heard == [])
            #expect(other.heard == ["open"])
            // The name is not a matter of case.
            world.homeserver.say(room, admin, "!PUMP stop")
            world.run(for: minute)
            #expect(device.heard == ["stop"])
        }
    }

    @Test("a command that came before the room's power levels were known waits for them")
    func commandBeforeState() {
        World.with(seed: 210) { world in
            world.homeserver.makeRoom(room)
            let device = world.addDevice("pump", watches: true)
            world.run(for: minute)
            world.gateway.die(for: second)
            world.run(for: 500_000_000)
            world.homeserverLatency = { call in
                if case .state = call { 20 * second } else { second / 5 }
            }
            world.homeserver.say(room, "@low:example.org", "!pump never")
            world.homeserver.say(room, admin, "!pump start")
            world.run(for: 12 * second)
            #expect(device.heard == [])
            world.run(for: minute)
            #expect(device.heard == ["start"])
        }
    }
}
