internal import ArgumentParser
internal import CompactMatrix
internal import Foundation
internal import Profiles

struct FirmwareCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "firmware", abstract: "Says beside the gateway which firmware a device runs.",
        discussion: """
            A firmware whose profile has a template sends readings of a few bytes, which mean something only to who has the \
            template too. On the device: sotto device configure FILE --firmware NAME.
            Example: sotto device firmware greenhouse reference-sensor
            """)

    @OptionGroup var options: ConfigurationOptions

    @Argument(help: "The device's name.")
    var name: String

    @Argument(
        help:
            "The profile of its firmware: a name that sotto profile list shows, or a path; none: readings describe themselves."
    )
    var firmware: String

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let configuration = try options.load()
        let template = try FirmwareTemplate.load(firmware)
        let reply = try await AdministrationClient.ask(
            .template(name: name, template: template.map { Data($0.encoded).base64EncodedString() }), configuration)
        guard let device = reply.devices.first else {
            throw Failure(.storage, "the gateway did not say what it changed")
        }
        if json {
            try printJSON(device)
        } else {
            let size = template.map { "of \($0.byteCount) bytes" } ?? "that describe themselves"
            print("\(device.name) sends readings \(size)")
        }
    }
}

enum FirmwareTemplate {
    /// nil: its readings describe themselves.
    static func load(_ firmware: String) throws -> PayloadTemplate? {
        guard firmware != "none" else { return nil }
        do throws(FieldError) {
            return try InstalledProfiles.here.template(of: firmware)
        } catch {
            throw Failure(error, .badInput)
        }
    }
}
