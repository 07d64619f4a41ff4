internal import Foundation
internal import GRDB
internal import GatewayCore

/// What can be said of a store without opening it for use, also while a gateway has it: nothing is changed.
public struct StoreInspection: Sendable {
    public var version: Int
    public var isSealed: Bool
    /// Why the key that was given, or none, is not the store's.
    public var keyProblem: StoreError?
    /// What its next start would detect.
    public var pendingReasons: [RestoreReason]
    public var lastRestore: Restore?
    /// Names of devices that have not shaken hands since the last restore.
    public var awaitingHandshake: [String]
    /// Names of devices that have no session and cannot make one.
    public var awaitingSession: [String]
    /// Names of devices whose room is encrypted, and of those whose room does not let them in.
    public var inEncryptedRooms: [String] = []
    public var refusedByRooms: [String] = []
    /// Of its last change.
    public var seenUnixMilliseconds: Int64?

    public static var supportedVersion: Int { Schema.version }

    /// nil: there is no store.
    public init?(path: String, cipher: (any StorageCipher)?, traces: Traces) throws(StoreError) {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(5)
        // The file before the database: of two that advance meanwhile it is then the one behind.
        let file = GenerationFile.read(traces.generationFile)
        do {
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            defer { try? queue.close() }
            self = try queue.read { db in try Self(db, path, cipher, traces, file) }
        } catch let error as StoreError {
            throw error
        } catch {
            throw .unusable(path: path, reason: "\(error)")
        }
    }

    private init(
        _ db: Database, _ path: String, _ cipher: (any StorageCipher)?, _ traces: Traces, _ file: GenerationFile.Found
    ) throws {
        version = try Schema.version(db)
        isSealed = false
        pendingReasons = []
        awaitingHandshake = []
        awaitingSession = []
        guard version <= Schema.version else {
            throw StoreError.newerVersion(path: path, found: version, supported: Schema.version)
        }
        if let problem = try String.fetchOne(db, sql: "PRAGMA quick_check(1)"), problem != "ok" {
            throw StoreError.unusable(path: path, reason: problem)
        }
        // An older store gets what follows at its next start.
        guard version == Schema.version else { return }
        if let row = try Row.fetchOne(db, sql: "SELECT store, key_check FROM seal") {
            let check = (row["key_check"] as Data?).map { [UInt8]($0) }
            isSealed = check != nil
            let sealer = Sealer(cipher: cipher, storeID: [UInt8](row["store"] as Data))
            do throws(StoreError) {
                _ = try StoreSeal.agreement(sealer, check, path: path)
            } catch {
                keyProblem = error
            }
        }
        if let (note, restore) = try Generation.read(db) {
            pendingReasons = note.reasons(traces, file: file)
            lastRestore = restore
            seenUnixMilliseconds = note.seenUnixMilliseconds
        }
        awaitingHandshake = try String.fetchAll(
            db, sql: "SELECT name FROM device WHERE handshake_counter = ? AND NOT is_revoked ORDER BY number",
            arguments: [Int64(bitPattern: DeviceRecord.untrustedCounter)])
        awaitingSession = try String.fetchAll(
            db,
            sql: """
                SELECT name FROM device
                WHERE public_key = x'' AND psk = x'' AND label_key = x'' AND NOT is_revoked
                    AND NOT EXISTS (SELECT 1 FROM session WHERE session.device = device.number)
                ORDER BY number
                """)
        let inState = "SELECT name FROM device WHERE room_state = ? AND NOT is_revoked ORDER BY number"
        inEncryptedRooms = try String.fetchAll(db, sql: inState, arguments: ["encrypted"])
        refusedByRooms = try String.fetchAll(db, sql: inState, arguments: ["refused"])
        // They await no handshake: they cannot shake hands.
        awaitingHandshake.removeAll { awaitingSession.contains($0) }
    }
}
