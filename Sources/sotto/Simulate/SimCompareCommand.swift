internal import ArgumentParser
internal import Foundation
internal import LinkModel
internal import Profiles
internal import Simulation
internal import SimulationReports

struct SimCompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Runs one scenario over many links.",
        discussion: """
            Prints one line of CSV for each link. A link that cannot carry the scenario's messages is named with the reason.

            Example: sotto sim compare Simulator/Scenarios/one-sensor.yaml --link reference-100bps --link lorawan-eu868-dr5
            """)

    @Argument(help: ArgumentHelp("The scenario.", valueName: "yaml"))
    var scenario: String

    @Option(help: ArgumentHelp("A link profile; may be repeated. None: all that are installed.", valueName: "name"))
    var link: [String] = []

    @Option(help: "Instead of the scenario's own.")
    var seed: UInt64?

    @Flag(help: "Take links of amateur radio as well: you hold a permission to encrypt there.")
    var encryptionPermitted = false

    func run() throws {
        let scenario = try SimulationRun.load(self.scenario, seed: seed)
        let profiles = InstalledProfiles.here
        try printLine(CSVReport.header)
        for name in link.isEmpty ? profiles.names(.links) : link {
            let profile: LinkProfile
            do {
                profile = try profiles.link(name, encryptionPermitted: encryptionPermitted)
            } catch {
                guard link.isEmpty else { throw Failure(error, .badInput) }
                say("\(name): left out: \(error.problem)")
                continue
            }
            var changed = scenario
            for index in changed.links.indices {
                changed.links[index] = .init(name: name, link: profile.link)
            }
            do {
                let run = try SimulationRun(changed, folder: nil, showsProgress: false)
                try run.perform(sweeps: false)
                try printLine(CSVReport.line(changed, run.summary, simulated: run.simulated))
                if run.wasInterrupted { return }
            } catch let failure as Failure where failure.status == .badInput {
                say("\(name): left out: \(failure.message)")
            }
        }
    }
}
