internal import GRDB
public import GatewayCore

/// What must survive, in one SQLite file. A write that has returned is on disk: edge gateways lose power.
public final class Store: Sendable {
    private let queue: DatabaseQueue
    private let path: String

    /// Opens or makes the file; brings an older one up to date.
    public init(path: String) throws(StoreError) {
        self.path = path
        var configuration = Configuration()
        configuration.label = "sotto store"
        configuration.busyMode = .timeout(5)
        configuration.prepareDatabase { db in
            try db.execute(sql: "PRAGMA journal_mode = WAL")
            // NORMAL, the usual choice for WAL, loses the last transactions with the power.
            try db.execute(sql: "PRAGMA synchronous = FULL")
            try db.execute(sql: "PRAGMA secure_delete = ON")
        }
        do {
            queue = try DatabaseQueue(path: path, configuration: configuration)
            let found = try queue.read { db in try Int.fetchOne(db, sql: "PRAGMA user_version") } ?? 0
            guard found <= Schema.version else {
                throw StoreError.newerVersion(path: path, found: found, supported: Schema.version)
            }
            try Schema.migrate(queue, from: found)
        } catch let error as StoreError {
            throw error
        } catch {
            throw .unusable(path: path, reason: "\(error)")
        }
    }

    /// Everything that a gateway starts from.
    public func load() throws(StoreError) -> StoredState {
        try guarded { queue in
            try queue.read { db in
                var state = StoredState()
                state.devices = try Row.fetchAll(db, sql: "SELECT * FROM device ORDER BY number").map(Rows.device)
                state.sessions = try Row.fetchAll(db, sql: "SELECT * FROM session").map(Rows.session)
                state.answers = try Row.fetchAll(db, sql: "SELECT * FROM answer ORDER BY rowid").map(Rows.answer)
                state.uplinks = try Row.fetchAll(db, sql: "SELECT * FROM uplink ORDER BY id").map(Rows.uplink)
                state.inbox = try Row.fetchAll(db, sql: "SELECT * FROM inbox ORDER BY id").map(Rows.inbox)
                state.enrolments = try Row.fetchAll(db, sql: "SELECT * FROM enrolment ORDER BY name").map(
                    Rows.enrolment)
                state.lastTransaction = try String.fetchOne(
                    db, sql: "SELECT value FROM meta WHERE name = 'transaction'")
                return state
            }
        }
    }

    /// Carries out all of them or none.
    public func commit(_ writes: [StoreWrite]) throws(StoreError) {
        guard !writes.isEmpty else { return }
        try guarded { queue in
            try queue.write { db in
                for write in writes { try Rows.apply(write, db) }
            }
        }
    }

    /// The settings that decide what a committed write is worth, as the writing connection has them.
    public func durability() throws(StoreError) -> (journalMode: String, synchronous: Int) {
        try guarded { queue in
            try queue.write { db in
                (
                    try String.fetchOne(db, sql: "PRAGMA journal_mode") ?? "",
                    try Int.fetchOne(db, sql: "PRAGMA synchronous") ?? -1
                )
            }
        }
    }

    public func close() throws(StoreError) {
        try guarded { queue in try queue.close() }
    }

    private func guarded<T>(_ body: (DatabaseQueue) throws -> T) throws(StoreError) -> T {
        do {
            return try body(queue)
        } catch {
            throw .unusable(path: path, reason: "\(error)")
        }
    }
}
