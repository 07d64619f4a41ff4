internal import Foundation
internal import GRDB
internal import Glibc

/// Copies of a store that are whole, also while a gateway writes it; and the way back.
///
/// What is sealed in the store is sealed in its copy: without the storage key it cannot be used. What makes the store's next
/// start see that it was put back, the generation's second place, is left out on purpose.
public enum StoreBackup {
    /// Writes a copy as it is at one moment into one file, on disk when this returns.
    public static func write(_ path: String, to file: String) throws(StoreError) {
        guard FileManager.default.fileExists(atPath: path) else {
            throw .unusable(path: path, reason: "there is no store")
        }
        guard !FileManager.default.fileExists(atPath: file) else {
            throw .unusable(path: file, reason: "it is there already and is not overwritten")
        }
        let temporary = file + ".new"
        remove(temporary)
        do {
            var reading = Configuration()
            reading.readonly = true
            reading.busyMode = .timeout(5)
            let source = try DatabaseQueue(path: path, configuration: reading)
            defer { try? source.close() }
            // For its owner only, before anything is in it.
            guard
                FileManager.default.createFile(
                    atPath: temporary, contents: nil, attributes: [.posixPermissions: 0o600])
            else { throw StoreError.unusable(path: file, reason: String(cString: strerror(errno))) }
            let copy = try DatabaseQueue(path: temporary)
            try source.backup(to: copy)
            // One file: a copy that needs its log beside it would be lost with it.
            try copy.writeWithoutTransaction { db in try db.execute(sql: "PRAGMA journal_mode = DELETE") }
            try copy.close()
            try check(temporary)
            try synchronise(temporary)
            guard rename(temporary, file) == 0 else {
                throw StoreError.unusable(path: file, reason: String(cString: strerror(errno)))
            }
            try synchronise(URL(fileURLWithPath: file).deletingLastPathComponent().path)
        } catch {
            remove(temporary)
            if let error = error as? StoreError { throw error }
            throw .unusable(path: file, reason: DiskSpace.explain(error, besides: file))
        }
    }

    /// Puts a copy in the store's place; the store that was there is kept beside it. No gateway may have it open.
    ///
    /// - Returns: where the store of before is; nil: there was none.
    public static func restore(_ file: String, to path: String) throws(StoreError) -> String? {
        let temporary = path + ".new"
        remove(temporary)
        do {
            try check(file)
            try FileManager.default.copyItem(atPath: file, toPath: temporary)
            chmod(temporary, 0o600)
            try synchronise(temporary)
            let replaced = path + ".replaced"
            let isThere = FileManager.default.fileExists(atPath: path)
            if isThere { remove(replaced) }
            // A log without its database would be taken for the log of the other one.
            for suffix in ["-wal", "-shm", ""] where FileManager.default.fileExists(atPath: path + suffix) {
                guard rename(path + suffix, replaced + suffix) == 0 else {
                    throw StoreError.unusable(path: path + suffix, reason: String(cString: strerror(errno)))
                }
            }
            guard rename(temporary, path) == 0 else {
                throw StoreError.unusable(path: path, reason: String(cString: strerror(errno)))
            }
            try synchronise(URL(fileURLWithPath: path).deletingLastPathComponent().path)
            return isThere ? replaced : nil
        } catch {
            remove(temporary)
            if let error = error as? StoreError { throw error }
            throw .unusable(path: path, reason: DiskSpace.explain(error, besides: path))
        }
    }

    /// Whether a file is a whole store that this program can use.
    private static func check(_ file: String) throws {
        guard FileManager.default.fileExists(atPath: file) else {
            throw StoreError.unusable(path: file, reason: "there is no such file")
        }
        var reading = Configuration()
        reading.readonly = true
        let queue = try DatabaseQueue(path: file, configuration: reading)
        defer { try? queue.close() }
        try queue.read { db in
            let version = try Schema.version(db)
            guard version <= Schema.version else {
                throw StoreError.newerVersion(path: file, found: version, supported: Schema.version)
            }
            guard version > 0 else { throw StoreError.unusable(path: file, reason: "it is no store of sotto's") }
            guard try String.fetchOne(db, sql: "PRAGMA quick_check(1)") == "ok" else {
                throw StoreError.unusable(path: file, reason: "it is damaged")
            }
        }
    }

    private static func remove(_ path: String) {
        for suffix in ["", "-wal", "-shm", "-journal"] { unlink(path + suffix) }
    }

    private static func synchronise(_ path: String) throws(StoreError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .unusable(path: path, reason: String(cString: strerror(errno))) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw .unusable(path: path, reason: String(cString: strerror(errno))) }
    }
}
