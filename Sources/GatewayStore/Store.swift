internal import Foundation
internal import GRDB
public import GatewayCore
internal import Synchronization

/// What must survive, in one SQLite file. A write that has returned is on disk: edge gateways lose power.
public final class Store: Sendable {
    private let queue: DatabaseQueue
    private let path: String
    private let rows: Rows
    /// The second place of the generation; nil: this store keeps none.
    private let generation: GenerationFile?
    /// The restore or copy that was detected when the store was opened: its sessions are gone.
    public let restore: Restore?
    private let lastCheckpoint = Mutex(ContinuousClock.now)

    /// How long what was deleted may stand in the write-ahead log while there are writes.
    private static var checkpointInterval: Duration { .seconds(300) }

    /// Opens or makes the file; brings an older one up to date, and seals one that was made without a key.
    ///
    /// - Parameters:
    ///   - cipher: seals what devices say and what their sessions are made of; nil: the store is not sealed.
    ///   - traces: what tells of a restore or a copy; nil: nothing is detected, and no generation kept.
    public init(path: String, cipher: (any StorageCipher)? = nil, traces: Traces? = nil) throws(StoreError) {
        self.path = path
        do {
            queue = try Self.openUpToDate(path)
            rows = Rows(sealer: try StoreSeal.prepare(cipher, path: path, queue))
            if let traces {
                (generation, restore) = try Generation.begin(traces, queue)
                try queue.writeWithoutTransaction { db in _ = try db.checkpoint(.truncate) }
            } else {
                (generation, restore) = (nil, nil)
            }
        } catch let error as StoreError {
            throw error
        } catch {
            throw .unusable(path: path, reason: DiskSpace.explain(error, besides: path))
        }
    }

    /// Seals the file under another key, in one transaction: a program that is killed meanwhile leaves it under the old one.
    /// false: it is sealed under the new key already.
    public static func changeKey(
        path: String, from old: (any StorageCipher)?, to new: any StorageCipher
    ) throws(StoreError) -> Bool {
        do {
            let queue = try openUpToDate(path)
            let isChanged = try StoreSeal.change(from: old, to: new, path: path, queue)
            try queue.close()
            return isChanged
        } catch let error as StoreError {
            throw error
        } catch {
            throw .unusable(path: path, reason: DiskSpace.explain(error, besides: path))
        }
    }

    private static func openUpToDate(_ path: String) throws -> DatabaseQueue {
        let queue = try open(path)
        let found = try queue.read { db in try Schema.version(db) }
        guard found <= Schema.version else {
            throw StoreError.newerVersion(path: path, found: found, supported: Schema.version)
        }
        try Schema.migrate(queue, from: found)
        return queue
    }

