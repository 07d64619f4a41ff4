import Foundation
import GRDB
import GatewayCore
import GatewayStore
import Testing

@Suite("Backups of the store")
struct BackupTests {
    @Test("a backup is whole while the store is written, and brings back what had been committed")
    func online() throws {
        let folder = try StoreTests.Folder()
        let file = folder.url.appendingPathComponent("backup").path
        let store = try Store(path: folder.path)
        try store.commit([.device(StoreTests.device(1)), .uplink(StoreTests.uplink(1, request: "a"))])
        // The store stays open, and its last commits are in its log only.
        try StoreBackup.write(folder.path, to: file)
        try store.commit([.uplink(StoreTests.uplink(2, request: "b"))])
        let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? NSNumber
        #expect(mode?.intValue == 0o600)
        #expect(!FileManager.default.fileExists(atPath: file + "-wal"))
        try store.close()

        let replaced = try StoreBackup.restore(file, to: folder.path)
        #expect(try Store(path: folder.path).load().uplinks.map(\.id) == [1])
        // What was there is not lost by a mistake.
        #expect(try Store(path: try #require(replaced)).load().uplinks.map(\.id) == [1, 2])
    }

    @Test("a restore is detected at the next start: the store is older than the generation beside it")
    func detection() throws {
        let folder = try StoreTests.Folder()
        let file = folder.url.appendingPathComponent("backup").path
        let traces = Traces(
            generationFile: folder.url.path + "/generation", anchorFile: folder.url.path + "/anchor", machine: [1],
            unixMilliseconds: 1_800_000_000_000, isClockSynchronised: true)
        var store = try Store(path: folder.path, traces: traces)
        try store.commit([.session(SessionRecord(device: 1, slot: 0, session: [1]))])
        try StoreBackup.write(folder.path, to: file)
        try store.commit([.session(SessionRecord(device: 1, slot: 0, session: [2]))])
        try store.close()
        _ = try StoreBackup.restore(file, to: folder.path)
        store = try Store(path: folder.path, traces: traces)
        #expect(store.restore?.reason.contains("older") == true)
        #expect(try store.load().sessions.isEmpty)
    }

    @Test("what is no store, a damaged one and one of a newer version are not put in a store's place")
    func refusals() throws {
        let folder = try StoreTests.Folder()
        let file = folder.url.appendingPathComponent("backup").path
        let store = try Store(path: folder.path)
        try store.commit([.uplink(StoreTests.uplink(1, request: "a"))])
        try StoreBackup.write(folder.path, to: file)
        #expect(throws: StoreError.self) { try StoreBackup.write(folder.path, to: file) }
        #expect(throws: StoreError.self) { try StoreBackup.write(folder.url.path + "/nothing", to: file + "2") }
        try store.close()
        let whole = try Data(contentsOf: URL(fileURLWithPath: file))
        try Data(whole.prefix(whole.count / 2)).write(to: URL(fileURLWithPath: file))
        #expect(throws: StoreError.self) { try StoreBackup.restore(file, to: folder.path) }
        try Data("no database at all".utf8).write(to: URL(fileURLWithPath: file))
        #expect(throws: StoreError.self) { try StoreBackup.restore(file, to: folder.path) }
        try whole.write(to: URL(fileURLWithPath: file))
        let queue = try DatabaseQueue(path: file)
        try queue.writeWithoutTransaction { db in try db.execute(sql: "PRAGMA user_version = 999") }
        try queue.close()
        #expect(throws: StoreError.newerVersion(path: file, found: 999, supported: StoreInspection.supportedVersion)) {
            try StoreBackup.restore(file, to: folder.path)
        }
        #expect(try Store(path: folder.path).load().uplinks.map(\.id) == [1])
    }

    @Test("a store of a newer version is refused and left as it is")
    func newer() throws {
        let folder = try StoreTests.Folder()
        try Store(path: folder.path).close()
        let queue = try DatabaseQueue(path: folder.path)
        try queue.writeWithoutTransaction { db in try db.execute(sql: "PRAGMA user_version = 999") }
        try queue.close()
        #expect(
            throws: StoreError.newerVersion(path: folder.path, found: 999, supported: StoreInspection.supportedVersion)
        ) { try Store(path: folder.path) }
        let again = try DatabaseQueue(path: folder.path)
        #expect(try again.read { db in try Int.fetchOne(db, sql: "PRAGMA user_version") } == 999)
    }
}
