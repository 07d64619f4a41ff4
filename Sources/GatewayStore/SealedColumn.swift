internal import Foundation
internal import GRDB

/// A column whose values are sealed: how its rows are found, and for which place each value is sealed.
struct SealedColumn {
    let table: String
    let name: String
    /// What finds a row.
    let key: [String]
    /// What names its place besides.
    var identity: [String] = []
    let place: @Sendable (Row) -> Sealer.Place

    private static func device(_ row: Row) -> UInt32 { UInt32(truncatingIfNeeded: row["device"] as Int64) }
    private static func number(_ row: Row) -> UInt32 { UInt32(truncatingIfNeeded: row["number"] as Int64) }

    static let all = [
        SealedColumn(table: "device", name: "handshake_reply", key: ["number"]) { .handshakeReply(device: number($0)) },
        SealedColumn(table: "device", name: "psk", key: ["number"]) { .presharedKey(device: number($0)) },
        SealedColumn(table: "device", name: "label_key", key: ["number"]) { .labelKey(device: number($0)) },
        SealedColumn(table: "device", name: "label_reply", key: ["number"]) { .labelReply(device: number($0)) },
        SealedColumn(table: "session", name: "session", key: ["device", "slot"]) {
            .session(device: device($0), slot: $0["slot"])
        },
        SealedColumn(table: "answer", name: "answer", key: ["rowid"], identity: ["device", "source", "number"]) {
            .answer(
                device: device($0), source: [UInt8]($0["source"] as Data),
                number: ($0["number"] as Int64?).map(UInt64.init(bitPattern:)))
        },
        SealedColumn(table: "uplink", name: "body", key: ["id"], identity: ["device"]) {
            .uplinkBody(id: $0["id"], device: device($0))
        },
        SealedColumn(table: "inbox", name: "body", key: ["id"], identity: ["device"]) {
            .inboxBody(id: $0["id"], device: device($0))
        },
        SealedColumn(table: "body", name: "bytes", key: ["device"]) { .unfinishedBody(device: device($0)) },
    ]

    /// Seals each value anew. One that does not open stays as it is: every start tells of it.
    func reseal(from old: Sealer, to new: Sealer, _ db: Database) throws {
        let found = "WHERE " + key.map { "\($0) = ?" }.joined(separator: " AND ")
        // Values one by one: there may be many, and long ones.
        let rows = try Row.fetchAll(db, sql: "SELECT \((key + identity).joined(separator: ", ")) FROM \(table)")
        for row in rows {
            let arguments = StatementArguments(key.map { row[$0] as DatabaseValue })
            guard
                let stored = try Data.fetchOne(
                    db, sql: "SELECT \(name) FROM \(table) \(found)", arguments: arguments),
                let value = old.open([UInt8](stored), place(row))
            else { continue }
            try db.execute(
                sql: "UPDATE \(table) SET \(name) = ? \(found)",
                arguments: [Data(new.seal(value, place(row)))] + arguments)
        }
    }
}
