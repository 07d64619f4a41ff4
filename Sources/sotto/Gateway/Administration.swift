internal import CompactMatrix
internal import Foundation
internal import GatewayCore
internal import GatewayStore
internal import Links
internal import NoiseSodium

/// What the sotto commands may ask of a gateway: over its socket while it runs, on its store while it does not.
enum AdministrationRequest: Codable, Sendable {
    /// Keys in base64; a device has a public key, a preshared key, or both.
    case add(name: String, publicKey: String?, presharedKey: String?, room: String)
    /// The device comes by itself, with this code in base64.
    case enroll(name: String, code: String, room: String)
    /// The device comes by itself, with this secret of its label in base64.
    case label(name: String, secret: String, room: String)
    /// The device gets a session; without a room it is one that is there, which gets another.
    case provision(name: String, room: String?)
    /// The device comes by itself, with this code in base64, and exchanges its key.
    case rotate(name: String, code: String)
    case revoke(name: String)
    /// How its firmware packs readings: a `PayloadTemplate` in base64; nil: it does not.
    case template(name: String, template: String?)
    case list
    case show(name: String)
    case queue
    case status
}

struct AdministrationReply: Codable, Sendable {
    struct Status: Codable, Sendable {
        var devices: Int
        var queued: Int
        /// What is wrong with the homeserver; nil: nothing that is known.
        var homeserverProblem: String?
        var counters: Counters
        var gatewayKey: String
        var listening: [String]
        /// The restore or copy of the data folder that was detected last; nil: none ever was.
        var restore: Restored?
    }

    struct Restored: Codable, Sendable {
        var detected: String
        var reason: String
        /// Devices that have not shaken hands since.
        var awaitingHandshake: [String]
    }

    struct Problem: Codable, Sendable {
        var exitStatus: Int32
        var message: String
    }

    struct OpenEnrolment: Codable, Sendable {
        var name: String
        var room: String
        var expires: String
    }

    var devices: [DeviceSummary] = []
    var enrolments: [OpenEnrolment] = []
    /// A provisioned session, in base64: a secret.
    var session: String?
    var status: Status?
    var queue: QueueSummary?
    var problem: Problem?
}

