internal import ArgumentParser
internal import Foundation

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

    @Option(help: ArgumentHelp("With --enroll: how the device reaches the gateway.", valueName: "host:port"))
    var address: String?

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let configuration = try options.load()
        if enroll {
            try await letEnroll(configuration)
            return
        }
        guard address == nil else { throw Failure(.badInput, "--address goes with --enroll") }
        guard key != nil || psk != nil else {
            throw Failure(.badInput, "a device needs --key, --psk or --enroll")
        }
        let secret = try psk.map { KeyText.render(try KeyText.load($0)) }
        let request = AdministrationRequest.add(name: name, publicKey: key, presharedKey: secret, room: room)
        var reply = try await AdministrationClient.ask(request, configuration)
        guard var device = reply.devices.first else { throw Failure(.storage, "the gateway did not say what it added") }
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
            print("\(device.name) is device \(device.number) and \(device.userID) in \(device.room): \(device.state)")
            if let remedy = device.remedy { print("  \(remedy)") }
            if let key = reply.status?.gatewayKey {
                print("On the device (put the gateway's address in):")
                print(
                    "  sotto device configure FILE --gateway HOST:PORT --gateway-key \(key) --number \(device.number)")
            }
        }
        if device.state == "encrypted" {
            throw Failure(.refused, "the room \(device.room) is encrypted: nothing will be sent there")
        }
    }

    private func letEnroll(_ configuration: GatewayConfiguration) async throws {
        guard key == nil, psk == nil else { throw Failure(.badInput, "--enroll takes neither --key nor --psk") }
        let gateway = try gatewayAddress(configuration)
        let code = EnrolmentText.randomCode()
        let reply = try await AdministrationClient.ask(
            .enroll(name: name, code: Data(code).base64EncodedString(), room: room), configuration)
        guard let key = reply.status?.gatewayKey else { throw Failure(.storage, "the gateway did not say its key") }
        let enrolment = EnrolmentText(
            gateway: gateway, gatewayKey: try KeyText.parse(key, "the gateway's key"), code: code)
        if json {
            try printJSON(["name": name, "room": room, "enrolment": enrolment.text])
            return
        }
        print("On the device, within 15 minutes, once:")
        print("  sotto device enroll '\(enrolment.text)'")
        if let picture = QRCode.render(enrolment.text) { print(picture) }
    }

    private func gatewayAddress(_ configuration: GatewayConfiguration) throws -> HostPort {
        if let address {
            guard let parsed = HostPort(address) else {
                throw Failure(.badInput, "--address \(address): HOST:PORT is expected")
            }
            return parsed
        }
        if let known = configuration.address { return known }
        if let first = configuration.listen.first(where: { $0.port != 0 && !["0.0.0.0", "::"].contains($0.host) }) {
            return first
        }
        throw Failure(
            .badInput,
            "how do devices reach the gateway? give --address HOST:PORT, or set address in \(configuration.file)")
    }
}

struct ListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "Lists the gateway's devices.")

    @OptionGroup var options: ConfigurationOptions

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let reply = try await AdministrationClient.ask(.list, try options.load())
        let devices = reply.devices
        if json {
            try printJSON(devices)
            return
        }
        for enrolment in reply.enrolments {
            print("-  \(enrolment.name)  \(enrolment.room)  may enrol itself until \(enrolment.expires)")
        }
        if devices.isEmpty, reply.enrolments.isEmpty { say("no devices; sotto device add adds one") }
        for device in devices {
            let seen = device.lastSeen.map { "last seen \($0)" } ?? "never seen"
            print(
                "\(device.number)  \(device.name)  \(device.room)  \(device.state)  \(seen)  accepted \(device.accepted), "
                    + "in the room \(device.delivered), \(device.state == "encrypted" ? "held" : "queued") \(device.queued), "
                    + "refused \(device.refused), waiting for it \(device.waiting)\(device.isWatching ? ", watches" : "")"
            )
            if let remedy = device.remedy { print("   \(remedy)") }
        }
    }
}

struct RevokeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke", abstract: "Ends a device: the gateway no longer knows it.",
        discussion: "What it had sent is still delivered. Its number is not given again.")

    @OptionGroup var options: ConfigurationOptions

    @Argument(help: "The device's name.")
    var name: String

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let reply = try await AdministrationClient.ask(.revoke(name: name), try options.load())
        if json, let device = reply.devices.first {
            try printJSON(device)
        } else {
            print("\(name) is revoked")
        }
    }
}
