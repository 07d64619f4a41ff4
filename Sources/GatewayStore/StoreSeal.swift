internal import Foundation
internal import GRDB
internal import GatewayCore

/// Whether the store is sealed, and under which key: it knows by a value that only the right key opens.
enum StoreSeal {
    private static let checkText = Array("sotto storage key".utf8)

    /// The sealer for this store; seals a store that was made without a key.
    static func prepare(_ cipher: (any StorageCipher)?, path: String, _ queue: DatabaseQueue) throws -> Sealer {
        let (sealer, sealedNow) = try queue.write { db in
            let (storeID, check) = try identity(db)
            let sealer = Sealer(cipher: cipher, storeID: storeID)
            switch try agreement(sealer, check, path: path) {
            case .agreed:
                return (sealer, false)
            case .toBeSealed:
                try sealEverything(sealer, db)
                return (sealer, true)
            }
        }
        // What was there in clear is zeroed in the file by secure_delete; the log still has it.
        if sealedNow { try queue.writeWithoutTransaction { db in _ = try db.checkpoint(.truncate) } }
        return sealer
    }

    enum Agreement {
        case agreed
        case toBeSealed
    }

    /// Whether a key, or none, is what the store was written with.
    static func agreement(_ sealer: Sealer, _ check: [UInt8]?, path: String) throws(StoreError) -> Agreement {
        switch (sealer.cipher, check) {
        case (nil, nil): return .agreed
        case (nil, .some): throw .storageKeyMissing(path: path)
        case (.some, nil): return .toBeSealed
        case (.some, .some(let check)):
            guard sealer.open(check, .keyCheck) == checkText else { throw .wrongStorageKey(path: path) }
            return .agreed
        }
    }

    /// The store's id, made where there is none, and what its key is known by.
    private static func identity(_ db: Database) throws -> (storeID: [UInt8], check: [UInt8]?) {
        if let row = try Row.fetchOne(db, sql: "SELECT store, key_check FROM seal") {
            return ([UInt8](row["store"] as Data), (row["key_check"] as Data?).map { [UInt8]($0) })
        }
        let storeID = randomBytes(16)
        try db.execute(sql: "INSERT INTO seal VALUES (1, ?, NULL)", arguments: [Data(storeID)])
        return (storeID, nil)
    }

    private static func sealEverything(_ sealer: Sealer, _ db: Database) throws {
        let plain = Rows(sealer: Sealer(cipher: nil, storeID: sealer.storeID))
        let sealing = Rows(sealer: sealer)
        for row in try Row.fetchAll(db, sql: "SELECT * FROM device") {
            var damaged: [DamagedRow] = []
            try sealing.save(plain.device(row, &damaged), db)
        }
        for row in try Row.fetchAll(db, sql: "SELECT * FROM session") {
            try sealing.apply(.session(plain.session(row)), db)
        }
        let answers = try Row.fetchAll(db, sql: "SELECT * FROM answer ORDER BY rowid").compactMap(plain.answer)
        try db.execute(sql: "DELETE FROM answer")
        for answer in answers { try sealing.apply(.answer(answer), db) }
        for body in try Row.fetchAll(db, sql: "SELECT * FROM body").compactMap(plain.body) {
            try sealing.apply(.body(body), db)
        }
        // Bodies one by one: there may be many, and an uplink is not replaced as a whole.
        for table in ["uplink", "inbox"] {
            for id in try Int64.fetchAll(db, sql: "SELECT id FROM \(table)") {
                guard let row = try Row.fetchOne(db, sql: "SELECT * FROM \(table) WHERE id = ?", arguments: [id])
                else { continue }
                let device = UInt32(truncatingIfNeeded: row["device"] as Int64)
                let place: Sealer.Place =
                    table == "uplink" ? .uplinkBody(id: id, device: device) : .inboxBody(id: id, device: device)
                try db.execute(
                    sql: "UPDATE \(table) SET body = ? WHERE id = ?",
                    arguments: [Data(sealer.seal([UInt8](row["body"] as Data), place)), id])
            }
        }
        try db.execute(
            sql: "UPDATE seal SET key_check = ?", arguments: [Data(sealer.seal(checkText, .keyCheck))])
    }
}

/// From the operating system's generator.
func randomBytes(_ count: Int) -> [UInt8] {
    var generator = SystemRandomNumberGenerator()
    return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
}
