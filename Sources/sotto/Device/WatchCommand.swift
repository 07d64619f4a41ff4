internal import ArgumentParser
internal import CoAP
internal import CompactMatrix
internal import DeviceClient
internal import Foundation

struct WatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch", abstract: "Prints what arrives for the device: messages and commands.",
        discussion: """
            Runs until it is interrupted, or as long as the options say. A device that dies while it prints hears that one \
            thing again; with --json it comes with the same sequence, which no two in a row share otherwise.
            """)

    @OptionGroup var options: SendingOptions

    @Option(help: "End after this many messages and commands.")
    var count: Int?

    @Option(help: "End with an error when they have not come after this many seconds.")
    var timeout: Double?

    func run() async throws {
        if let count, count < 1 { throw Failure(.badInput, "--count has to be at least 1") }
        let runner = try await DeviceRunner(try DeviceFile.load(options.device))
        try runner.perform { machine, now in machine.startWatching(now: now) }
        var remaining = count ?? Int.max
        var failure: Failure?
        var report = ExchangeReport("watch")
        let began = Clock.monotonic
        let expiry = timeout.map { seconds in
            Task {
                try await Task.sleep(for: .seconds(seconds))
                say("sotto: nothing more came in \(seconds) s")
                Foundation.exit(ExitStatus.noAnswer.rawValue)
            }
        }
        defer { expiry?.cancel() }
        var arrived: [(delivery: Delivery, name: UInt64)] = []
        _ = try await runner.run { event in
            switch event {
            case .traffic(let datagram):
                report.add(datagram)
                // The acknowledgement that follows a delivery in the same breath; neither has left yet.
                guard !arrived.isEmpty, datagram.direction == .up else { break }
                for (delivery, name) in arrived {
                    // What came together is counted with the first of it.
                    try show(delivery, name, report)
                    report = ExchangeReport("watch")
                    remaining -= 1
                }
                arrived = []
            case .watching:
                report.seconds = Double(Clock.monotonic - began) / 1e9
                say("watching: \(report.line)")
                if options.json { try printLine(report.jsonLine) }
                report = ExchangeReport("watch")
            case .watchRefused(let response):
                failure = Failure(.refused, "the gateway refuses: \(response.code.text)")
                return false
            case .watchInterrupted:
                say(
                    "no answer: the gateway is out of reach, does not know this device, or a key is wrong; asking again"
                )
            case .delivery(let delivery, let name):
                arrived.append((delivery, name))
            case .sessionCopied:
                guard !runner.machine.isWithoutSession else {
                    failure = DeviceRunner.copied
                    return false
                }
                say(DeviceRunner.copied.message)
            case .answered, .unanswered, .postponed:
                break
            }
            return remaining > 0
        }
        try await runner.close()
        if let failure { throw failure }
    }

    private struct Shown: Encodable {
        var sender: String
        var sequence: String
        var time: String
        var message: String?
        var command: String?
        var arguments: [String: String]?
        var cost: ExchangeReport
    }

    private func show(_ delivery: Delivery, _ name: UInt64, _ report: ExchangeReport) throws {
        let sequence = "\(String(name >> 8, radix: 16)).\(name & 0xFF)"
        let time = Date(timeIntervalSince1970: Double(delivery.unixSeconds)).ISO8601Format()
        var shown = Shown(sender: delivery.sender, sequence: sequence, time: time, cost: report)
        switch delivery.content {
        case .message(let text):
            shown.message = text
            shown.cost.what = "message"
            if !options.json { try printLine("\(delivery.sender): \(printable(text))") }
        case .command(let verb, let arguments):
            shown.command = verb
            shown.cost.what = "command"
            shown.arguments = Dictionary(arguments.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
            let words = arguments.map { "\($0.key)=\($0.value)" }
            if !options.json {
                try printLine("\(delivery.sender) commands: \(printable(([verb] + words).joined(separator: " ")))")
            }
        }
        if options.json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            try printLine(String(decoding: encoder.encode(shown), as: UTF8.self))
        } else {
            if shown.cost.down.datagrams > 0 { say("  \(shown.cost.line)") }
        }
    }

    /// Somebody else's text on our terminal: control characters would act there.
    private func printable(_ text: String) -> String {
        String(text.map { $0.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F } ? "\u{FFFD}" : $0 })
    }
}
