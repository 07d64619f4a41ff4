internal import ArgumentParser
internal import CompactMatrix
internal import ExchangeMeasure
internal import Foundation
internal import Profiles

struct BytesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bytes",
        abstract: "Says what Matrix exchanges take on the air.",
        discussion: """
            Sends each exchange through the real encoders and a real session, both ends in this process, and prints tab-separated \
            columns. A file is a JSON object with name, request {method, path, query, access_token, body} and response \
            {status, body}. Round "first" is a new session, "steady" the same exchange after it with fresh ids, tokens, \
            times, texts and numbers. Of a sync, down is the notification and up its confirmation.

            In exact mode each value of the JSON that comes out is compared with what went in; a difference ends with \
            status 1.
            """)

    @Option(help: "device: what it means; exact: every value of the JSON. Without: both.")
    var mode: String?

    @Option(help: ArgumentHelp("A device profile, for the template of its payload.", valueName: "yaml"))
    var profile: String?

    @Option(help: "The same seed, the same fresh values.")
    var seed: UInt64 = 1

    @Flag(help: "Show every byte of each message, layer by layer, with its name.")
    var explain = false

    @Argument(help: "Exchanges, JSON.")
    var files: [String]

    func run() throws {
        let modes = try self.modes()
        let template = try self.template()
        let measurement = Measurement(template: template, seed: seed, explains: explain)
        try printLine(Row.columns.joined(separator: "\t"))
        var differs = false
        for file in files {
            let exchange = try self.exchange(file)
            for mode in modes {
                do {
                    let rows = try measurement.rows(exchange, mode)
                    for row in rows { try show(row) }
                    if exchange.name.hasPrefix("01"), let row = try measurement.handshake(exchange, mode) {
                        try show(row)
                    }
                    if rows.isEmpty { say("\(file): nothing that a device does") }
                } catch {
                    say("sotto: \(file), \(mode.rawValue): \(error)")
                    differs = true
                }
            }
        }
        if differs { throw ExitCode(1) }
    }

    private func show(_ row: Row) throws {
        try printLine(row.fields.joined(separator: "\t"))
        for line in row.explanation { try printLine("# " + line) }
    }

    /// nil: without a profile, or with one whose readings describe themselves.
    private func template() throws -> PayloadTemplate? {
        guard let profile else { return nil }
        do throws(FieldError) {
            guard case .template(let template) = try DeviceProfile.Payload.load(profile).codec else { return nil }
            return template
        } catch {
            throw Failure(.badInput, error.description)
        }
    }

    private func modes() throws -> [Row.Mode] {
        guard let mode else { return Row.Mode.allCases }
        guard let known = Row.Mode(rawValue: mode) else {
            throw Failure(.usage, "--mode is device or exact, not \(mode)")
        }
        return [known]
    }

    private func exchange(_ file: String) throws -> Exchange {
        guard let data = FileManager.default.contents(atPath: file) else {
            throw Failure(.storage, "\(file) cannot be read")
        }
        do throws(Exchange.Fault) {
            return try Exchange(json: Array(data))
        } catch {
            throw Failure(.badInput, "\(file) is no exchange: \(error)")
        }
    }
}
