import DeviceClient
import GatewayCore
import Links
import NoiseSodium
import SecureDatagram
import Testing

@Suite("A device enrols itself")
struct EnrolmentTests {
    let code: [UInt8] = [1, 2, 3, 4, 5, 6, 7]
    let secret = [UInt8](repeating: 0x5A, count: 16)

    enum Way: CaseIterable, CustomTestStringConvertible {
        case code, label
        var testDescription: String { self == .code ? "by a one-time code" : "by the secret of its label" }
        /// Datagrams up and down where nothing is lost.
        var datagrams: (up: Int, down: Int) { self == .code ? (1, 1) : (2, 2) }
    }

    /// A gateway that waits for a device, and the device.
    func prepare(_ way: Way) throws -> (EnrolmentAir, Enrolment<WireSuite>) {
        let air = EnrolmentAir()
        switch way {
        case .code:
            try air.perform { try $0.addEnrolment(name: "pump", room: EnrolmentAir.room, code: code, now: air.moment) }
        case .label:
            _ = try air.perform {
                try $0.addLabelled(name: "pump", secret: secret, room: EnrolmentAir.room, now: air.moment)
            }
        }
        return (air, try machine(way, air))
    }

    func machine(_ way: Way, _ air: EnrolmentAir, ephemeral: UInt8 = 7) throws -> Enrolment<WireSuite> {
        let ephemeral = [UInt8](repeating: ephemeral, count: 32)
        switch way {
        case .code:
            return try Enrolment(
                privateKey: air.deviceKey, gatewayKey: air.gatewayKey, code: code, ephemeral: ephemeral, link: air.link,
                now: air.now)
        case .label:
            let number = try #require(DeviceNumber(air.gateway.deviceList.first?.record.number ?? 1))
            return try Enrolment(
                privateKey: air.deviceKey, number: number, secret: secret, ephemeral: ephemeral, link: air.link,
                now: air.now)
        }
    }

    func expectEnrolledOnce(_ air: EnrolmentAir, _ outcome: Enrolment<WireSuite>.Outcome) throws {
        #expect(air.store.devices.count == 1)
        #expect(air.store.enrolments.isEmpty)
        let record = try #require(air.store.devices.values.first)
        #expect(record.publicKey == WireSuite.publicKey(of: air.deviceKey))
        #expect(record.labelKey.isEmpty)
        #expect(try air.canSpeak(outcome))
    }

