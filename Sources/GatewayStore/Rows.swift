internal import CompactMatrix
internal import Foundation
internal import GRDB
internal import GatewayCore

/// Records to rows and back, sealed where they say what devices say.
struct Rows {
    let sealer: Sealer

    func apply(_ write: StoreWrite, _ db: Database) throws {
        switch write {
        case .device(let device):
            try save(device, db)
        case .session(let session):
            try run(
                db, "INSERT OR REPLACE INTO session VALUES (?, ?, ?)",
                [
                    Int64(session.device), session.slot,
                    sealed(session.session, .session(device: session.device, slot: session.slot)),
                ])
        case .removeSession(let device, let slot):
            try run(db, "DELETE FROM session WHERE device = ? AND slot = ?", [Int64(device), slot])
        case .answer(let answer):
            try run(
                db, "INSERT INTO answer VALUES (?, ?, ?, ?, ?)",
                [
                    Int64(answer.device), blob(answer.source), answer.number.map(Int64.init(bitPattern:)),
                    sealed(
                        answer.answer,
                        .answer(device: answer.device, source: answer.source, number: answer.number)),
                    answer.expiresUnixMilliseconds,
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
                    uplink.id, Int64(uplink.device), uplink.requestID, Int64(uplink.resource),
                    sealed(uplink.body, .uplinkBody(id: uplink.id, device: uplink.device)),
                    uplink.receivedUnixMilliseconds, uplink.refusal,
                ])
        case .removeUplink(let id):
            try run(db, "DELETE FROM uplink WHERE id = ?", [id])
        case .inbox(let item):
            try run(
                db, "INSERT OR REPLACE INTO inbox VALUES (?, ?, ?, ?, ?)",
                [
                    item.id, Int64(item.device),
                    sealed(item.body, .inboxBody(id: item.id, device: item.device)), item.unverifiedSender,
                    item.name.map { Int64(bitPattern: $0.rawValue) },
                ])
        case .removeInbox(let id):
            try run(db, "DELETE FROM inbox WHERE id = ?", [id])
        case .body(let body):
            try run(
                db, "INSERT OR REPLACE INTO body VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    Int64(body.device), blob(body.session), blob(body.source),
                    body.number.map(Int64.init(bitPattern:)), blob(body.key),
                    sealed(body.bytes, .unfinishedBody(device: body.device)), body.expiresUnixMilliseconds,
                ])
        case .removeBody(let device):
            try run(db, "DELETE FROM body WHERE device = ?", [Int64(device)])
        case .enrolment(let record):
            try run(
                db, "INSERT OR REPLACE INTO enrolment VALUES (?, ?, ?, ?, ?)",
                [
                    record.name, record.room, blob(record.codeHash), record.expiresUnixMilliseconds,
                    record.device.map { Int64($0) },
                ])
        case .removeEnrolment(let name):
            try run(db, "DELETE FROM enrolment WHERE name = ?", [name])
        case .activity(let activity):
            try activity.save(db)
        case .taken(let event):
            try run(db, "INSERT OR REPLACE INTO taken VALUES (?, ?)", [event.position, event.eventID])
        case .forgetTaken(let position):
            try run(db, "DELETE FROM taken WHERE position <= ?", [position])
        }
    }

    func save(_ device: DeviceRecord, _ db: Database) throws {
        let (state, reason): (String, String?) =
            switch device.room.state {
            case .pending: ("pending", nil)
            case .joined: ("joined", nil)
            case .refused(let reason): ("refused", reason)
            case .encrypted: ("encrypted", nil)
            }
        try run(
            db,
            // Secrets that are damaged stay as they are, so that every start tells of them.
            """
            INSERT OR REPLACE INTO device VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21,
                CASE WHEN ?26 THEN (SELECT psk FROM device WHERE number = ?1) ELSE ?22 END,
                CASE WHEN ?26 THEN (SELECT label_key FROM device WHERE number = ?1) ELSE ?23 END, ?24, ?25, ?27,
                ?28)
            """,
            [
                Int64(device.number), device.name, blob(device.publicKey), device.addedUnixMilliseconds,
                device.isRevoked, device.isRegistered, device.room.requested, device.room.roomID, state, reason,
                Int64(bitPattern: device.handshakeCounter), blob(device.handshakeHash),
                sealed(device.handshakeReply, .handshakeReply(device: device.number)),
                device.observeToken.map(blob), device.address.map { blob($0.ip) },
                device.address.map { Int64($0.port) }, device.address.map { Int64($0.scope) },
                device.lastSeenUnixMilliseconds, Int64(bitPattern: device.accepted),
                Int64(bitPattern: device.delivered), Int64(bitPattern: device.refused),
                sealed(device.presharedKey, .presharedKey(device: device.number)),
                sealed(device.labelKey, .labelKey(device: device.number)), blob(device.labelHash),
                sealed(device.labelReply, .labelReply(device: device.number)), device.hasDamagedSecrets,
                device.observesCompactly, blob(device.template),
            ])
    }

    private func run(_ db: Database, _ sql: String, _ arguments: [(any DatabaseValueConvertible)?]) throws {
        try db.cachedStatement(sql: sql).execute(arguments: StatementArguments(arguments))
    }

    func device(_ row: Row, _ damaged: inout [DamagedRow]) -> DeviceRecord {
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
        if let secret = sealer.open(bytes(row["psk"]), .presharedKey(device: device.number)),
            let labelKey = sealer.open(bytes(row["label_key"]), .labelKey(device: device.number))
        {
            device.presharedKey = secret
            device.labelKey = labelKey
        } else {
            // Not none: that would be another handshake, which its public key alone would pass.
            device.presharedKey = randomBytes(32)
            device.hasDamagedSecrets = true
            damaged.append(.presharedKey(device: device.number))
        }
        if let reply = sealer.open(bytes(row["label_reply"]), .labelReply(device: device.number)) {
            device.labelHash = bytes(row["label_hash"])
            device.labelReply = reply
        }
        device.isRevoked = row["is_revoked"]
        device.isRegistered = row["is_registered"]
        device.handshakeCounter = UInt64(bitPattern: row["handshake_counter"])
        // An answer that cannot be read is none: a repetition of that message 1 gets a session and no more.
        if let reply = sealer.open(bytes(row["handshake_reply"]), .handshakeReply(device: device.number)) {
            device.handshakeHash = bytes(row["handshake_hash"])
            device.handshakeReply = reply
        }
        device.observeToken = (row["observe_token"] as Data?).map { [UInt8]($0) }
        device.observesCompactly = row["observes_compactly"]
        device.template = bytes(row["template"])
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

    /// A session that cannot be read is empty: the gateway says so, and its device shakes hands again.
    func session(_ row: Row) -> SessionRecord {
        let device = UInt32(truncatingIfNeeded: row["device"] as Int64)
        let slot = row["slot"] as Int
        return SessionRecord(
            device: device, slot: slot,
            session: sealer.open(bytes(row["session"]), .session(device: device, slot: slot)) ?? [])
    }

    /// nil: it cannot be read; a repetition of its request then stays without an answer.
    func answer(_ row: Row) -> AnswerRecord? {
        let device = UInt32(truncatingIfNeeded: row["device"] as Int64)
        let source = bytes(row["source"])
        let number = (row["number"] as Int64?).map(UInt64.init(bitPattern:))
        let place = Sealer.Place.answer(device: device, source: source, number: number)
        guard let answer = sealer.open(bytes(row["answer"]), place) else { return nil }
        return AnswerRecord(
            device: device, source: source, number: number, answer: answer, expiresUnixMilliseconds: row["expires_ms"])
    }

    /// nil: it cannot be read, and is still on its way. Of one that was given up no more than the row is needed.
    func uplink(_ row: Row, _ damaged: inout [DamagedRow]) -> UplinkRecord? {
        let id = row["id"] as Int64
        let device = UInt32(truncatingIfNeeded: row["device"] as Int64)
        let body = sealer.open(bytes(row["body"]), .uplinkBody(id: id, device: device))
        let record = UplinkRecord(
            id: id, device: device, requestID: row["request_id"],
            resource: UInt8(truncatingIfNeeded: row["resource"] as Int64), body: body ?? [],
            receivedUnixMilliseconds: row["received_ms"], refusal: row["refusal"])
        guard body == nil, record.refusal == nil else { return record }
        damaged.append(.uplink(record))
        return nil
    }

    /// nil: it cannot be read; the device begins the message anew.
    func body(_ row: Row) -> BodyRecord? {
        let device = UInt32(truncatingIfNeeded: row["device"] as Int64)
        guard let content = sealer.open(bytes(row["bytes"]), .unfinishedBody(device: device)) else { return nil }
        return BodyRecord(
            device: device, session: bytes(row["session"]), source: bytes(row["source"]),
            number: (row["number"] as Int64?).map(UInt64.init(bitPattern:)), key: bytes(row["block_key"]),
            bytes: content, expiresUnixMilliseconds: row["expires_ms"])
    }

    func enrolment(_ row: Row) -> EnrolmentRecord {
        EnrolmentRecord(
            name: row["name"], room: row["room"],
            device: (row["device"] as Int64?).map { UInt32(truncatingIfNeeded: $0) },
            codeHash: bytes(row["code_hash"]),
            expiresUnixMilliseconds: row["expires_ms"])
    }

    /// nil: it cannot be read.
    func inbox(_ row: Row, _ damaged: inout [DamagedRow]) -> InboxRecord? {
        let id = row["id"] as Int64
        let device = UInt32(truncatingIfNeeded: row["device"] as Int64)
        guard let body = sealer.open(bytes(row["body"]), .inboxBody(id: id, device: device)) else {
            damaged.append(.inbox(id: id, device: device))
            return nil
        }
        let name = (row["name"] as Int64?).map { DeliveryName(rawValue: UInt64(bitPattern: $0)) }
        return InboxRecord(
            id: id, device: device, body: body, name: name, unverifiedSender: row["unverified_sender"])
    }

    private func sealed(_ value: [UInt8], _ place: Sealer.Place) -> Data { Data(sealer.seal(value, place)) }
    private func bytes(_ data: Data) -> [UInt8] { [UInt8](data) }
    private func blob(_ bytes: [UInt8]) -> Data { Data(bytes) }
}