enum Administration {
    static func answer(
        _ request: AdministrationRequest, _ gateway: inout WireGateway, listening: [String], restore: Restore?,
        now: Moment
    ) -> AdministrationReply {
        var reply = AdministrationReply()
        do {
            switch request {
            case .add(let name, let publicKey, let presharedKey, let room):
                let added = try gateway.addDevice(
                    name: name, publicKey: try publicKey.map { try KeyText.parsePublic($0, "\"\($0)\"") } ?? [],
                    presharedKey: try presharedKey.map { try KeyText.parse($0, "the preshared key") } ?? [], room: room,
                    now: now)
                reply.devices = summaries(of: added, gateway)
            case .enroll(let name, let code, let room):
                guard let code = Data(base64Encoded: code) else { throw Failure(.badInput, "the code is not base64") }
                try gateway.addEnrolment(name: name, room: room, code: [UInt8](code), now: now)
            case .label(let name, let secret, let room):
                guard let secret = Data(base64Encoded: secret) else {
                    throw Failure(.badInput, "the secret is not base64")
                }
                let added = try gateway.addLabelled(name: name, secret: [UInt8](secret), room: room, now: now)
                reply.devices = summaries(of: added, gateway)
            case .provision(let name, let room):
                let made =
                    if let room { try gateway.provision(name: name, room: room, now: now) } else {
                        try gateway.provisionAgain(name, now: now)
                    }
                reply.session = Data(made.session).base64EncodedString()
                reply.devices = summaries(of: made.record, gateway)
            case .rotate(let name, let code):
                guard let code = Data(base64Encoded: code) else { throw Failure(.badInput, "the code is not base64") }
                try gateway.rotate(name, code: [UInt8](code), now: now)
            case .revoke(let name):
                guard let revoked = try gateway.revoke(name) else { break }
                reply.devices = summaries(of: revoked, gateway)
            case .template(let name, let template):
                let packed = try template.map { text in
                    guard let bytes = Data(base64Encoded: text),
                        let template = PayloadTemplate(decoding: [UInt8](bytes))
                    else { throw Failure(.badInput, "the template cannot be read") }
                    return template
                }
                let changed = try gateway.setTemplate(of: name, packed)
                reply.devices = summaries(of: changed, gateway)
            case .list:
                reply.devices = gateway.deviceList.map(DeviceSummary.init)
                reply.enrolments = gateway.openEnrolments.filter { $0.expiresUnixMilliseconds > now.unixMilliseconds }
                    .map {
                        AdministrationReply.OpenEnrolment(
                            name: $0.name, room: $0.room,
                            expires: Date(timeIntervalSince1970: Double($0.expiresUnixMilliseconds) / 1000)
                                .ISO8601Format())
                    }
            case .show(let name):
                reply.devices = [
                    DeviceSummary(
                        try gateway.status(named: name), today: now, isRateKnown: gateway.configuration.link.isRateKnown
                    )
                ]
            case .queue:
                reply.queue = QueueSummary(gateway, isRunning: !listening.isEmpty, now: now)
            case .status:
                break
            }
            let totals = gateway.totals
            reply.status = AdministrationReply.Status(
                devices: totals.devices, queued: totals.queued,
                homeserverProblem: gateway.homeserverProblem, counters: gateway.counters,
                gatewayKey: KeyText.render(WireSuite.publicKey(of: gateway.configuration.privateKeys[0])),
                listening: listening,
                restore: restore.map { restore in
                    AdministrationReply.Restored(
                        detected: Date(timeIntervalSince1970: Double(restore.unixMilliseconds) / 1000).ISO8601Format(),
                        reason: restore.reason,
                        awaitingHandshake: gateway.deviceList.map(\.record)
                            .filter { $0.awaitsHandshake && !$0.isRevoked }.map(\.name))
                })
        } catch {
            let failure = describe(error)
            reply.problem = AdministrationReply.Problem(exitStatus: failure.status.rawValue, message: failure.message)
        }
        return reply
    }

    private static func summaries(of record: DeviceRecord, _ gateway: WireGateway) -> [DeviceSummary] {
        gateway.status(of: record.number).map { [DeviceSummary($0)] } ?? []
    }

    static func describe(_ error: any Error) -> Failure {
        switch error {
        case let failure as Failure:
            return failure
        case DeviceError.invalidName(let name):
            return Failure(
                .badInput,
                "\"\(name)\" is no name for a device: letters, digits and ._- are allowed, at most 64, and not \"sotto\""
            )
        case DeviceError.nameTaken(let name):
            return Failure(.badInput, "there is a device \(name) already")
        case DeviceError.invalidKey:
            return Failure(.key, "the public key must be 32 bytes")
        case DeviceError.keyTaken(let name):
            return Failure(.key, "the device \(name) has this public key already: each device makes its own")
        case DeviceError.invalidRoom(let room):
            return Failure(.badInput, "\"\(room)\" is no room: an id (!...) or an alias (#name:server) is expected")
        case DeviceError.unknown(let name):
            return Failure(.unknownDevice, "there is no device \(name); sotto device list shows them")
        case DeviceError.alreadyRevoked(let name):
            return Failure(.unknownDevice, "the device \(name) has been revoked already")
        case DeviceError.tooManyDevices:
            return Failure(.badInput, "all device numbers are given")
        case StoreError.newerVersion(let path, let found, let supported):
            return Failure(
                .newerStore,
                "\(path) was written by a newer version of sotto (schema \(found), this one knows \(supported))")
        case StoreError.storageKeyMissing(let path):
            return Failure(
                .key,
                "\(path) is sealed, and there is no storage key: give storage_key_file, or the systemd credential "
                    + StorageKey.credential)
        case StoreError.wrongStorageKey(let path):
            return Failure(.key, "\(path) is sealed under another storage key than the one that was given")
        case StoreError.unusable(let path, let reason):
            return Failure(.storage, "\(path) cannot be used: \(reason)")
        default:
            return Failure(.storage, "\(error)")
        }
    }
}
