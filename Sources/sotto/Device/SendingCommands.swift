internal import ArgumentParser
internal import CoAP
internal import CompactMatrix
internal import DeviceClient
internal import Foundation
internal import MatrixJSON

struct SendingOptions: ParsableArguments {
    @Option(name: .shortAndLong, help: ArgumentHelp("The device's file.", valueName: "file"))
    var device = "device.yaml"

    @Flag(help: "Print what the exchange cost as one line of JSON.")
    var json = false
}

extension SendingOptions {
    /// Sends and waits for the gateway's word; first for that of a request which an earlier run left unanswered.
    func send(_ uplink: Uplink, _ what: String) async throws {
        try await send(uplink, what, from: try DeviceFile.load(device))
    }

    func send(_ uplink: Uplink, _ what: String, from file: DeviceFile) async throws {
        let runner = try await DeviceRunner(file)
        if let resumed = runner.machine.resumed {
            say("repeating first what an earlier run left without an answer")
            try runner.perform { _, _ in }
            let report = try await wait(for: resumed, runner, "earlier")
            say("answered: \(report.code ?? "?"), \(report.line)")
        }
        let started = try runner.perform { machine, now in
            do throws(SoftwareDevice.SendError) {
                return try machine.send(uplink, now: now)
            } catch .tooLarge(let body, let limit) {
                throw Failure(
                    .badInput,
                    "the message has \(body) bytes; a gateway takes at most \(limit) over this link")
            }
        }
        let report = try await wait(for: started, runner, what)
        try await runner.close()
        print(json ? try report.jsonLine : "accepted (\(report.code ?? "")): \(report.line)")
    }

    private func wait(
        for request: SoftwareDevice.RequestID, _ runner: DeviceRunner, _ what: String
    ) async throws -> ExchangeReport {
        var report = ExchangeReport(what)
        let began = Clock.monotonic
        var failure: Failure?
        let ended = try await runner.run { event in
            switch event {
            case .traffic(let datagram):
                report.add(datagram)
                if datagram.isRepetition, datagram.direction == .up { say("no answer yet: sent again") }
            case .answered(request, let response):
                report.code = response.code.text
                if !response.code.isSuccess { failure = Failure(.refused, Self.explain(response)) }
                return false
            case .postponed(_, let seconds):
                say("the gateway limits how often this device may send: again in \(seconds) s")
            case .unanswered(request, .handshake):
                failure = Failure(
                    .key,
                    "the gateway did not answer the handshake: it is out of reach, does not know this device's number, or one "
                        + "of the two keys is wrong (a gateway stays silent towards strangers)")
                return false
            case .unanswered(request, .request):
                failure = Failure(.noAnswer, "the gateway did not answer: the message may or may not have arrived")
                return false
            case .sessionCopied:
                say(DeviceRunner.copied.message)
            default:
                break
            }
            return true
        }
        report.seconds = Double(Clock.monotonic - began) / 1e9
        if let failure { throw failure }
        guard ended else {
            throw Failure(.noAnswer, "interrupted before the answer; the next sotto device command repeats the message")
        }
        return report
    }

    private static func explain(_ response: Response) -> String {
        let why =
            switch response.code {
            case .forbidden: "the device may not send to its room (sotto device list beside the gateway says why)"
            case .requestEntityTooLarge: "the message is too large"
            case .serviceUnavailable: "the gateway's queue is full; try again in \(response.maxAge) s"
            case .badRequest:
                "the gateway cannot read the message (a reading that is packed: does it know this firmware? "
                    + "sotto device firmware beside it tells)"
            default: "the gateway refuses the message"
            }
        return "\(response.code.text): \(why)"
    }
}

extension Code {
    var text: String { "\(codeClass).\(detail < 10 ? "0" : "")\(detail)" }
}

