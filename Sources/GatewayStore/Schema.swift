internal import GRDB

/// The tables, by numbered steps that only ever go forward. `user_version` says which have been taken.
enum Schema {
    static let version = steps.count

    private static let steps = [
        """
        CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
        CREATE TABLE device (
            number INTEGER PRIMARY KEY,
            name TEXT NOT NULL,
            public_key BLOB NOT NULL,
            added_ms INTEGER NOT NULL,
            is_revoked INTEGER NOT NULL,
            is_registered INTEGER NOT NULL,
            room_requested TEXT NOT NULL,
            room_id TEXT,
            room_state TEXT NOT NULL,
            room_reason TEXT,
            handshake_counter INTEGER NOT NULL,
            handshake_hash BLOB NOT NULL,
            handshake_reply BLOB NOT NULL,
            observe_token BLOB,
            address_ip BLOB,
            address_port INTEGER,
            address_scope INTEGER,
            last_seen_ms INTEGER,
            accepted INTEGER NOT NULL,
            delivered INTEGER NOT NULL,
            refused INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE session (
            device INTEGER NOT NULL,
            slot INTEGER NOT NULL,
            session BLOB NOT NULL,
            PRIMARY KEY (device, slot)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE answer (
            device INTEGER NOT NULL,
            source BLOB NOT NULL,
            number INTEGER,
            answer BLOB NOT NULL,
            expires_ms INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX answer_by_device ON answer (device, expires_ms);
        CREATE TABLE uplink (
            id INTEGER PRIMARY KEY,
            device INTEGER NOT NULL,
            request_id TEXT NOT NULL UNIQUE,
            resource INTEGER NOT NULL,
            body BLOB NOT NULL,
            received_ms INTEGER NOT NULL,
            refusal TEXT
        ) STRICT;
        CREATE TABLE inbox (
            id INTEGER PRIMARY KEY,
            device INTEGER NOT NULL,
            body BLOB NOT NULL,
            unverified_sender TEXT
        ) STRICT;
        """,
        // Devices with a preshared key, and devices that may enrol themselves.
        """
        ALTER TABLE device ADD COLUMN psk BLOB NOT NULL DEFAULT x'';
        CREATE TABLE enrolment (
            name TEXT PRIMARY KEY,
            room TEXT NOT NULL,
            code_hash BLOB NOT NULL,
            expires_ms INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        """,
        """
        CREATE TABLE seal (
            only INTEGER PRIMARY KEY CHECK (only = 1),
            store BLOB NOT NULL,
            key_check BLOB
        ) STRICT;
        CREATE TABLE generation (
            only INTEGER PRIMARY KEY CHECK (only = 1),
            instance BLOB NOT NULL,
            sequence INTEGER NOT NULL,
            machine BLOB,
            anchor TEXT NOT NULL,
            seen_ms INTEGER NOT NULL,
            restored_ms INTEGER,
            restored_why TEXT
        ) STRICT;
        """,
        // Events are known by their ids instead of transactions by their numbers, which the homeserver gives twice.
        """
        CREATE TABLE taken (position INTEGER PRIMARY KEY, event TEXT NOT NULL) STRICT;
        DELETE FROM meta WHERE name = 'transaction';
        """,
        // Devices that enrol themselves by a label, and devices that get another key.
        """
        ALTER TABLE device ADD COLUMN label_key BLOB NOT NULL DEFAULT x'';
        ALTER TABLE device ADD COLUMN label_hash BLOB NOT NULL DEFAULT x'';
        ALTER TABLE device ADD COLUMN label_reply BLOB NOT NULL DEFAULT x'';
        ALTER TABLE enrolment ADD COLUMN device INTEGER;
        """,
        // Messages that come in blocks and are not whole yet.
        """
        CREATE TABLE body (
            device INTEGER PRIMARY KEY,
            session BLOB NOT NULL,
            source BLOB NOT NULL,
            number INTEGER,
            block_key BLOB NOT NULL,
            bytes BLOB NOT NULL,
            expires_ms INTEGER NOT NULL
        ) STRICT;
        """,
        // Compact headers, names of what has been on its way to a device, templates of readings.
        """
        ALTER TABLE inbox ADD COLUMN name INTEGER;
        ALTER TABLE device ADD COLUMN observes_compactly INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE device ADD COLUMN template BLOB NOT NULL DEFAULT x'';
        """,
        outboxStep,
        activityStep,
    ]

    /// That of the file.
    static func version(_ db: Database) throws -> Int {
        try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
    }

    static func migrate(_ queue: DatabaseQueue, from found: Int) throws {
        for (index, step) in steps.enumerated() where index >= found {
            try queue.write { db in
                try db.execute(sql: step)
                try db.execute(sql: "PRAGMA user_version = \(index + 1)")
            }
        }
    }
}
