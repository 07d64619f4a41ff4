internal import Foundation
internal import LinkModel
internal import Simulation
internal import SimulationReports

/// The folder with a run's results: the log is written as it comes, the rest at the end.
final class ResultFiles {
    var names: [String] = [] {
        didSet { namesInJSON = names.map { Array($0.utf8) } }
    }

    private let folder: String
    private let scenario: Scenario
    private let log: FileHandle
    private var lines: [UInt8] = []
    private var namesInJSON: [[UInt8]] = []
    private var timeline: Timeline
    private var packets: (file: FileHandle, capture: PacketCapture)?
    private var failure: (any Error)?

    init(_ folder: String, _ scenario: Scenario, capturesDatagrams: Bool) throws {
        self.folder = folder
        self.scenario = scenario
        timeline = Timeline(scenario)
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw Failure(.storage, "\(folder): \(error.localizedDescription)")
        }
        log = try Self.create("\(folder)/events.jsonl")
        if capturesDatagrams {
            let interfaces = scenario.links.flatMap { ["\($0.name) up", "\($0.name) down"] }
            packets = (try Self.create("\(folder)/datagrams.pcapng"), PacketCapture(interfaces: interfaces))
        }
    }

    private static func create(_ path: String) throws -> FileHandle {
        guard FileManager.default.createFile(atPath: path, contents: nil), let file = FileHandle(forWritingAtPath: path)
        else { throw Failure(.storage, "\(path): cannot be written") }
        return file
    }

    func add(_ record: Record) {
        let name = namesInJSON.indices.contains(record.device) ? namesInJSON[record.device] : []
        record.write(to: &lines, deviceName: name)
        timeline.add(record)
        if lines.count > 1 << 18 { drain() }
    }

    func add(_ capture: Simulation.Capture) {
        packets?.capture.add(
            capture.bytes, nanoseconds: 1_800_000_000_000_000_000 + UInt64(capture.time),
            interface: capture.link * 2 + Int(capture.heading.rawValue), isUp: capture.heading == .up,
            host: capture.device + 1, comment: "frame \(capture.frame): \(capture.fate)")
    }

    private func drain() {
        do {
            try log.write(contentsOf: Data(lines))
            if let bytes = packets?.capture.take() { try packets?.file.write(contentsOf: Data(bytes)) }
        } catch {
            failure = error
        }
        lines.removeAll(keepingCapacity: true)
    }

    /// What was added is in the files now.
    func flush() throws {
        drain()
        if let failure { throw Failure(.storage, "\(folder): \(failure.localizedDescription)") }
    }

    func finish(_ simulation: Simulation, _ sweep: Sweep) throws {
        try flush()
        let summary = simulation.summary
        let line = CSVReport.line(scenario, summary, simulated: simulation.now)
        try write("summary.csv", "\(CSVReport.header)\n\(line)\n")
        try write("latencies.csv", CSVReport.latencies(summary))
        try write("report.html", HTMLReport.render(simulation, timeline, sweep))
    }

    private func write(_ name: String, _ text: String) throws {
        do {
            try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
        } catch {
            throw Failure(.storage, "\(folder)/\(name): \(error.localizedDescription)")
        }
    }
}
