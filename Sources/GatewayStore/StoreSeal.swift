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
                try reseal(from: Sealer(cipher: nil, storeID: storeID), to: sealer, db)
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
            guard isKey(sealer, of: check) else { throw .wrongStorageKey(path: path) }
            return .agreed
        }
    }

    private static func isKey(_ sealer: Sealer, of check: [UInt8]) -> Bool {
        sealer.open(check, .keyCheck) == checkText
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

    /// Seals every value, and the one that the key is known by.
    private static func reseal(from old: Sealer, to new: Sealer, _ db: Database) throws {
        for column in SealedColumn.all { try column.reseal(from: old, to: new, db) }
        try db.execute(sql: "UPDATE seal SET key_check = ?", arguments: [Data(new.seal(checkText, .keyCheck))])
    }

    /// Seals the store under another key, in one transaction. false: that is its key already.
    static func change(
        from old: (any StorageCipher)?, to new: any StorageCipher, path: String, _ queue: DatabaseQueue
    ) throws -> Bool {
        let isChanged = try queue.write { db in
            let (storeID, check) = try identity(db)
            let sealer = Sealer(cipher: new, storeID: storeID)
            if let check, isKey(sealer, of: check) { return false }
            // A store that was made without a key has none yet, whatever is given.
            let before = Sealer(cipher: check == nil ? nil : old, storeID: storeID)
            _ = try agreement(before, check, path: path)
            try reseal(from: before, to: sealer, db)
            return true
        }
        if isChanged { try queue.writeWithoutTransaction { db in _ = try db.checkpoint(.truncate) } }
        return isChanged
    }
}

/// From the operating system's generator.
func randomBytes(_ count: Int) -> [UInt8] {
    var generator = SystemRandomNumberGenerator()
    return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
}
