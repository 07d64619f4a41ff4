internal import ArgumentParser
internal import DeviceClient
internal import Foundation
internal import NoiseSodium

struct ImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Makes a device of a provisioned session.",
        discussion: """
            Takes the file that sotto device add --session, rotate --session or export wrote; the file is gone afterwards. \
            If it is interrupted, the same command goes on where it was.
            """)

    @Argument(help: "The session's file.")
    var session: String

    @Argument(help: "The device's file to make.")
    var file = "device.yaml"

    @OptionGroup var linkOptions: LinkOptions

    @Option(help: ArgumentHelp("Another way to reach the gateway than the file's.", valueName: "host:port"))
    var gateway: String?

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        var source = try SessionFile.load(session)
        let id = try source.sessionID(session)
        var address = source.gateway
        if let gateway {
            guard let other = HostPort(gateway) else {
                throw Failure(.badInput, "--gateway \(gateway): HOST:PORT is expected")
            }
            address = other
        }
        let target = URL(fileURLWithPath: file).standardizedFileURL.path
        if let claimed = source.claimed, claimed != target {
            throw Failure(.badInput, "\(session) has been imported as \(claimed): a session is used once")
        }
        var device = DeviceFile(
            path: file, privateKey: [], gateway: address.description, number: source.number, link: .unknown)
        try linkOptions.apply(to: &device, otherwise: source.link)
        let lock = try device.lock()
        defer { withExtendedLifetime(lock) {} }
        guard try !MovedSessions.contains(id, of: device) else {
            throw Failure(.badInput, "\(session) holds a session that was exported from \(file) and used since, maybe")
        }
        if FileManager.default.fileExists(atPath: file) {
            let known = try DeviceFile.load(file)
            guard known.isProvisioned, known.number == source.number else {
                throw Failure(.badInput, "\(file) is another device and is not overwritten")
            }
            if linkOptions.link == nil, source.link == nil { device.linkPath = known.linkPath }
            if try DeviceState.sessionID(known) == id {
                // Interrupted between the device's file and the end.
                return try finish(device)
            }
        }
        // Claimed before anything is made of it: a second import elsewhere must not find it free.
        source.claimed = target
        try source.save(session)
        try DeviceState.begin(device, with: source.state)
        try device.save()
        try finish(device)
    }

    private func finish(_ device: DeviceFile) throws {
        do {
            try FileManager.default.removeItem(atPath: session)
        } catch {
            throw Failure(.storage, "\(session): cannot be removed: \(error.localizedDescription); remove it")
        }
        let number = device.number.map { String($0) } ?? ""
        if json {
            try printJSON(["file": file, "number": number])
        } else {
            print("\(file) is device \(number): sotto device send -d \(file) hello")
        }
    }
}

struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Moves a device's provisioned session into a file.",
        discussion: """
            The device's file is dead from then on: the session is used where the file is imported. A request that is under \
            way goes along.
            """)

    @Argument(help: "The device's file.")
    var file: String

    @Argument(help: "The file to write.")
    var session: String

    func run() throws {
        let device = try DeviceFile.load(file)
        let (_, address) = try device.identity()
        guard device.isProvisioned, let number = device.number else {
            throw Failure(
                .badInput,
                "\(file) has a key of its own: enrol the other place as a device instead, or move \(file) itself")
        }
        try SessionFile.checkFree(session)
        let lock = try device.lock()
        defer { withExtendedLifetime(lock) {} }
        let (_, state) = try DeviceState.open(device)
        guard let state, let known = try? ProvisionedState.session(in: state, WireSuite.self) else {
            throw Failure(.key, "\(file) has no session")
        }
        // Dead here before it can live elsewhere.
        try MovedSessions.add(known.id, of: device)
        try SessionFile(gateway: address, number: number, state: state).save(session)
        try? FileManager.default.removeItem(atPath: device.stateFile)
        print("the session of device \(number) is in \(session), for sotto device import; \(file) is not used any more")
    }
}
