import Foundation
import GRDB

/// A store as the first version left it: its tables word for word, which no later version may change, and rows in them.
enum FirstSchema {
    static func write(
        _ path: String, session: [UInt8], answer: [UInt8], uplink: [UInt8], inbox: [UInt8], reply: [UInt8]
    )
        throws
    {
        let queue = try DatabaseQueue(path: path)
        try queue.write { db in
            try db.execute(sql: tables)
            try db.execute(
                sql: """
                    INSERT INTO device VALUES (1, 'pump', ?, 5, 0, 1, '#a:b', '!a', 'joined', NULL, 3, x'01', ?, NULL,
                        NULL, NULL, NULL, 6, 1, 1, 0);
                    INSERT INTO session VALUES (1, 0, ?);
                    INSERT INTO answer VALUES (1, x'01', 5, ?, 9);
                    INSERT INTO uplink VALUES (7, 1, 'a.1', 116, ?, 5, NULL);
                    INSERT INTO inbox VALUES (1, 1, ?, NULL);
                    INSERT INTO meta VALUES ('transaction', 't9');
                    PRAGMA user_version = 1;
                    """,
                arguments: [
                    Data(repeating: 1, count: 32), Data(reply), Data(session), Data(answer), Data(uplink), Data(inbox),
                ])
        }
        try queue.close()
    }

    private static let tables = """
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

        """
}