    @Test("and speaks, in as few datagrams as the pattern has", arguments: Way.allCases)
    func clean(way: Way) throws {
        var (air, machine) = try prepare(way)
        let outcome = air.run(&machine)
        #expect(air.sent.up.count == way.datagrams.up)
        #expect(air.sent.down.count == way.datagrams.down)
        guard case .enrolled(_, let gatewayKey, _) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(gatewayKey == air.gatewayKey)
        try expectEnrolledOnce(air, outcome)
        let bytes = (air.sent.up + air.sent.down).prefix(way.datagrams.up + way.datagrams.down)
        if way == .code { #expect(air.sent.up[0].count + air.sent.down[0].count <= 165) }
        if way == .label { #expect(air.sent.up[0].count == 52 && air.sent.up[1].count == 66) }
        #expect(bytes.allSatisfy { $0.count <= 128 })
    }

    @Test(
        "whichever message is lost, doubled or overtaken, also where the gateway is killed before it takes the next",
        arguments: Way.allCases)
    func everyMessageInTurn(way: Way) throws {
        let fates: [[Int64]] = [[], [second / 2, second / 2], [second / 2, 40 * second], [90 * second]]
        for isUp in [true, false] {
            for index in 0..<2 {
                for fate in fates {
                    for restarts in [[], [0], [1], [2], [1, 2]] as [Set<Int>] {
                        var (air, machine) = try prepare(way)
                        let outcome = air.run(
                            &machine,
                            fate: { $0 == index && $1 == isUp ? fate : [second / 2] }, restarts: restarts)
                        try expectEnrolledOnce(air, outcome)
                        #expect(air.sent.up.count <= 12 && air.sent.down.count <= 12)
                    }
                }
            }
        }
    }

    @Test("wherever either of the two is killed, or both are", arguments: Way.allCases)
    func killed(way: Way) throws {
        typealias Death = EnrolmentAir.Death
        let steps = way == .code ? 3 : 5
        let all = (0..<steps).flatMap { step in Death.allCases.map { (step: step, $0) } }
        var plans = all.map { [$0] }
        for first in all { for second in all where second.step >= first.step { plans.append([first, second]) } }
        for plan in plans {
            var (air, machine) = try prepare(way)
            let outcome = try air.run(&machine, deaths: plan) { try self.machine(way, air) }
            guard case .enrolled = outcome else {
                Issue.record("\(plan): \(outcome)")
                continue
            }
            try expectEnrolledOnce(air, outcome)
            #expect(air.sent.up.count <= 12, "\(plan)")
        }
    }

    @Test(
        "through half of all datagrams being lost, or gives up after a bounded number of them", arguments: Way.allCases)
    func halfIsLost(way: Way) throws {
        var enrolled = 0
        for seed in 0..<200 as Range<UInt64> {
            var (air, machine) = try prepare(way)
            var stream = SeededStream(seed: seed, purpose: 71)
            let outcome = air.run(
                &machine, fate: { _, _ in stream.next() & 1 == 0 ? [] : [second / 2] })
            // Five times each message, and once more from the beginning where there are three; an answer to each.
            #expect(air.sent.up.count <= (way == .code ? 5 : 20))
            #expect(air.sent.down.count <= air.sent.up.count)
            #expect(outcome != .waiting)
            if outcome == .unanswered {
                // The same keys again, as after a restart of the device: later, but for a code, which expires.
                if way == .label { air.now += 3600 * second }
                machine = try self.machine(way, air)
                try expectEnrolledOnce(air, air.run(&machine))
            } else {
                enrolled += 1
                try expectEnrolledOnce(air, outcome)
            }
        }
        #expect(enrolled > 100)
    }

    @Test("and by the secret of another label not at all", arguments: [0, 1])
    func wrongLabel(position: Int) throws {
        let (air, _) = try prepare(.label)
        var wrong = secret
        wrong[position * 15] ^= 1
        let number = try #require(DeviceNumber(1))
        var machine = try Enrolment<WireSuite>(
            privateKey: air.deviceKey, number: number, secret: wrong, ephemeral: [UInt8](repeating: 7, count: 32),
            link: air.link, now: 0)
        let before = air.store
        #expect(air.run(&machine) == .unanswered)
        #expect(air.sent.down.isEmpty)
        #expect(air.store == before)
        #expect(air.gateway.counters.droppedForged == 5)
    }

    @Test("a label works once; who shows it afterwards, or repeats what was recorded, changes nothing")
    func labelOnce() throws {
        var (air, machine) = try prepare(.label)
        let outcome = air.run(&machine)
        try expectEnrolledOnce(air, outcome)
        let before = air.store
        let answers = air.sent.down
        let stranger = PeerAddress(ip: [203, 0, 113, 9], port: 9)
        for datagram in air.sent.up.prefix(2) {
            air.now += 100 * second
            air.perform { $0.receive(datagram, from: stranger, now: air.moment) }
        }
        #expect(air.store == before)
        // The same answers as ever, which serve only the device.
        #expect(air.sent.down == answers + answers.prefix(2))
        var thief = try Enrolment<WireSuite>(
            privateKey: air.entropy.bytes(32), number: try #require(DeviceNumber(1)), secret: secret,
            ephemeral: [UInt8](repeating: 8, count: 32), link: air.link, now: air.now)
        #expect(air.run(&thief) == .unanswered)
        #expect(air.store == before)
    }

    @Test("an old first message that somebody repeats does not keep the device from enrolling")
    func oldMessage1() throws {
        let (air, _) = try prepare(.label)
        var first = try machine(.label, air, ephemeral: 1)
        let left = first.nextDatagram()
        let recorded = try #require(left)
        var second = try machine(.label, air, ephemeral: 2)
        let stranger = PeerAddress(ip: [203, 0, 113, 9], port: 9)
        // Between each two datagrams of the device's.
        let outcome = air.run(
            &second,
            fate: { index, isUp in
                if isUp { air.perform { $0.receive(recorded, from: stranger, now: air.moment) } }
                return [1_000_000]
            })
        try expectEnrolledOnce(air, outcome)
    }

    @Test("a label's messages that are damaged or out of turn get no answer and change nothing; the true ones serve")
    func damagedLabelMessages() throws {
        let (recorded, first) = try prepare(.label)
        var machine = first
        _ = recorded.run(&machine)
        let (message1, message3) = (recorded.sent.up[0], recorded.sent.up[1])
        // The same gateway once more, which has seen none of it.
        let (air, _) = try prepare(.label)
        let stranger = PeerAddress(ip: [203, 0, 113, 9], port: 9)
        let before = air.store
        func feed(_ datagram: [UInt8]) {
            air.now += second / 10
            air.perform { $0.receive(datagram, from: stranger, now: air.moment) }
        }
        func damaged(_ datagram: [UInt8]) -> [[UInt8]] {
            (0..<datagram.count).map { Array(datagram.prefix($0)) } + [datagram + [0]]
                + (0..<datagram.count * 8).map { bit in
                    var copy = datagram
                    copy[bit / 8] ^= 1 << UInt8(bit % 8)
                    return copy
                }
        }
        feed(message3)
        for datagram in recorded.sent.down { feed([datagram[0], 1] + datagram.dropFirst()) }
        for datagram in damaged(message1) { feed(datagram) }
        #expect(air.sent.down.isEmpty && air.store == before)
        feed(message1)
        #expect(air.sent.down.count == 1)
        for datagram in damaged(message3) { feed(datagram) }
        #expect(air.sent.down.count == 1 && air.store == before)
        // Of another handshake than the one that is open.
        feed(message3)
        #expect(air.store == before)
        var again = try self.machine(.label, air, ephemeral: 9)
        try expectEnrolledOnce(air, air.run(&again))
    }

    @Test("and gets another key under the same number: the old one serves until the new one is shown")
    func rotation() throws {
        var (air, machine) = try prepare(.label)
        let enrolled = air.run(&machine)
        #expect(try air.canSpeak(enrolled))
        try air.perform { try $0.rotate("pump", code: code, now: air.moment) }
        #expect(air.store.enrolments.count == 1)
        #expect(air.store.devices[1]?.publicKey == WireSuite.publicKey(of: air.deviceKey))
        let newKey = air.entropy.bytes(32)
        var again = try Enrolment<WireSuite>(
            privateKey: newKey, gatewayKey: air.gatewayKey, code: code, ephemeral: [UInt8](repeating: 3, count: 32),
            link: air.link, now: air.now)
        // Its answer is lost, and the gateway killed.
        let outcome = air.run(
            &again, fate: { index, isUp in !isUp && index == air.sent.down.count && index < 4 ? [] : [second / 2] },
            restarts: [1])
        guard case .enrolled(let number, _, _) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(number == 1)
        #expect(air.store.devices.count == 1 && air.store.enrolments.isEmpty)
        #expect(air.store.devices[1]?.publicKey == WireSuite.publicKey(of: newKey))
        #expect(air.store.devices[1]?.room.requested == EnrolmentAir.room)
        // The session under the old key is over.
        #expect(try !air.canSpeak(enrolled))
        #expect(try air.canSpeak(outcome, privateKey: newKey))
    }

    @Test("what is revoked cannot be rotated, and what is unknown neither")
    func rotationOfNobody() throws {
        let (air, _) = try prepare(.label)
        _ = try air.perform { try $0.revoke("pump") }
        #expect(throws: DeviceError.alreadyRevoked("pump")) {
            try air.perform { try $0.rotate("pump", code: code, now: air.moment) }
        }
        #expect(throws: DeviceError.unknown("tank")) {
            try air.perform { try $0.rotate("tank", code: code, now: air.moment) }
        }
    }
}
