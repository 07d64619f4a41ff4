internal import ArgumentParser
internal import Foundation

struct ShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Shows all that the gateway knows of one device.")

    @OptionGroup var options: ConfigurationOptions

    @Argument(help: "The device's name.")
    var name: String

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let reply = try await AdministrationClient.ask(.show(name: name), try options.load())
        guard let device = reply.devices.first else { throw Failure(.unknownDevice, "there is no device \(name)") }
        if json {
            try printJSON(device)
            return
        }
        func line(_ title: String, _ text: String) {
            print(title + String(repeating: " ", count: max(1, 16 - title.count)) + text)
        }
        line("device", "\(device.name), number \(device.number), \(device.pattern)")
        line("user", device.userID)
        line(
            "room", "\(device.room)\(device.roomID.map { $0 == device.room ? "" : " (\($0))" } ?? ""), \(device.state)")
        line(
            "session",
            device.session.map { session in
                "since \(device.sessionSince ?? "before it was noted"), epochs \(session.epochUp) up and \(session.epochDown) down"
            } ?? "none")
        line("last report", device.lastSeen ?? "never")
        line("last confirmed", device.lastConfirmed ?? "never")
        line("queued", "\(device.queued)\(device.oldestQueued.map { ", the oldest of \($0)" } ?? "")")
        line("waiting for it", "\(device.waiting)\(device.isWatching ? ", and it watches" : "")")
        line("messages", "\(device.accepted) accepted, \(device.delivered) in the room, \(device.refused) refused")
        line("today (UTC)", Self.describe(device.today))
        if let remedy = device.remedy { line("remedy", remedy) }
    }

    private static func describe(_ use: DeviceSummary.Use?) -> String {
        guard let use else { return "nothing heard" }
        let bytes = "\(use.bytesUp) bytes from it, \(use.bytesDown) to it"
        guard let up = use.airtimeUpSeconds, let down = use.airtimeDownSeconds else {
            return bytes + "; airtime unknown, as the link's rate is"
        }
        return bytes + String(format: "; airtime %.1f s up, %.1f s down", up, down)
    }
}
