import CoAP
import CompactMatrix
import Foundation
import GatewayCore
import Links
import MatrixJSON
import Testing

/// Bad days by the thousand: what a seed says of link, weather and deaths.
enum Schedule {
    static let room = "!room:example.org"
    static let isLong = ProcessInfo.processInfo.environment["SOTTO_LONG"] == "1"

    struct Report {
        var problems: [String] = []
        var sent = 0
        var accepted = 0
        var deaths = 0
        var datagrams = 0
        /// Messages of several datagrams that arrived.
        var long = 0
    }

    /// A world that has had its bad time, and then a perfect one until all is done.
    static func play(_ seed: UInt64) -> Report {
        var stream = SeededStream(seed: seed, purpose: 7)
        func upTo(_ most: UInt64) -> UInt64 { stream.next(below: most + 1) }
        let rates: [UInt64] = [100, 300, 1200, 5000, 20_000]
        var link = Link.slow(
            bitsPerSecond: rates[Int(upTo(4))], latency: Int64(upTo(3)) * second, jitter: Int64(upTo(1)) * second)
        var weather = Weather()
        weather.loss = upTo(300)
        weather.duplication = upTo(200)
        weather.reordering = upTo(200)
        weather.longestDelay = Int64(upTo(4)) * 20 * second
        weather.damage = upTo(80)
        weather.gatewayKills = upTo(1) == 0 ? 0 : upTo(60)
        weather.deviceKills = upTo(1) == 0 ? 0 : upTo(60)
        weather.callFaults = upTo(1) == 0 ? 0 : upTo(500)
        let downs = 4
        let ups = 10
        let outage = (Int64(upTo(600)) * second, Int64(upTo(300)) * second)
        let gaps = (0..<ups).map { _ in Int64(upTo(120)) * second }
        let downTimes = (0..<downs).map { _ in Int64(upTo(900)) * second }.sorted()

        let moves = (0..<upTo(3)).map { _ in Int64(upTo(1200)) * second }
        let lossOfState = upTo(7) == 0 ? Int64(upTo(1200)) * second : nil
        let hasCompany = upTo(3) == 0
        // Messages of several datagrams, both ways, over links that carry short ones.
        let mtu = [128, 222, 1280][Int(upTo(2))]
        link.up.mtu = mtu
        link.down.mtu = mtu
        link.isRateKnown = upTo(3) > 0
        let isWordy = upTo(1) == 0
        let lengths = (0..<(ups + downs)).map { _ in
            isWordy && upTo(3) == 0 ? Int(upTo(mtu > 1000 ? 2500 : 500)) : 0
        }
        func words(_ text: String, _ index: Int) -> String {
            lengths[index] == 0 ? text : text + " " + String(repeating: "la", count: lengths[index] / 2)
        }
        var report = Report()

        report.problems = World.collect(seed: seed, link: link) { world in
            world.homeserver.makeRoom(room)
            let device = world.addDevice("pump", watches: true)
            let company = hasCompany ? world.addDevice("valve", watches: true) : nil
            world.run(for: 30 * second)
            world.weather = weather
            var time: Int64 = 0
            for (index, gap) in gaps.enumerated() {
                time += gap
                world.after(time) {
                    device.send(.text(words("up \(index)", index)))
                    company?.send(.text("valve \(index)"))
                }
            }
            for (index, time) in downTimes.enumerated() {
                let text = index % 2 == 0 ? words("down \(index)", ups + index) : "!pump down\(index)"
                world.after(time) { world.homeserver.say(room, "@admin:example.org", text) }
            }
            for time in moves { world.after(time) { device.move() } }
            if let lossOfState { world.after(lossOfState) { device.loseState() } }
            world.after(outage.0) { world.homeserverIsDown = true }
            world.after(outage.0 + outage.1) { world.homeserverIsDown = false }
            world.run(for: 20 * minute)
            world.weather = .perfect
            let isDone = world.run(for: 12 * hour) {
                world.devices.allSatisfy { $0.messages.count == ups && $0.hasSentAll } && world.isQuiet
            }
            if !isDone { world.complain("not everything was done: \(world.unfinished)") }
            world.run(for: 2 * hour)
            let heard = (0..<downs).map { $0 % 2 == 0 ? words("down \($0)", ups + $0) : "down\($0)" }
            report.sent = world.devices.reduce(0) { $0 + $1.messages.count }
            report.accepted = world.devices.reduce(0) { $0 + $1.accepted.count }
            report.deaths = world.devices.reduce(world.gateway.deaths) { $0 + $1.deaths }
            report.datagrams = world.capture.count
            report.long = world.devices.reduce(0) { sum, device in
                sum + device.accepted.filter { (device.messages[$0].text?.utf8.count ?? 0) > mtu }.count
                    + device.heard.filter { $0.utf8.count > mtu }.count
            }
            // Commands to the one are not the other's.
            let heardByCompany = company.map {
                judge(heard: $0.heard, sent: heard.filter { $0.contains(" ") }, forgets: $0.deaths > 0)
            }
            return world.devices.flatMap { world.judge($0, in: room) } + (heardByCompany ?? [])
                + judge(heard: device.heard, sent: heard, forgets: device.deaths > 0 || lossOfState != nil)
        }
        return report
    }

