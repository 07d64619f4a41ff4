internal import ArgumentParser
internal import Foundation
internal import GatewayCore

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Shows what a running gateway does and has dropped.")

    @OptionGroup var options: ConfigurationOptions

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let configuration = try options.load()
        guard let reply = try await AdministrationClient.askRunning(.status, configuration), let status = reply.status
        else { throw Failure(.gatewayNotRunning, "no gateway runs on \(configuration.dataDirectory)") }
        if json {
            try printJSON(status)
            return
        }
        try printLine("listening     \(status.listening.joined(separator: ", "))")
        try printLine("gateway key   \(status.gatewayKey)")
        try printLine("homeserver    \(status.homeserverProblem.map { "trying again: \($0)" } ?? "no problem known")")
        try printLine("devices       \(status.devices), messages on their way to rooms: \(status.queued)")
        if let restore = status.restore {
            let awaited = restore.awaitingHandshake
            try printLine(
                "restored      \(restore.detected): \(restore.reason); "
                    + (awaited.isEmpty
                        ? "every device has shaken hands since"
                        : "yet to shake hands: \(awaited.joined(separator: ", "))"))
        }
        let counters = status.counters
        try printLine("received      \(counters.datagramsReceived) datagrams, \(counters.bytesReceived) bytes")
        try printLine(
            "sent          \(counters.datagramsSent) datagrams, \(counters.bytesSent) bytes, "
                + "\(counters.retransmissions) repeated, \(counters.answersRepeated) answers repeated")
        try printLine(
            "dropped       \(counters.droppedMalformed) malformed, \(counters.droppedUnknownDevice) of unknown devices, "
                + "\(counters.droppedForged) forged, \(counters.droppedReplayed) replayed, \(counters.droppedTooOld) too old, "
                + "\(counters.droppedRepeatedTooOften) repeated too often, \(counters.droppedRateLimited) rate limited, "
                + "\(counters.droppedOverload) for overload")
    }
}

/// Prints a value as JSON on one line a key, keys sorted: the same from version to version.
func printJSON(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    print(String(decoding: try encoder.encode(value), as: UTF8.self).asPlainJSON)
}
