internal import DeviceClient
internal import Foundation
internal import NoiseSodium
internal import Profiles
internal import SecureDatagram

/// A provisioned session on its way to its device. Whoever has the file is the device, so there is one, and it is used once.
struct SessionFile {
    var gateway: HostPort
    var number: UInt32
    /// The name of the device's link; nil: it is told at the import.
    var link: String?
    /// The state that the device begins from.
    var state: [UInt8]
    /// The device's file that the session is being imported into; nil: not yet.
    var claimed: String?

    static func load(_ path: String) throws -> SessionFile {
        guard FileManager.default.fileExists(atPath: path) else {
            throw Failure(.badInput, "\(path): there is no such file; one that was imported is gone")
        }
        if let mode = try? FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? NSNumber,
            mode.intValue & 0o077 != 0
        {
            throw Failure(.key, "\(path): others may read the session's keys in it; provision the device again")
        }
        let top = try YAMLSection.load(path)
        let address = try top.required("gateway", "HOST:PORT")
        guard let gateway = HostPort(address) else {
            throw Failure(.badConfiguration, "\(path): gateway: \"\(address)\" is not HOST:PORT")
        }
        guard let number = try top.integer("number", 0...Int64(DeviceNumber.largest)) else {
            throw Failure(.badConfiguration, "\(path): number is missing")
        }
        guard let state = Data(base64Encoded: try top.required("state", "the session")) else {
            throw Failure(.badConfiguration, "\(path): state: base64 is expected")
        }
        let file = SessionFile(
            gateway: gateway, number: UInt32(number), link: try top.string("link"), state: [UInt8](state),
            claimed: try top.string("claimed"))
        try top.finish()
        _ = try file.sessionID(path)
        return file
    }

    /// What names the session.
    func sessionID(_ path: String) throws -> [UInt8] {
        guard let session = try? ProvisionedState.session(in: state, WireSuite.self), session.device == number else {
            throw Failure(.badConfiguration, "\(path): state: this is not the session of device \(number)")
        }
        return session.id
    }

    func save(_ path: String) throws {
        var text = """
            # A Sotto session: whoever has this file is the device. It is used once: sotto device import \(path)
            gateway: "\(gateway)"
            number: \(number)
            state: \(Data(state).base64EncodedString())

            """
        if let link { text += "link: \"\(link)\"\n" }
        if let claimed { text += "claimed: \"\(claimed)\"\n" }
        try DurableFile.write(Array(text.utf8), to: path)
    }

    /// Has the gateway make a session, for a new device in a room or for one that is there, and writes the device's end.
    static func provision(
        name: String, room: String?, into path: String, _ gateway: HostPort, _ link: String?,
        _ configuration: GatewayConfiguration
    ) async throws -> DeviceSummary {
        try checkFree(path)
        let reply = try await AdministrationClient.ask(.provision(name: name, room: room), configuration)
        guard let device = reply.devices.first, let session = reply.session.flatMap({ Data(base64Encoded: $0) }) else {
            throw Failure(.storage, "the gateway did not say what it made")
        }
        let state = try ProvisionedState.begin(with: [UInt8](session), WireSuite.self)
        try SessionFile(gateway: gateway, number: device.number, link: link, state: state).save(path)
        return device
    }

    static func explain(_ device: DeviceSummary, _ path: String) throws {
        try printLine("\(device.name) is device \(device.number) and \(device.userID) in \(device.room)")
        try printLine("Carry \(path) to the device, as the secret that it is; there, once:")
        try printLine("  sotto device import \(path)")
    }

    /// Nothing is there already that a session could overwrite.
    static func checkFree(_ path: String) throws {
        guard !FileManager.default.fileExists(atPath: path) else {
            throw Failure(.badInput, "\(path) is there already and is not overwritten")
        }
    }
}

/// The sessions that have left a device's file, beside it: they must not be used from here again.
enum MovedSessions {
    private static func path(_ device: DeviceFile) -> String { device.path + ".moved" }

    private static func ids(_ device: DeviceFile) throws -> [String] {
        let path = path(device)
        guard FileManager.default.fileExists(atPath: path) else { return [] }
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw Failure(.storage, "\(path): cannot be read")
        }
        return text.split(separator: "\n").map { String($0) }
    }

    static func contains(_ id: [UInt8], of device: DeviceFile) throws -> Bool {
        try ids(device).contains(KeyText.render(id))
    }

    /// On disk when this returns.
    static func add(_ id: [UInt8], of device: DeviceFile) throws {
        let all = try ids(device) + [KeyText.render(id)]
        try DurableFile.write(Array((all.joined(separator: "\n") + "\n").utf8), to: path(device))
    }

    /// Refuses a state whose session has been exported.
    static func refuse(_ state: [UInt8], of device: DeviceFile) throws {
        guard let session = try? ProvisionedState.session(in: state, WireSuite.self),
            try contains(session.id, of: device)
        else { return }
        throw Failure(
            .key,
            "the session of \(device.path) was exported: it is used where it was imported. If it got lost on the way, "
                + "provision the device again with sotto device rotate NAME --session FILE")
    }
}
