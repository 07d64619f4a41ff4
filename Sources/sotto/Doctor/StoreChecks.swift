internal import Foundation
internal import GatewayStore

/// The store: whether this program can use it, and whether it is what the gateway left behind.
enum StoreChecks {
    static func all(_ configuration: GatewayConfiguration, isRunning: Bool) -> [Finding] {
        let cipher: (any StorageCipher)?
        do {
            cipher = try StorageKey.load(configuration)
        } catch {
            // Reported as the storage key's.
            return []
        }
        do {
            guard
                let store = try StoreInspection(
                    path: configuration.storeFile, cipher: cipher, traces: configuration.traces)
            else { return [.note("store", "there is none yet: the gateway makes it at its first start")] }
            return [
                version(store, hasKey: cipher != nil, isRunning: isRunning), restore(store), sessions(store),
                clock(store), rooms(store),
            ]
            .compactMap { $0 }
        } catch {
            return [.wrong("store", Administration.describe(error).message, remedy(error))]
        }
    }

    private static func version(_ store: StoreInspection, hasKey: Bool, isRunning: Bool) -> Finding {
        if let problem = store.keyProblem {
            // systemd hands a credential to the gateway alone, which runs: so it has the key.
            guard isRunning, !hasKey else {
                return .wrong("store", Administration.describe(problem).message, remedy(problem))
            }
            return .note(
                "store",
                "version \(store.version), sealed under a key that the running gateway has and this command has not")
        }
        if store.version < StoreInspection.supportedVersion {
            return .note("store", "of an older version (\(store.version)): the next start brings it up to date")
        }
        if hasKey, !store.isSealed { return .note("store", "not sealed yet: the next start seals it") }
        return .ok("store", "version \(store.version), \(store.isSealed ? "sealed" : "not sealed"), undamaged")
    }

    private static func restore(_ store: StoreInspection) -> Finding {
        if !store.pendingReasons.isEmpty {
            return .wrong(
                "restore",
                "the data folder was restored or copied: " + store.pendingReasons.map(\.text).joined(separator: "; "),
                "stop every other gateway that uses it, then start this one: it drops the sessions, and each device shakes "
                    + "hands again after one message without an answer")
        }
        guard let restore = store.lastRestore else { return .ok("restore", "no restore or copy was ever detected") }
        let date = Date(timeIntervalSince1970: Double(restore.unixMilliseconds) / 1000).ISO8601Format()
        let what = "restored or copied, detected \(date): \(restore.reason)"
        guard !store.awaitingHandshake.isEmpty else {
            return .ok("restore", "\(what); every device has shaken hands since")
        }
        return .note(
            "restore", "\(what); yet to shake hands: \(store.awaitingHandshake.joined(separator: ", "))",
            "nothing: they do so when they next send")
    }

    private static func sessions(_ store: StoreInspection) -> Finding? {
        guard !store.awaitingSession.isEmpty else { return nil }
        return .wrong(
            "sessions",
            "devices without a session, which cannot make one: \(store.awaitingSession.joined(separator: ", "))",
            "provision each again: sotto device rotate NAME --session FILE, then sotto device import FILE on it")
    }

    private static func rooms(_ store: StoreInspection) -> Finding? {
        if !store.inEncryptedRooms.isEmpty {
            return .wrong(
                "rooms", "encrypted, so that nothing is sent there: the rooms of \(list(store.inEncryptedRooms))",
                "give each of them a room without encryption: sotto device revoke NAME, sotto device add")
        }
        guard !store.refusedByRooms.isEmpty else { return .ok("rooms", "no room is known to refuse its device") }
        return .wrong(
            "rooms", "their rooms do not let them in: \(list(store.refusedByRooms))",
            "invite each device's user; sotto device show NAME names it")
    }

    /// Not all of thousands.
    private static func list(_ names: [String]) -> String {
        let shown = names.prefix(20).joined(separator: ", ")
        return names.count > 20 ? "\(shown) and \(names.count - 20) more" : shown
    }

    private static func clock(_ store: StoreInspection) -> Finding? {
        guard let seen = store.seenUnixMilliseconds else { return nil }
        let behind = (seen - Clock.unixMilliseconds) / 86_400_000
        guard behind >= 1 else { return nil }
        return .wrong(
            "clock", "the store was last written \(behind) days in the future of this clock",
            "set the clock: messages carry its time")
    }

    private static func remedy(_ error: any Error) -> String {
        switch error {
        case StoreError.newerVersion: "install the newer version of sotto again"
        case StoreError.storageKeyMissing, StoreError.wrongStorageKey:
            "put the storage key back from a safe place: without it the store cannot be read"
        default: "look at the disk, and at who may read and write the data folder"
        }
    }
}