    private static func open(_ path: String) throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.label = "sotto store"
        configuration.busyMode = .timeout(5)
        configuration.prepareDatabase { db in
            try db.execute(sql: "PRAGMA journal_mode = WAL")
            // NORMAL, the usual choice for WAL, loses the last transactions with the power.
            try db.execute(sql: "PRAGMA synchronous = FULL")
            try db.execute(sql: "PRAGMA secure_delete = ON")
        }
        // For its owner only; SQLite gives its other files the same mode.
        if !FileManager.default.fileExists(atPath: path) {
            _ = FileManager.default.createFile(atPath: path, contents: nil, attributes: [.posixPermissions: 0o600])
        }
        return try DatabaseQueue(path: path, configuration: configuration)
    }

    /// Everything that a gateway starts from.
    public func load() throws(StoreError) -> StoredState {
        try guarded { queue in
            try queue.read { db in
                var state = StoredState()
                var damaged: [DamagedRow] = []
                state.devices = try Row.fetchAll(db, sql: "SELECT * FROM device ORDER BY number").map { row in
                    rows.device(row, &damaged)
                }
                state.sessions = try Row.fetchAll(db, sql: "SELECT * FROM session").map(rows.session)
                state.answers = try Row.fetchAll(db, sql: "SELECT * FROM answer ORDER BY rowid")
                    .compactMap(rows.answer)
                state.newestUplinkID = try Int64.fetchOne(db, sql: "SELECT max(id) FROM uplink") ?? 0
                let waiting = try Row.fetchAll(
                    db, sql: "SELECT device, count(*) AS n FROM uplink WHERE refusal IS NULL GROUP BY device")
                for row in waiting {
                    let device = UInt32(truncatingIfNeeded: row["device"] as Int64)
                    state.queued[device] = row["n"]
                    let page = try uplinks(of: device, after: .min, most: Self.uplinksAtStart, db)
                    state.uplinks += page.uplinks
                    damaged += page.damaged
                }
                state.inbox = try Row.fetchAll(db, sql: "SELECT * FROM inbox ORDER BY id").compactMap { row in
                    rows.inbox(row, &damaged)
                }
                state.damaged = damaged
                state.enrolments = try Row.fetchAll(db, sql: "SELECT * FROM enrolment ORDER BY name").map(
                    rows.enrolment)
                state.bodies = try Row.fetchAll(db, sql: "SELECT * FROM body").compactMap(rows.body)
                state.activities = try Row.fetchAll(db, sql: "SELECT * FROM activity").map(DeviceActivity.init)
                state.taken = try Row.fetchAll(db, sql: "SELECT * FROM taken ORDER BY position").map { row in
                    TakenEvent(position: row["position"], eventID: row["event"])
                }
                return state
            }
        }
    }

    /// Queued messages of each device that `load` reads: how many they are must not delay the start.
    private static var uplinksAtStart: Int { 8 }

    /// The next of a device's queued messages, in their order, and those of them that cannot be read.
    ///
    /// - Parameter id: only those with a higher one.
    public func uplinks(
        of device: UInt32, after id: Int64, most: Int
    ) throws(StoreError) -> (uplinks: [UplinkRecord], damaged: [DamagedRow]) {
        try guarded { queue in try queue.read { db in try uplinks(of: device, after: id, most: most, db) } }
    }

    private func uplinks(
        of device: UInt32, after id: Int64, most: Int, _ db: Database
    ) throws -> (uplinks: [UplinkRecord], damaged: [DamagedRow]) {
        let statement = try db.cachedStatement(
            sql: "SELECT * FROM uplink WHERE device = ? AND id > ? AND refusal IS NULL ORDER BY id LIMIT ?")
        var damaged: [DamagedRow] = []
        let uplinks = try Row.fetchAll(statement, arguments: [Int64(device), id, most]).compactMap { row in
            rows.uplink(row, &damaged)
        }
        return (uplinks, damaged)
    }

    /// Carries out all of them or none.
    public func commit(_ writes: [StoreWrite]) throws(StoreError) {
        guard !writes.isEmpty else { return }
        let now = Int64(Date().timeIntervalSince1970 * 1000)
        try guarded { queue in
            let sequence = try queue.write { db in
                for write in writes { try rows.apply(write, db) }
                return try Generation.advance(db, unixMilliseconds: now)
            }
            // After the database: this place may lag behind, but never lead.
            if let sequence { try generation?.advance(to: sequence) }
        }
        let isDue = lastCheckpoint.withLock { last in
            guard ContinuousClock.now - last >= Self.checkpointInterval else { return false }
            last = .now
            return true
        }
        if isDue { try checkpoint() }
    }

    /// Empties the write-ahead log, in which what was deleted stands on, into the file, in which it is overwritten.
    public func checkpoint() throws(StoreError) {
        try guarded { queue in
            try queue.writeWithoutTransaction { db in _ = try db.checkpoint(.truncate) }
            try generation?.synchronise()
        }
    }

    /// The restore or copy that was detected last, now or at an earlier start.
    public func lastRestore() throws(StoreError) -> Restore? {
        try guarded { queue in try queue.read { db in try Generation.read(db)?.restore } }
    }

    /// The settings that decide what a committed write is worth, as the writing connection has them.
    public func durability() throws(StoreError) -> (journalMode: String, synchronous: Int, secureDelete: Bool) {
        try guarded { queue in
            try queue.write { db in
                (
                    try String.fetchOne(db, sql: "PRAGMA journal_mode") ?? "",
                    try Int.fetchOne(db, sql: "PRAGMA synchronous") ?? -1,
                    try Bool.fetchOne(db, sql: "PRAGMA secure_delete") ?? false
                )
            }
        }
    }

    public func close() throws(StoreError) {
        try checkpoint()
        try guarded { queue in try queue.close() }
    }

    private func guarded<T>(_ body: (DatabaseQueue) throws -> T) throws(StoreError) -> T {
        do {
            return try body(queue)
        } catch let error as StoreError {
            throw error
        } catch {
            throw .unusable(path: path, reason: DiskSpace.explain(error, besides: path))
        }
    }
}
