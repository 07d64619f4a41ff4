internal import ArgumentParser
internal import DeviceClient
internal import Foundation
internal import NoiseSodium

struct EnrollCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "enroll", abstract: "Enrols a device with the string that sotto device add --enroll printed.",
        discussion: """
            Makes the device's key and file, and gets its number from the gateway. If it is interrupted, the same command goes \
            on where it was. The string is a secret for as long as it can be used: - reads it from standard input, since \
            arguments are shown in process lists.
            """)

    @Argument(help: "The string; - for standard input.")
    var string: String

    @Argument(help: "The file to make.")
    var file = "device.yaml"

    @Option(
        name: [.customLong("profile"), .customLong("link")],
        help: ArgumentHelp(
            "The link: a name that sotto profile list shows, or a path relative to the device's file.",
            valueName: "name"))
    var link: String?

    @Flag(help: "You hold a permission to encrypt on this link of amateur radio.")
    var encryptionPermitted = false

    @Option(help: ArgumentHelp("Another way to reach the gateway than the string's.", valueName: "host:port"))
    var gateway: String?

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
        let (number, state) = try await enrol(device, enrolment, address, try ephemeral(attempt, enrolment))
        // The state first: a device with a number and without it would begin its counters anew.
        try DeviceState.begin(device, with: state)
        device.number = number
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
            guard device.number == nil else {
                throw Failure(.badInput, "\(file) is an enrolled device already and is not overwritten")
            }
        } else {
            device = DeviceFile(path: file, privateKey: KeyText.generate(), link: .unknown)
        }
        device.gateway = address.description
        device.gatewayKey = enrolment.gatewayKey
        if let link { try device.use(link: link, encryptionPermitted: encryptionPermitted) }
        try device.save()
        return try DeviceFile.load(file)
    }

    /// The attempt's ephemeral key, kept with a mark of its string: the gateway repeats its answer to the same message only.
    private func ephemeral(_ path: String, _ enrolment: EnrolmentText) throws -> [UInt8] {
        let mark = WireSuite.hash(Array(enrolment.text.utf8))
        if let stored = FileManager.default.contents(atPath: path), stored.count == 64, Array(stored.prefix(32)) == mark
        {
            return Array(stored.suffix(32))
        }
        let fresh = Sodium.randomBytes(32)
        try DurableFile.write(mark + fresh, to: path)
        return fresh
    }

    private func enrol(
        _ device: DeviceFile, _ text: EnrolmentText, _ address: HostPort, _ ephemeral: [UInt8]
    ) async throws -> (number: UInt32, state: [UInt8]) {
        let lock = try device.lock()
        defer { withExtendedLifetime(lock) {} }
        let socket = try await DeviceSocket(address)
        var machine: Enrolment<WireSuite>
        do {
            machine = try Enrolment<WireSuite>(
                privateKey: device.privateKey, gatewayKey: text.gatewayKey, code: text.code, ephemeral: ephemeral,
                link: device.link, now: Clock.monotonic)
        } catch {
            throw Failure(.key, "the gateway's key in the string cannot be used")
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
            case .enrolled(let number, let state):
                await socket.close()
                return (number, state)
            case .unanswered:
                throw Failure(
                    .key,
                    "the gateway did not answer: it is out of reach, has another key than the string says, or the code is "
                        + "wrong, used, or older than 15 minutes (a gateway stays silent towards strangers)")
            }
        }
        throw Failure(.noAnswer, "the socket was closed")
    }
}
