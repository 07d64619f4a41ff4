internal import ArgumentParser
internal import Foundation
internal import Profiles
internal import ScenarioReading
internal import Simulation
internal import SimulationReports

struct SimRunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Runs a scenario.",
        discussion: """
            Writes events.jsonl, summary.csv, latencies.csv and report.html into the folder after --out. Ctrl-C ends it \
            early and leaves the results so far.

            Example: sotto sim run Simulator/Scenarios/greenhouse.yaml --out /tmp/greenhouse
            """)

    @Argument(help: ArgumentHelp("The scenario.", valueName: "yaml"))
    var scenario: String

    @Option(help: "Instead of the scenario's own: another seed, other losses, jitter and traffic.")
    var seed: UInt64?

    @Option(help: ArgumentHelp("The folder for the results; made where it is missing.", valueName: "folder"))
    var out: String?

    @Flag(help: "Write every datagram to datagrams.pcapng as well.")
    var pcap = false

    @Flag(help: "Leave out the runs with other losses and loads that the report shows beside this one.")
    var noSweep = false

    @Flag(help: "Print the summary as one line of JSON.")
    var json = false

    func run() throws {
        let scenario = try SimulationRun.load(self.scenario, seed: seed)
        let run = try SimulationRun(scenario, folder: out, capturesDatagrams: pcap)
        try run.perform(sweeps: out != nil && !noSweep)
        try printLine(json ? run.jsonSummary : run.textSummary)
    }
}
