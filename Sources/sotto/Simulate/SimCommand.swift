internal import ArgumentParser

struct SimCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sim",
        abstract: "Simulates devices, links, gateways and a homeserver in virtual time.",
        discussion: """
            The machines are those of the real device and gateway, encryption included; a day at 100 bit/s takes about a \
            second. Docs/Simulator.md explains scenarios, the model and the report.
            """,
        subcommands: [SimRunCommand.self, SimCompareCommand.self, SimExplainCommand.self])
}
