internal import Foundation
internal import LinkModel
internal import Profiles
internal import ScenarioReading
internal import Simulation
internal import SimulationReports
internal import Synchronization

/// A scenario as the command runs it: with progress, results in a folder, and an end by Ctrl-C.
final class SimulationRun {
    private let scenario: Scenario
    private let folder: String?
    private let results: ResultFiles?
    private let simulation: Simulation
    private(set) var wasInterrupted = false
    private let showsProgress: Bool

    static func load(_ path: String, seed: UInt64?) throws -> Scenario {
        do {
            var scenario = try Scenario.load(path, profiles: .here)
            if let seed { scenario.seed = seed }
            return scenario
        } catch {
            throw Failure(error, .badInput)
        }
    }

    init(
        _ scenario: Scenario, folder: String?, capturesDatagrams: Bool = false, showsProgress: Bool = true
    ) throws {
        self.scenario = scenario
        self.folder = folder
        self.showsProgress = showsProgress
        let results = try folder.map { try ResultFiles($0, scenario, capturesDatagrams: capturesDatagrams) }
        self.results = results
        do {
            simulation = try Simulation(
                scenario, record: results.map { results in { results.add($0) } },
                capture: capturesDatagrams ? results.map { results in { results.add($0) } } : nil)
        } catch {
            throw Failure(
                FieldError(
                    file: scenario.file ?? scenario.name, line: error.line, field: "devices",
                    problem: error.description), .badInput)
        }
        results?.names = (0..<simulation.deviceCount).map { simulation.deviceName($0) }
    }

    var summary: Summary { simulation.summary }
    var simulated: Int64 { simulation.now }

    func perform(sweeps: Bool) throws {
        let stop = StopFlag()
        let sources = Interruption.observe { stop.set() }
        defer { for source in sources { source.cancel() } }
        let began = Clock.monotonic
        var shownAt = began
        let slices: Int64 = 500
        for slice in 1...slices {
            let isWhole = simulation.run(until: scenario.duration / slices * slice + scenario.duration % slices) {
                stop.isSet
            }
            try results?.flush()
            if !isWhole || stop.isSet {
                wasInterrupted = true
                say(
                    "interrupted after \(simulation.now / 1_000_000_000) simulated seconds; the results so far are kept"
                )
                break
            }
            let now = Clock.monotonic
            if showsProgress, now - shownAt > 2_000_000_000 {
                shownAt = now
                let share = Double(slice) / Double(slices)
                let rest = Double(now - began) / 1e9 * (1 - share) / share
                say(
                    "\(Int(share * 100)) %, \(simulation.events) events, about \(Int(rest.rounded(.up))) s to go")
            }
        }
        simulation.finish()
        guard summary.tallies.allSatisfy({ $0.isBalanced }) else {
            throw Failure(
                .storage, "the datagrams that were offered and their fates do not add up: this is a fault of sotto")
        }
        guard let results else { return }
        var sweep = Sweep()
        if sweeps, !wasInterrupted {
            // No longer than the run itself took, for each point.
            let took = max(1, (Clock.monotonic - began) / 1_000_000_000)
            let duration = took < 5 ? scenario.duration : max(scenario.duration / took, 3_600_000_000_000)
            sweep = Sweep(scenario, duration: duration) { stop.isSet }
        }
        try results.finish(simulation, sweep)
    }

    var textSummary: String {
        let sorted = summary.inRoom.sorted()
        func seconds(_ share: Double) -> String {
            guard !sorted.isEmpty else { return "-" }
            return String(
                format: "%.1f s", Double(sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]) / 1e9)
        }
        var lines = [
            "\(scenario.name), seed \(scenario.seed): \(summary.offered) messages, \(summary.journalled.count) in the gateway's "
                + "journal, \(summary.inRoom.count) in the room, \(summary.unanswered) unanswered"
        ]
        if !sorted.isEmpty {
            lines.append("latency to the room: p50 \(seconds(0.5)), p95 \(seconds(0.95)), p99 \(seconds(0.99))")
        }
        if summary.said > 0 { lines.append("\(summary.heard.count) of \(summary.said) words to devices were heard") }
        for (named, tally) in zip(scenario.links, summary.tallies) {
            var fates = ["\(tally.delivered) delivered"]
            for reason in LinkEvent.Loss.allCases where tally.lost[Int(reason.rawValue)] > 0 {
                fates.append("\(tally.lost[Int(reason.rawValue)]) lost (\(reason.name))")
            }
            for reason in LinkEvent.Drop.allCases where tally.dropped[Int(reason.rawValue)] > 0 {
                fates.append("\(tally.dropped[Int(reason.rawValue)]) dropped (\(reason.name))")
            }
            lines.append(
                "\(named.name): \(tally.offered) datagrams = \(fates.joined(separator: " + ")) + \(tally.underWay) under way"
            )
        }
        if let folder { lines.append("report: \(folder)/report.html") }
        return lines.joined(separator: "\n")
    }

    var jsonSummary: String {
        struct Line: Encodable {
            var scenario: String
            var seed: UInt64
            var simulatedSeconds: Double
            var messages: Int
            var journalled: Int
            var accepted: Int
            var unanswered: Int
            var inRoom: Int
            var said: Int
            var heard: Int
            var datagramsUp: Int
            var datagramsDown: Int
            var bytesUp: Int
            var bytesDown: Int
            var events: Int
            var interrupted: Bool
        }
        let line = Line(
            scenario: scenario.name, seed: scenario.seed, simulatedSeconds: Double(simulated) / 1e9,
            messages: summary.offered, journalled: summary.journalled.count, accepted: summary.accepted,
            unanswered: summary.unanswered, inRoom: summary.inRoom.count, said: summary.said,
            heard: summary.heard.count, datagramsUp: summary.datagrams[0], datagramsDown: summary.datagrams[1],
            bytesUp: summary.bytes[0], bytesDown: summary.bytes[1], events: simulation.events,
            interrupted: wasInterrupted)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return (try? encoder.encode(line)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}

/// Set from a signal's thread.
private final class StopFlag: Sendable {
    private let flag = Atomic(false)

    var isSet: Bool { flag.load(ordering: .relaxed) }
    func set() { flag.store(true, ordering: .relaxed) }
}
