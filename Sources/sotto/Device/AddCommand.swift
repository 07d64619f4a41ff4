internal import ArgumentParser
internal import CompactMatrix
internal import Foundation
internal import NoiseSodium
internal import Profiles
internal import SecureDatagram

struct AddCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Adds a device to the gateway.",
        discussion: """
            The device gets a number and a Matrix user, which joins the room; where it may not, the list says why, and it \
            joins once it is invited.
            Example: sotto device add greenhouse --key 4nP... --room '#garden:example.org'
            """)

    @OptionGroup var options: ConfigurationOptions

    @Argument(help: "A name: letters, digits and ._-")
    var name: String

    @Option(help: "The room's id or alias.")
    var room: String

    @Option(help: "The device's public key, as sotto device init printed it.")
    var key: String?

    @Option(
        help: ArgumentHelp(
            "A file with a preshared key (sotto key generate), besides or instead of --key.", valueName: "file"))
    var psk: String?

    @Flag(help: "Let the device bring its key by itself: prints a string, and its QR code, that it can use once.")
    var enroll = false

    @Flag(
        help: """
            Let the device bring its key by itself, whenever it is switched on first: prints what to put on its label, and \
            its QR code. The device needs no key of the gateway's.
            """)
    var label = false

    @Option(
        help: ArgumentHelp(
            "Make the device's session here, for a device that never shakes hands, and write it into this file.",
            valueName: "file"))
    var session: String?

    @Option(
        help: ArgumentHelp(
            "With --enroll, --label and --session: how the device reaches the gateway.", valueName: "host:port"))
    var address: String?

    @Option(
        help: ArgumentHelp(
            "The link that the device uses: a name that sotto profile list shows. It goes into what is printed or written.",
            valueName: "name"))
    var profile: String?

    @Option(
        help: ArgumentHelp(
            "The profile of its firmware, which says how readings are packed: a name that sotto profile list shows, or a path.",
            valueName: "name"))
    var firmware: String?

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let configuration = try options.load()
        let ways = [key != nil || psk != nil, enroll, label, session != nil]
        guard ways.count(where: { $0 }) == 1 else {
            throw Failure(.badInput, "a device needs --key or --psk (or both), or --enroll, or --label, or --session")
        }
        if let profile {
            let isPermitted = configuration.isLinkEncryptionPermitted
            do throws(FieldError) {
                _ = try InstalledProfiles.here.link(profile, encryptionPermitted: isPermitted)
            } catch {
                throw Failure(error, .badInput)
            }
        }
        let template = try firmware.flatMap { try FirmwareTemplate.load($0) }
        if enroll {
            guard firmware == nil else {
                throw Failure(
                    .badInput, "--firmware: there is no device yet; say sotto device firmware when it has enrolled itself")
            }
            return try await letEnroll(configuration)
        }
        if label {
            try await printLabel(configuration)
            return try await tell(template, configuration)
        }
        if let session {
            try await provision(into: session, configuration)
            return try await tell(template, configuration)
        }
        guard address == nil else {
            throw Failure(.badInput, "--address goes with --enroll, --label and --session")
        }
        let secret = try psk.map { KeyText.render(try KeyText.load($0)) }
        let request = AdministrationRequest.add(name: name, publicKey: key, presharedKey: secret, room: room)
        var reply = try await AdministrationClient.ask(request, configuration)
        guard var device = reply.devices.first else { throw Failure(.storage, "the gateway did not say what it added") }
        try await tell(template, configuration)
        // A running gateway is asked a little longer, so that a room that cannot be entered is reported here and now.
        for _ in 0..<50 where device.state == "pending" {
            try await Task.sleep(for: .milliseconds(200))
            guard let next = try await AdministrationClient.askRunning(.list, configuration) else { break }
            reply.devices = next.devices
            device = next.devices.first { $0.number == device.number } ?? device
            if next.status?.homeserverProblem != nil { break }
        }
        if json {
            try printJSON(device)
        } else {
            try printLine(
                "\(device.name) is device \(device.number) and \(device.userID) in \(device.room): \(device.state)")
            if let remedy = device.remedy { try printLine("  \(remedy)") }
            if let key = reply.status?.gatewayKey {
                try printLine("On the device (put the gateway's address in):")
                try printLine(
                    "  sotto device configure FILE --gateway HOST:PORT --gateway-key \(key) --number \(device.number)"
                        + profileOption)
            }
        }
        if device.state == "encrypted" {
            throw Failure(.refused, "the room \(device.room) is encrypted: nothing will be sent there")
        }
    }

    private func tell(_ template: PayloadTemplate?, _ configuration: GatewayConfiguration) async throws {
        guard let template else { return }
        _ = try await AdministrationClient.ask(
            .template(name: name, template: Data(template.encoded).base64EncodedString()), configuration)
    }

    private func letEnroll(_ configuration: GatewayConfiguration) async throws {
        let gateway = try configuration.deviceAddress(address)
        let code = EnrolmentText.randomCode()
        let reply = try await AdministrationClient.ask(
            .enroll(name: name, code: Data(code).base64EncodedString(), room: room), configuration)
        let enrolment = try EnrolmentText(gateway: gateway, reply, code)
        if json {
            try printJSON(["name": name, "room": room, "enrolment": enrolment.text])
        } else {
            enrolment.show(
                "On the device, within 15 minutes, once:", "sotto device enroll '\(enrolment.text)'\(profileOption)")
        }
    }

    private var profileOption: String {
        (profile.map { " --profile \($0)" } ?? "") + (firmware.map { " --firmware \($0)" } ?? "")
    }

    private func printLabel(_ configuration: GatewayConfiguration) async throws {
        let gateway = try configuration.deviceAddress(address)
        let secret = Sodium.randomBytes(Label.secretLength)
        let reply = try await AdministrationClient.ask(
            .label(name: name, secret: Data(secret).base64EncodedString(), room: room), configuration)
        guard let device = reply.devices.first else { throw Failure(.storage, "the gateway did not say what it added") }
        let enrolment = EnrolmentText(gateway: gateway, .label(number: device.number, secret: secret))
        if json {
            try printJSON(["name": name, "room": room, "number": String(device.number), "label": enrolment.text])
        } else {
            enrolment.show(
                "\(name) is device \(device.number). On its label; on the device, once:",
                "sotto device enroll '\(enrolment.text)'\(profileOption)")
        }
    }

    private func provision(into file: String, _ configuration: GatewayConfiguration) async throws {
        let reply = try await SessionFile.provision(
            name: name, room: room, into: file, try configuration.deviceAddress(address), profile, configuration)
        if json { try printJSON(reply) } else { try SessionFile.explain(reply, file) }
    }
}
