import CoAP
import CompactMatrix
import GatewayCore
import MatrixJSON
import Testing

@Suite("Homeservers that are slow, away, or refuse")
struct HomeserverTests {
    let room = "!room:example.org"
    let admin = "@admin:example.org"

    func withDevices(seed: UInt64, _ names: String..., body: (World, [DeviceHost]) -> Void) {
        World.with(seed: seed) { world in
            world.homeserver.makeRoom(room)
            let devices = names.map { world.addDevice($0) }
            world.run(for: minute)
            body(world, devices)
        }
    }

    func texts(_ world: World, _ device: DeviceHost) -> [String] {
        world.homeserver.messages(in: room, from: device.userID).compactMap { $0.content["body"]?.stringValue }
    }

    @Test("a rate limit is waited out to the millisecond, by the device that it concerns")
    func rateLimit() {
        withDevices(seed: 300, "pump", "valve") { world, devices in
            var limited: Int64?
            var tries: [Int64] = []
            world.fault = { call in
                guard call.text == "limited" else { return nil }
                tries.append(world.now)
                guard limited == nil else { return nil }
                limited = world.now
                return .rateLimited(30_000)
            }
            devices[0].send(.text("limited"))
            devices[0].send(.text("next"))
            for index in 0..<5 { devices[1].send(.text("\(index)")) }
            world.run(for: 25 * second)
            #expect(texts(world, devices[1]).count == 5)
            #expect(texts(world, devices[0]) == [])
            world.run(for: minute)
            #expect(texts(world, devices[0]) == ["limited", "next"])
            #expect(tries.count == 2)
            if tries.count == 2 { #expect((30 * second..<31 * second).contains(tries[1] - tries[0])) }
            #expect(!world.gateway.notices.contains { $0.text.contains("cannot be used") })
        }
    }

    @Test("an outage of a day loses nothing and changes no order; one notice when it begins, one when it ends")
    func outage() {
        withDevices(seed: 301, "pump", "valve") { world, devices in
            world.homeserverIsDown = true
            for index in 0..<20 {
                for device in devices { device.send(.text("\(device.name) \(index)")) }
                world.run(for: hour)
            }
            #expect(devices.allSatisfy { $0.accepted.count == 20 })
            #expect(world.gateway.machine?.homeserverProblem != nil)
            world.gateway.die(for: second)
            world.run(for: 4 * hour)
            world.homeserverIsDown = false
            world.run(for: 3 * minute)
            for device in devices {
                #expect(texts(world, device) == (0..<20).map { "\(device.name) \($0)" })
                #expect(world.gateway.store.devices[device.number]?.delivered == 20)
            }
            #expect(world.gateway.machine?.homeserverProblem == nil)
            // One machine before the restart, one after.
            #expect(world.gateway.notices.filter { $0.text.contains("cannot be used") }.count == 2)
            #expect(world.gateway.notices.filter { $0.text.contains("answers again") }.count == 1)
        }
    }

    @Test("a message whose answer was lost is confirmed by its echo and not sent again")
    func echo() {
        withDevices(seed: 302, "pump") { world, devices in
            world.fault = { call in call.text == "one" ? .unanswered : nil }
            devices[0].send(.text("one"))
            devices[0].send(.text("two"))
            world.run(for: minute)
            #expect(texts(world, devices[0]) == ["one", "two"])
            #expect(world.homeserver.calls.filter { $0.text == "one" }.count == 1)
            #expect(world.gateway.store.uplinks.isEmpty)
        }
    }

    @Test("without an echo it is sent again under the same id, and stands in the room once")
    func withoutEcho() {
        withDevices(seed: 303, "pump") { world, devices in
            var count = 0
            world.fault = { call in
                guard call.text == "one" else { return nil }
                count += 1
                return count < 4 ? .unanswered : nil
            }
            world.pushesNothing = true
            devices[0].send(.text("one"))
            devices[0].send(.text("two"))
            world.run(for: 5 * minute)
            #expect(count == 4)
            #expect(texts(world, devices[0]) == ["one", "two"])
            #expect(world.gateway.store.uplinks.isEmpty)
        }
    }

    @Test("a message that the homeserver will never take goes to the refused ones, and the next one goes on")
    func refusal() {
        withDevices(seed: 304, "pump") { world, devices in
            world.fault = { call in call.text == "bad" ? .refused("M_TOO_LARGE") : nil }
            for text in ["good", "bad", "better"] { devices[0].send(.text(text)) }
            world.run(for: minute)
            #expect(devices[0].accepted == [0, 1, 2])
            #expect(texts(world, devices[0]) == ["good", "better"])
            #expect(world.gateway.store.queued.isEmpty)
            #expect(world.gateway.store.deadLetters.map(\.refusal) == ["M_TOO_LARGE: no"])
            #expect(world.gateway.store.devices[devices[0].number]?.refused == 1)
            #expect(world.gateway.notices.contains { $0.level == .error && $0.text.contains("M_TOO_LARGE") })
            // It stays there over a restart, and is not tried again.
            world.gateway.die(for: second)
            world.run(for: minute)
            devices[0].send(.text("best"))
            world.run(for: minute)
            #expect(texts(world, devices[0]) == ["good", "better", "best"])
            #expect(world.gateway.store.deadLetters.count == 1)
        }
    }

    @Test("a token that the homeserver does not know (yet) is waited for like an outage")
    func token() {
        World.with(seed: 305) { world in
            world.homeserver.makeRoom(room)
            world.fault = { _ in .unavailable }
            let device = world.addDevice("pump")
            device.send(.text("one"))
            world.run(for: hour)
            #expect(device.accepted == [0])
            #expect(world.gateway.store.deadLetters.isEmpty)
            world.fault = { _ in nil }
            world.run(for: 2 * minute)
            #expect(texts(world, device) == ["one"])
        }
    }

    @Test("a failure long after others is tried again as soon as the first was")
    func failuresAreForgotten() {
        withDevices(seed: 314, "pump") { world, devices in
            var failed: Set<String> = []
            world.fault = { call in
                guard let text = call.text, failed.insert(text).inserted else { return nil }
                return .unavailable
            }
            for index in 0..<10 {
                devices[0].send(.text("\(index)"))
                world.run(for: 20 * second)
                #expect(texts(world, devices[0]) == (0...index).map { "\($0)" })
            }
        }
    }

    @Test("a pause that no clock can count is taken for an hour, one that is over before it began for none")
    func absurdPauses() {
        withDevices(seed: 315, "pump") { world, devices in
            var answers: [Int64] = [.max, .min, -1]
            world.fault = { call in call.text == nil || answers.isEmpty ? nil : .rateLimited(answers.removeFirst()) }
            devices[0].send(.text("one"))
            world.run(for: 50 * minute)
            #expect(texts(world, devices[0]) == [])
            world.run(for: 15 * minute)
            #expect(texts(world, devices[0]) == ["one"])
        }
    }

    @Test("a device whose calls take long holds up nobody else")
    func slowDevice() {
        withDevices(seed: 306, "pump", "valve") { world, devices in
            let pump = devices[0].userID
            world.homeserverLatency = { call in
                if case .send(let send) = call, send.userID == pump { 30 * second } else { second / 5 }
            }
            for index in 0..<5 {
                for device in devices { device.send(.text("\(index)")) }
            }
            world.run(for: 20 * second)
            #expect(texts(world, devices[1]).count == 5)
            world.run(for: 10 * minute)
            #expect(texts(world, devices[0]) == (0..<5).map { "\($0)" })
        }
    }

    @Test("a device whose message breaks the homeserver each time holds up nobody else, and does not hammer")
    func poison() {
        withDevices(seed: 307, "pump", "valve") { world, devices in
            var tries = 0
            world.fault = { call in
                guard call.text == "poison" else { return nil }
                tries += 1
                return .unavailable
            }
            devices[0].send(.text("poison"))
            for index in 0..<60 {
                devices[1].send(.text("\(index)"))
                world.run(for: 10 * second)
            }
            // Ten minutes: backoff up to a minute.
            #expect(tries < 25, "\(tries) tries")
            #expect(texts(world, devices[1]).count >= 59)
            world.fault = { _ in nil }
            world.run(for: 2 * minute)
            #expect(texts(world, devices[0]) == ["poison"])
        }
    }

    @Test("a transaction that is pushed twice is taken once, also over a restart")
    func transactions() {
        World.with(seed: 308) { world in
            world.homeserver.makeRoom(room)
            let device = world.addDevice("pump", watches: true)
            world.run(for: minute)
            let event = RoomEvent(
                eventID: "$own", roomID: room, sender: admin, type: "m.room.message", stateKey: nil,
                unixMilliseconds: world.unixMilliseconds, content: ["msgtype": "m.text", "body": "once"])
            let transaction = ModelHomeserver.Transaction(id: "again", events: [event])
            #expect(world.gateway.receive(transaction))
            #expect(world.gateway.receive(transaction))
            world.run(for: minute)
            world.gateway.die(for: second)
            world.run(for: minute)
            #expect(world.gateway.receive(transaction))
            world.run(for: minute)
            #expect(device.heard == ["once"])
        }
    }

    @Test(
        "an event is known by its own id: one that comes again in another transaction, and transactions of one number")
    func transactionNumbers() {
        World.with(seed: 312) { world in
            world.homeserver.makeRoom(room)
            let device = world.addDevice("pump", watches: true)
            world.run(for: minute)
            func event(_ text: String) -> RoomEvent {
                RoomEvent(
                    eventID: "$\(text)", roomID: room, sender: admin, type: "m.room.message", stateKey: nil,
                    unixMilliseconds: world.unixMilliseconds, content: ["msgtype": "m.text", "body": .string(text)])
            }
            // A homeserver that starts counts its transactions from 1 again.
            #expect(world.gateway.receive(.init(id: "1", events: [event("one")])))
            #expect(world.gateway.receive(.init(id: "1", events: [event("two")])))
            world.run(for: minute)
            // One that died before it had noted how far it had come pushes the end of what it pushed, and goes on.
            #expect(world.gateway.receive(.init(id: "2", events: [event("two"), event("three")])))
            world.run(for: minute)
            world.gateway.die(for: second)
            world.run(for: minute)
            #expect(world.gateway.receive(.init(id: "1", events: [event("three"), event("four")])))
            world.run(for: minute)
            #expect(device.heard == ["one", "two", "three", "four"])
        }
    }

    @Test("of the events that were taken only the newest are kept, in memory and on disk")
    func eventsKept() {
        World.with(seed: 313) { world in
            world.homeserver.makeRoom(room)
            _ = world.addDevice("pump")
            world.run(for: minute)
            let events = (0..<1000).map { index in
                RoomEvent(
                    eventID: "$\(index)", roomID: room, sender: admin, type: "org.example.other", stateKey: nil,
                    unixMilliseconds: world.unixMilliseconds, content: [:])
            }
            #expect(world.gateway.receive(.init(id: "1", events: events)))
            #expect(world.gateway.store.taken.count == 256)
            #expect(world.gateway.store.taken.last?.eventID == "$999")
        }
    }

    @Test("a device whose queue is full is told to wait, and loses nothing")
    func fullQueue() {
        World.with(seed: 309, uplinkLimit: 2) { world in
            world.homeserver.makeRoom(room)
            let device = world.addDevice("pump")
            world.run(for: minute)
            world.homeserverIsDown = true
            for index in 0..<4 { device.send(.text("\(index)")) }
            world.run(for: minute)
            #expect(device.accepted == [0, 1])
            #expect(!device.hasSentAll)
            world.homeserverIsDown = false
            world.run(for: 5 * minute)
            #expect(texts(world, device) == ["0", "1", "2", "3"])
        }
    }
}
