internal import Foundation
internal import GRDB
internal import GatewayCore

/// Records to rows and back.
enum Rows {
    static func apply(_ write: StoreWrite, _ db: Database) throws {
        switch write {
        case .device(let device):
            try save(device, db)
        case .session(let session):
            try run(
                db, "INSERT OR REPLACE INTO session VALUES (?, ?, ?)",
                [Int64(session.device), session.slot, blob(session.session)])
        case .removeSession(let device, let slot):
            try run(db, "DELETE FROM session WHERE device = ? AND slot = ?", [Int64(device), slot])
        case .answer(let answer):
            try run(
                db, "INSERT INTO answer VALUES (?, ?, ?, ?, ?)",
                [
                    Int64(answer.device), blob(answer.source), answer.number.map(Int64.init(bitPattern:)),
                    blob(answer.answer), answer.expiresUnixMilliseconds,
                ])
        case .removeAnswers(let device, let time):
            try run(db, "DELETE FROM answer WHERE device = ? AND expires_ms < ?", [Int64(device), time])
        case .uplink(let uplink):
            try run(
                db,
                """
                INSERT INTO uplink VALUES (?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (id) DO UPDATE SET refusal = excluded.refusal
                """,
                [
                    uplink.id, Int64(uplink.device), uplink.requestID, Int64(uplink.resource), blob(uplink.body),
                    uplink.receivedUnixMilliseconds, uplink.refusal,
                ])
        case .removeUplink(let id):
            try run(db, "DELETE FROM uplink WHERE id = ?", [id])
        case .inbox(let item):
            try run(
                db, "INSERT OR REPLACE INTO inbox VALUES (?, ?, ?, ?)",
                [item.id, Int64(item.device), blob(item.body), item.unverifiedSender])
        case .removeInbox(let id):
            try run(db, "DELETE FROM inbox WHERE id = ?", [id])
        case .enrolment(let record):
            try run(
                db, "INSERT OR REPLACE INTO enrolment VALUES (?, ?, ?, ?)",
                [record.name, record.room, blob(record.codeHash), record.expiresUnixMilliseconds])
        case .removeEnrolment(let name):
            try run(db, "DELETE FROM enrolment WHERE name = ?", [name])
        case .transaction(let id):
            try run(db, "INSERT OR REPLACE INTO meta VALUES ('transaction', ?)", [id])
        }
    }

    private static func save(_ device: DeviceRecord, _ db: Database) throws {
        let (state, reason): (String, String?) =
            switch device.room.state {
            case .pending: ("pending", nil)
            case .joined: ("joined", nil)
            case .refused(let reason): ("refused", reason)
            case .encrypted: ("encrypted", nil)
            }
        try run(
            db, "INSERT OR REPLACE INTO device VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            [
                Int64(device.number), device.name, blob(device.publicKey), device.addedUnixMilliseconds,
                device.isRevoked, device.isRegistered, device.room.requested, device.room.roomID, state, reason,
                Int64(bitPattern: device.handshakeCounter), blob(device.handshakeHash), blob(device.handshakeReply),
                device.observeToken.map(blob), device.address.map { blob($0.ip) },
                device.address.map { Int64($0.port) }, device.address.map { Int64($0.scope) },
                device.lastSeenUnixMilliseconds, Int64(bitPattern: device.accepted),
                Int64(bitPattern: device.delivered), Int64(bitPattern: device.refused), blob(device.presharedKey),
            ])
    }

    private static func run(_ db: Database, _ sql: String, _ arguments: [(any DatabaseValueConvertible)?]) throws {
        try db.cachedStatement(sql: sql).execute(arguments: StatementArguments(arguments))
    }

    static func device(_ row: Row) -> DeviceRecord {
        let state: RoomMapping.State =
            switch row["room_state"] as String {
            case "joined": .joined
            case "refused": .refused(row["room_reason"] ?? "")
            case "encrypted": .encrypted
            default: .pending
            }
        var device = DeviceRecord(
            number: UInt32(truncatingIfNeeded: row["number"] as Int64), name: row["name"],
            publicKey: bytes(row["public_key"]), addedUnixMilliseconds: row["added_ms"],
            room: RoomMapping(requested: row["room_requested"], roomID: row["room_id"], state: state))
        device.presharedKey = bytes(row["psk"])
        device.isRevoked = row["is_revoked"]
        device.isRegistered = row["is_registered"]
        device.handshakeCounter = UInt64(bitPattern: row["handshake_counter"])
        device.handshakeHash = bytes(row["handshake_hash"])
        device.handshakeReply = bytes(row["handshake_reply"])
        device.observeToken = (row["observe_token"] as Data?).map { [UInt8]($0) }
        if let ip = row["address_ip"] as Data?, let port = row["address_port"] as Int64? {
            device.address = PeerAddress(
                ip: [UInt8](ip), port: UInt16(truncatingIfNeeded: port),
                scope: UInt32(truncatingIfNeeded: row["address_scope"] as Int64? ?? 0))
        }
        device.lastSeenUnixMilliseconds = row["last_seen_ms"]
        device.accepted = UInt64(bitPattern: row["accepted"])
        device.delivered = UInt64(bitPattern: row["delivered"])
        device.refused = UInt64(bitPattern: row["refused"])
        return device
    }

    static func session(_ row: Row) -> SessionRecord {
        SessionRecord(
            device: UInt32(truncatingIfNeeded: row["device"] as Int64), slot: row["slot"],
            session: bytes(row["session"]))
    }

    static func answer(_ row: Row) -> AnswerRecord {
        AnswerRecord(
            device: UInt32(truncatingIfNeeded: row["device"] as Int64), source: bytes(row["source"]),
            number: (row["number"] as Int64?).map(UInt64.init(bitPattern:)), answer: bytes(row["answer"]),
            expiresUnixMilliseconds: row["expires_ms"])
    }

    static func uplink(_ row: Row) -> UplinkRecord {
        UplinkRecord(
            id: row["id"], device: UInt32(truncatingIfNeeded: row["device"] as Int64), requestID: row["request_id"],
            resource: UInt8(truncatingIfNeeded: row["resource"] as Int64), body: bytes(row["body"]),
            receivedUnixMilliseconds: row["received_ms"], refusal: row["refusal"])
    }

    static func enrolment(_ row: Row) -> EnrolmentRecord {
        EnrolmentRecord(
            name: row["name"], room: row["room"], codeHash: bytes(row["code_hash"]),
            expiresUnixMilliseconds: row["expires_ms"])
    }

    static func inbox(_ row: Row) -> InboxRecord {
        InboxRecord(
            id: row["id"], device: UInt32(truncatingIfNeeded: row["device"] as Int64), body: bytes(row["body"]),
            unverifiedSender: row["unverified_sender"])
    }

    private static func bytes(_ data: Data) -> [UInt8] { [UInt8](data) }
    private static func blob(_ bytes: [UInt8]) -> Data { Data(bytes) }
}
