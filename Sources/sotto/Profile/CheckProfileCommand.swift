internal import ArgumentParser
internal import Foundation
internal import Profiles
internal import ScenarioReading

struct CheckProfileCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Says whether profiles can be used, runs their examples and scenarios, and says what is wrong.",
        discussion: "Ends with status 65 when something is wrong with one of them.")

    @Argument(help: ArgumentHelp("Names or paths; all that are installed if none is given.", valueName: "profile"))
    var profiles: [String] = []

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let installed = InstalledProfiles.here
        let names = profiles.isEmpty ? installed.names(.links) + installed.names(.devices) : profiles
        let reports = try names.map { try Self.report($0) }
        if json {
            try printJSON(reports)
        } else {
            for report in reports {
                print(report.isRight ? "\(report.name): \(report.kind ?? ""), \(report.summary)" : "\(report.name):")
                for problem in report.problems { print("  wrong: \(problem)") }
                for note in report.notes { print("  note: \(note)") }
            }
        }
        if reports.contains(where: { !$0.isRight }) { throw ExitCode(ExitStatus.badInput.rawValue) }
    }

    private struct Report: Encodable {
        var name: String
        var isRight: Bool
        var kind: String?
        var summary = ""
        var problems: [String] = []
        var notes: [String] = []
    }

    private static func report(_ name: String) throws -> Report {
        let profile: NamedProfile
        do {
            profile = try NamedProfile.load(name)
        } catch let failure as Failure where failure.status == .badInput {
            return Report(name: name, isRight: false, problems: [failure.message])
        }
        switch profile {
        case .link(let link, let file):
            var report = Report(name: name, isRight: true, kind: "link", summary: link.description)
            if let problem = link.smallestFrameProblem { report.notes.append("Sotto cannot run on it: \(problem)") }
            if !link.allowsEncryption {
                report.notes.append("amateur radio: encryption is not allowed in most countries")
            }
            if let caution = link.caution { report.notes.append(caution) }
            do throws(FieldError) {
                let missing = try LinkProfile.fieldsWithoutSource(file)
                if !missing.isEmpty { report.notes.append("no source is given for \(missing.joined(separator: ", "))") }
            } catch {
                throw Failure(error, .badInput)
            }
            return report
        case .device(let device, let file):
            let failures = device.failures(file: file) + device.scenarioFailures(file: file, .here)
            let count = device.payload.examples.count
            var report = Report(
                name: name, isRight: failures.isEmpty, kind: "device",
                summary:
                    "\(count) example\(count == 1 ? "" : "s"), \(device.messageBytes.sumUp) bytes a message on \(device.link.name)",
                problems: failures.map(\.description))
            if let caution = device.link.caution { report.notes.append(caution) }
            return report
        }
    }
}
