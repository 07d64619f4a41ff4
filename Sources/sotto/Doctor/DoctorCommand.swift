internal import ArgumentParser
internal import Foundation

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Says what is wrong with a gateway's setup, and what to do about it.",
        discussion: """
            Looks at the configuration, keys, the data folder and its store, the homeserver and the clock; changes nothing, \
            and may run beside the gateway. Ends with status 1 when something is wrong.
            """)

    @OptionGroup var options: ConfigurationOptions

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let findings = await Self.examine(options)
        let isWell = findings.allSatisfy { $0.state != .wrong }
        if json {
            try printJSON(Report(isWell: isWell, findings: findings))
        } else {
            for finding in findings {
                try printLine("\(Self.pad(finding.state.rawValue, 7))\(Self.pad(finding.check, 15))\(finding.text)")
                if let remedy = finding.remedy { try printLine("       -> \(remedy)") }
            }
        }
        if !isWell { throw ExitCode(1) }
    }

    private struct Report: Encodable {
        var isWell: Bool
        var findings: [Finding]
    }

    /// In the order in which one thing needs the other: what cannot be looked at without the thing before is left out.
    private static func examine(_ options: ConfigurationOptions) async -> [Finding] {
        let configuration: GatewayConfiguration
        do {
            configuration = try options.load()
        } catch {
            return [.wrong("configuration", "\(error)", "correct it; sotto config check looks at it alone")]
        }
        let isRunning = ((try? await AdministrationClient.askRunning(.status, configuration)) ?? nil) != nil
        var findings = ConfigurationChecks.all(configuration)
        findings += DataFolderChecks.all(configuration)
        findings += StoreChecks.all(configuration, isRunning: isRunning)
        findings += await PortChecks.all(configuration, isRunning: isRunning)
        findings += MachineChecks.all(configuration)
        findings += await HomeserverChecks.all(configuration, isRunning: isRunning)
        return findings
    }

    private static func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(1, width - text.count))
    }
}