struct SendCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "send", abstract: "Sends a text to the device's room.",
        discussion: "Ends when the gateway has it on disk. Example: sotto device send -d greenhouse.yaml hello")

    @OptionGroup var options: SendingOptions

    @Argument(help: "The text.")
    var text: String

    func run() async throws {
        guard !text.isEmpty else { throw Failure(.badInput, "an empty text is not sent") }
        try await options.send(.text(text), text)
    }
}

struct ReadingCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reading", abstract: "Sends measured values to the device's room.",
        discussion: """
            Decimals are kept as they are written: 21.50 stays 21.50. Units are those of SenML (RFC 8428): Cel, %RH, V, \
            Pa, lux, m, kg ...
            Example: sotto device reading temperature=21.5Cel humidity=40%RH battery=3.71V
            """)

    @OptionGroup var options: SendingOptions

    @Option(help: "When it was measured, in seconds of Unix time; otherwise when the gateway receives it.")
    var at: UInt32?

    @Argument(help: "NAME=VALUE[UNIT] ...")
    var values: [String]

    func run() async throws {
        let reading = Reading(unixSeconds: at, measurements: try values.map(Self.parse))
        let file = try DeviceFile.load(options.device)
        // What the template has no place for describes itself.
        let packed = file.template.flatMap { try? $0.encode(reading) }
        try await options.send(
            packed.map { .packedReading($0) } ?? .reading(reading), values.joined(separator: " "), from: file)
    }

    static func parse(_ text: String) throws -> MeasuredValue {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, parts[0].utf8.count <= 64 else {
            throw Failure(.badInput, "\"\(text)\": NAME=VALUE[UNIT] is expected, such as temperature=21.5Cel")
        }
        // The longest start that is a decimal is the value: "3e2m" is 300 m, "3elephants" is 3 of them.
        let value = Array(parts[1].utf8)
        for length in stride(from: value.count, to: 0, by: -1) {
            guard let decimal = MeasuredValue.decimal(Array(value[0..<length])) else { continue }
            let unit = String(decoding: value[length...], as: UTF8.self).trimmingCharacters(in: .whitespaces)
            let first = unit.utf8.first ?? 0x41
            guard !(0x30...0x39).contains(first), first != 0x2E, unit.utf8.count <= 16 else { break }
            return MeasuredValue(
                name: String(parts[0]), unit: unit, mantissa: decimal.mantissa, exponent: decimal.exponent)
        }
        throw Failure(
            .badInput,
            "\"\(text)\": the value has to be a decimal such as 21.5 with at most 15 digits and an exponent from -18 to 18"
        )
    }
}

struct EventCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "event", abstract: "Sends any event to the device's room.",
        discussion: """
            The file holds the event's content, a JSON object. Matrix events allow no floats: write 215 and an exponent, or \
            "21.5". Example: sotto device event org.example.door door.json
            """)

    @OptionGroup var options: SendingOptions

    @Argument(help: "The event's type.")
    var type: String

    @Argument(help: "The file with its content; - for standard input.")
    var file: String

    func run() async throws {
        let bytes: [UInt8]
        do {
            bytes = [UInt8](
                file == "-"
                    ? FileHandle.standardInput.readDataToEndOfFile() : try Data(contentsOf: URL(fileURLWithPath: file)))
        } catch {
            throw Failure(.badInput, "\(file): cannot be read: \(error.localizedDescription)")
        }
        let content: JSONValue
        do {
            content = try JSONValue(parsing: bytes)
        } catch {
            throw Failure(.badInput, "\(file): \(error)")
        }
        guard content.objectValue != nil else { throw Failure(.badInput, "\(file): a JSON object is expected") }
        if let fault = content.firstNumberFault() { throw Failure(.badInput, "\(file): \(fault)") }
        guard !type.isEmpty, type.utf8.count <= 255 else {
            throw Failure(.badInput, "an event's type has 1 to 255 bytes")
        }
        try await options.send(.event(type: type, content: CBORCodec.encode(content)), type)
    }
}