    private static func judge(heard: [String], sent: [String], forgets: Bool) -> [String] {
        guard forgets else { return heard == sent ? [] : ["heard \(heard)"] }
        // A device that died between hearing and writing hears the newest once more, and nothing else.
        var distinct: [String] = []
        for text in heard where text != distinct.last { distinct.append(text) }
        return distinct == sent ? [] : ["heard, with deaths, \(heard)"]
    }
}

extension World {
    /// Nothing waits for anybody.
    var isQuiet: Bool {
        gateway.store.queued.isEmpty && gateway.store.inbox.isEmpty && homeserver.hasNothingToPush
            && gateway.machine != nil && devices.allSatisfy { $0.machine != nil }
    }

    var unfinished: String {
        "queued \(gateway.store.queued.count), inbox \(gateway.store.inbox.count), to push \(!homeserver.hasNothingToPush)"
            + ", sent " + devices.map { "\($0.outcomes.count) of \($0.messages.count)" }.joined(separator: ", ")
    }

    /// Everything that was answered 2.04 is in the room exactly once or among the dead letters, in the order sent; what
    /// was not answered is there at most once, and nothing else at all.
    func judge(_ device: DeviceHost, in room: String) -> [String] {
        var problems: [String] = []
        let texts = homeserver.messages(in: room, from: device.userID).compactMap { $0.content["body"]?.stringValue }
        let dead = gateway.store.deadLetters.count
        for (index, outcome) in device.outcomes.sorted(by: { $0.key < $1.key }) {
            guard case .text(let text) = device.messages[index] else { continue }
            let count = texts.filter { $0 == text }.count
            switch outcome {
            case .answered(.changed) where count == 1 || count == 0 && dead > 0: break
            case .unknown where count <= 1: break
            case .answered(let code) where code != .changed && count == 0: break
            default: problems.append("\"\(text)\", \(outcome), is in the room \(count) times")
            }
        }
        let order = texts.compactMap { text in device.messages.firstIndex { $0.text == text } }
        // A message that was given up may still be on its way, and come after one that was answered.
        let answered = order.filter { device.outcomes[$0] != .unknown }
        if answered != answered.sorted() { problems.append("out of order: \(texts)") }
        if order.count != texts.count { problems.append("somebody else's messages: \(texts)") }
        return problems
    }
}

extension Uplink {
    var text: String? {
        if case .text(let text) = self { text } else { nil }
    }
}

@Suite("Exactly once, whatever happens")
struct ScheduleTests {
    static let batches: UInt64 = 10
    static let seedsPerBatch: UInt64 = Schedule.isLong ? 5000 : 250

    @Test(
        "what was answered is in the room once, what arrived was heard in order, no number serves twice",
        arguments: 0..<batches)
    func schedules(batch: UInt64) {
        var failed = 0
        var sum = Schedule.Report()
        for seed in (batch * Self.seedsPerBatch)..<((batch + 1) * Self.seedsPerBatch) {
            let report = Schedule.play(seed)
            sum.sent += report.sent
            sum.accepted += report.accepted
            sum.deaths += report.deaths
            sum.long += report.long
            guard !report.problems.isEmpty else { continue }
            failed += 1
            Issue.record("seed \(seed): \(report.problems.joined(separator: "; "))")
            if failed == 3 { return }
        }
        // Not so bad that nothing is put to the test, nor so good.
        #expect(sum.accepted * 10 > sum.sent * 8, "\(sum)")
        #expect(sum.accepted < sum.sent, "\(sum)")
        #expect(sum.long > Int(Self.seedsPerBatch) / 2, "\(sum)")
        #expect(sum.deaths > Int(Self.seedsPerBatch), "\(sum)")
    }

    /// One seed that failed, by itself: `SOTTO_SEED=17`.
    @Test(.enabled(if: ProcessInfo.processInfo.environment["SOTTO_SEED"] != nil))
    func one() {
        let seed = ProcessInfo.processInfo.environment["SOTTO_SEED"].flatMap { UInt64($0) } ?? 0
        let report = Schedule.play(seed)
        #expect(report.problems.isEmpty, "\(report)")
    }
}
