internal import ArgumentParser
internal import Foundation

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
            try printLine("-  \(enrolment.name)  \(enrolment.room)  may enrol itself until \(enrolment.expires)")
        }
        if devices.isEmpty, reply.enrolments.isEmpty { say("no devices; sotto device add adds one") }
        for device in devices {
            let seen = device.lastSeen.map { "last seen \($0)" } ?? "never seen"
            try printLine(
                "\(device.number)  \(device.name)  \(device.room)  \(device.state)  \(seen)  accepted \(device.accepted), "
                    + "in the room \(device.delivered), \(device.state == "encrypted" ? "held" : "queued") \(device.queued), "
                    + "refused \(device.refused), waiting for it \(device.waiting)\(device.isWatching ? ", watches" : "")"
            )
            try printLine("   \(device.pattern)\(device.session.map { ", " + Self.describe($0) } ?? ", no session")")
            if let remedy = device.remedy { try printLine("   \(remedy)") }
        }
    }

    private static func describe(_ session: DeviceSummary.Session) -> String {
        "epochs \(session.epochUp) up and \(session.epochDown) down, newest frame "
            + "\(session.received.map { String($0) } ?? "none"), next \(session.nextNumber), leased to \(session.leaseEnd), "
            + "\(session.forged) forged"
    }
}

struct RotateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate", abstract: "Gives a device another key, or another session.",
        discussion: """
            The device keeps its number, its name and its room. Without --session a string is printed with which the device \
            brings its new key by itself; until it has, the old one stays valid. With --session the device gets a provisioned \
            session, and whatever it had before ends at once.
            """)

    @OptionGroup var options: ConfigurationOptions

    @Argument(help: "The device's name.")
    var name: String

    @Option(help: ArgumentHelp("Make a session for the device and write it into this file.", valueName: "file"))
    var session: String?

    @Option(help: ArgumentHelp("How the device reaches the gateway.", valueName: "host:port"))
    var address: String?

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let configuration = try options.load()
        let gateway = try configuration.deviceAddress(address)
        if let session {
            let device = try await SessionFile.provision(
                name: name, room: nil, into: session, gateway, nil, configuration)
            if json { try printJSON(device) } else { try SessionFile.explain(device, session) }
            return
        }
        let code = EnrolmentText.randomCode()
        let reply = try await AdministrationClient.ask(
            .rotate(name: name, code: Data(code).base64EncodedString()), configuration)
        let enrolment = try EnrolmentText(gateway: gateway, reply, code)
        if json {
            try printJSON(["name": name, "enrolment": enrolment.text])
        } else {
            enrolment.show(
                "On the device, within 15 minutes, once:", "sotto device enroll --rotate '\(enrolment.text)' FILE")
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
            try printLine("\(name) is revoked")
        }
    }
}
