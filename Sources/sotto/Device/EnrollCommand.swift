internal import ArgumentParser
internal import DeviceClient
internal import Foundation
internal import NoiseSodium
internal import SecureDatagram

struct EnrollCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "enroll",
        abstract: "Enrols a device with the string that sotto device add --enroll or --label printed.",
        discussion: """
            Makes the device's key and file, and gets its number from the gateway. If it is interrupted, the same command goes \
            on where it was. With the string of sotto device rotate and --rotate, a device that is enrolled gets another key \
            and keeps its number. The string is a secret for as long as it can be used: - reads it from standard input, since \
            arguments are shown in process lists.
            """)

    @Argument(help: "The string; - for standard input.")
    var string: String

    @Argument(help: "The file to make.")
    var file = "device.yaml"

    @OptionGroup var linkOptions: LinkOptions

    @Option(help: ArgumentHelp("Another way to reach the gateway than the string's.", valueName: "host:port"))
    var gateway: String?

    @Flag(help: "Give a device that is enrolled already another key.")
    var rotate = false

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let enrolment = try EnrolmentText(string == "-" ? readLine() ?? "" : string)
        var address = enrolment.gateway
        if let gateway {
            guard let other = HostPort(gateway) else {
                throw Failure(.badInput, "--gateway \(gateway): HOST:PORT is expected")
            }
            address = other
        }
        var device = try prepare(enrolment, address)
        let attempt = device.path + ".enrolling"
        let kept = try attemptKeys(attempt, enrolment)
        if rotate { device.privateKey = kept.privateKey }
        let (number, gatewayKey, state) = try await enrol(device, enrolment, address, kept.ephemeral)
        // The state first: a device with a number and without it would begin its counters anew.
        try DeviceState.begin(device, with: state)
        device.number = number
        device.gatewayKey = gatewayKey
        device.presharedKey = nil
        try device.save()
        try? FileManager.default.removeItem(atPath: attempt)
        if json {
            try printJSON(["file": file, "number": String(number)])
        } else {
            print("enrolled as device \(number); \(file) is ready: sotto device send -d \(file) hello")
        }
    }

    /// The device's file with its key, which an interrupted attempt has made already.
    private func prepare(_ enrolment: EnrolmentText, _ address: HostPort) throws -> DeviceFile {
        var device: DeviceFile
        if FileManager.default.fileExists(atPath: file) {
            device = try DeviceFile.load(file)
            if rotate {
                device.gateway = address.description
                try linkOptions.apply(to: &device)
                // Saved once the new key is in use.
                return device
            }
            guard device.number == nil else {
                throw Failure(
                    .badInput,
                    "\(file) is an enrolled device already and is not overwritten; --rotate gives it another key")
            }
        } else if rotate {
            throw Failure(.badInput, "--rotate: there is no \(file)")
        } else {
            device = DeviceFile(path: file, privateKey: KeyText.generate(), link: .unknown)
        }
        device.gateway = address.description
        if case .code(let gatewayKey, _) = enrolment.credential { device.gatewayKey = gatewayKey }
        try linkOptions.apply(to: &device)
        try device.save()
        return try DeviceFile.load(file)
    }

    /// The attempt's ephemeral key and, for a device that gets another one, its key, kept with a mark of their string: the
    /// gateway repeats its answer to the same message only.
    private func attemptKeys(
        _ path: String, _ enrolment: EnrolmentText
    ) throws -> (ephemeral: [UInt8], privateKey: [UInt8]) {
        let mark = WireSuite.hash(Array(enrolment.text.utf8))
        if let stored = FileManager.default.contents(atPath: path).map({ [UInt8]($0) }), stored.count == 96,
            Array(stored[..<32]) == mark
        {
            return (Array(stored[32..<64]), Array(stored[64...]))
        }
        let fresh = (ephemeral: Sodium.randomBytes(32), privateKey: KeyText.generate())
        try DurableFile.write(mark + fresh.ephemeral + fresh.privateKey, to: path)
        return fresh
    }

    private static func machine(
        _ device: DeviceFile, _ text: EnrolmentText, _ ephemeral: [UInt8]
    ) throws -> Enrolment<WireSuite> {
        switch text.credential {
        case .code(let gatewayKey, let code):
            return try Enrolment(
                privateKey: device.privateKey, gatewayKey: gatewayKey, code: code, ephemeral: ephemeral,
                link: device.link, now: Clock.monotonic)
        case .label(let number, let secret):
            guard let number = DeviceNumber(number) else { throw Failure(.badInput, "\(number) is no device number") }
            return try Enrolment(
                privateKey: device.privateKey, number: number, secret: secret, ephemeral: ephemeral, link: device.link,
                now: Clock.monotonic)
        }
    }

    private func enrol(
        _ device: DeviceFile, _ text: EnrolmentText, _ address: HostPort, _ ephemeral: [UInt8]
    ) async throws -> (number: UInt32, gatewayKey: [UInt8], state: [UInt8]) {
        let lock = try device.lock()
        defer { withExtendedLifetime(lock) {} }
        let socket = try await DeviceSocket(address)
        var machine: Enrolment<WireSuite>
        do {
            machine = try Self.machine(device, text, ephemeral)
        } catch {
            throw Failure(.key, "the keys in the string cannot be used")
        }
        func carryOut() {
            while let datagram = machine.nextDatagram() { socket.send(datagram) }
            socket.wake(at: machine.deadline)
        }
        let signals = Interruption.observe { socket.interrupt() }
        defer { for signal in signals { signal.cancel() } }
        carryOut()
        for await arrival in socket.arrivals {
            switch arrival {
            case .datagram(let bytes): machine.receive(bytes, now: Clock.monotonic)
            case .timer:
                say("no answer yet: sent again")
                machine.handleTimeout(now: Clock.monotonic)
            case .interrupted: throw Failure(.noAnswer, "interrupted before the answer; the same command goes on")
            }
            carryOut()
            switch machine.outcome {
            case .waiting: continue
            case .enrolled(let number, let gatewayKey, let state):
                await socket.close()
                return (number, gatewayKey, state)
            case .unanswered:
                throw Failure(
                    .key,
                    "the gateway did not answer: it is out of reach, has another key than the string says, or the code is "
                        + "wrong, used, or older than 15 minutes, or the label is another one or used (a gateway stays silent "
                        + "towards strangers)")
            }
        }
        throw Failure(.noAnswer, "the socket was closed")
    }
}
