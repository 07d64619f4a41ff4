import Foundation
import GRDB
import GatewayCore
import GatewayStore
import NoiseSodium
import Synchronization
import Testing

@Suite("A store gets another storage key")
struct KeyChangeTests {
    typealias Folder = StoreTests.Folder

    /// Every kind of value that is sealed, also rows that differ by one part of their place only.
    static var writes: [StoreWrite] {
        var other = StoreTests.device(2)
        other.presharedKey = SealingTests.secret("psk")
        other.labelKey = SealingTests.secret("label key")
        other.labelHash = [1]
        other.labelReply = SealingTests.secret("label reply")
        return SealingTests.writes + [
            .device(other), .session(SessionRecord(device: 1, slot: 0, session: [1])),
            .session(SessionRecord(device: 2, slot: 0, session: [2])),
            .answer(AnswerRecord(device: 1, source: [1], number: nil, answer: [3], expiresUnixMilliseconds: 3)),
            .body(
                BodyRecord(
                    device: 1, session: [1], source: [1], number: 5, key: [4], bytes: SealingTests.secret("body"),
                    expiresUnixMilliseconds: 7)),
        ]
    }

    private func filled(_ cipher: (any StorageCipher)?) throws -> (folder: Folder, state: StoredState) {
        let folder = try Folder()
        let store = try Store(path: folder.path, cipher: cipher)
        try store.commit(Self.writes)
        let state = try store.load()
        try store.close()
        return (folder, state)
    }

    private func load(_ path: String, _ cipher: any StorageCipher) throws -> StoredState {
        let store = try Store(path: path, cipher: cipher)
        let state = try store.load()
        try store.close()
        return state
    }

    @Test("then the new key opens everything, and the old one nothing", arguments: [true, false])
    func changed(wasSealed: Bool) throws {
        let old = wasSealed ? try SealingTests.key() : nil
        let new = try SealingTests.key(8)
        let (folder, state) = try filled(old)
        #expect(try Store.changeKey(path: folder.path, from: old, to: new))
        #expect(throws: StoreError.wrongStorageKey(path: folder.path)) { try load(folder.path, SealingTests.key()) }
        #expect(try load(folder.path, new) == state)
        #expect(try SealingTests.found(in: folder) == [])
        // Once more changes nothing, whichever old key is given.
        #expect(try !Store.changeKey(path: folder.path, from: old, to: new))
        #expect(try !Store.changeKey(path: folder.path, from: SealingTests.key(9), to: new))
        #expect(try load(folder.path, new) == state)
    }

    @Test("no value is under the old key any more: each has been sealed anew")
    func everyValue() throws {
        func sealed(_ folder: Folder) throws -> [Data] {
            let queue = try DatabaseQueue(path: folder.path)
            let columns = [
                ("device", ["handshake_reply", "psk", "label_key", "label_reply"]), ("session", ["session"]),
                ("answer", ["answer"]), ("uplink", ["body"]), ("inbox", ["body"]), ("body", ["bytes"]),
                ("seal", ["key_check"]),
            ]
            return try queue.read { db in
                try columns.flatMap { table, names in
                    try names.flatMap { try Data.fetchAll(db, sql: "SELECT \($0) FROM \(table)") }
                }.filter { !$0.isEmpty }
            }
        }
        let (folder, _) = try filled(SealingTests.key())
        let before = try sealed(folder)
        #expect(before.count >= 13)
        _ = try Store.changeKey(path: folder.path, from: SealingTests.key(), to: SealingTests.key(8))
        let after = try sealed(folder)
        #expect(after.count == before.count)
        #expect(Set(after).isDisjoint(with: before))
    }

    @Test("with a wrong old key, or none, is refused, and the store stays as it is")
    func refused() throws {
        let (folder, state) = try filled(SealingTests.key())
        let bytes = try folder.bytes("gateway.sqlite")
        #expect(throws: StoreError.wrongStorageKey(path: folder.path)) {
            try Store.changeKey(path: folder.path, from: SealingTests.key(9), to: SealingTests.key(8))
        }
        #expect(throws: StoreError.storageKeyMissing(path: folder.path)) {
            try Store.changeKey(path: folder.path, from: nil, to: SealingTests.key(8))
        }
        #expect(try folder.bytes("gateway.sqlite") == bytes)
        #expect(try load(folder.path, SealingTests.key()) == state)
    }

    @Test("a damaged value stays what it is: the next start tells of it, and the rest is read")
    func damaged() throws {
        let (folder, state) = try filled(SealingTests.key())
        let queue = try DatabaseQueue(path: folder.path)
        try queue.write { db in try db.execute(sql: "UPDATE uplink SET body = x'000102'") }
        try queue.close()
        let new = try SealingTests.key(8)
        #expect(try Store.changeKey(path: folder.path, from: SealingTests.key(), to: new))
        let found = try load(folder.path, new)
        #expect(found.damaged.count == 1)
        #expect(found.uplinks.isEmpty)
        #expect(found.sessions == state.sessions)
        #expect(found.devices == state.devices)
    }

    /// Copies the files of a store as they are whenever it seals a value: what a kill at that moment would leave.
    private final class WatchedKey: StorageCipher {
        let key: SealingKey
        let folder: Folder
        let copies = Mutex<[Folder]>([])

        init(_ key: SealingKey, _ folder: Folder) {
            (self.key, self.folder) = (key, folder)
        }

        func seal(_ plaintext: [UInt8], associatedData: [UInt8]) -> [UInt8] {
            copies.withLock { copies in
                guard let copy = try? Folder() else { return }
                for name in ["gateway.sqlite", "gateway.sqlite-wal"] {
                    try? FileManager.default.copyItem(
                        at: folder.url.appendingPathComponent(name), to: copy.url.appendingPathComponent(name))
                }
                copies.append(copy)
            }
            return key.seal(plaintext, associatedData: associatedData)
        }

        func open(_ sealed: [UInt8], associatedData: [UInt8]) -> [UInt8]? {
            key.open(sealed, associatedData: associatedData)
        }
    }

    @Test("killed at any value of it, the store is whole under the old key, and the change can be made again")
    func killed() throws {
        let (folder, state) = try filled(SealingTests.key())
        let new = try SealingTests.key(8)
        let watched = WatchedKey(new, folder)
        #expect(try Store.changeKey(path: folder.path, from: SealingTests.key(), to: watched))
        let copies = watched.copies.withLock { $0 }
        #expect(copies.count >= 13)
        for copy in copies {
            #expect(throws: StoreError.wrongStorageKey(path: copy.path)) { try load(copy.path, new) }
            #expect(try load(copy.path, SealingTests.key()) == state)
            #expect(try Store.changeKey(path: copy.path, from: SealingTests.key(), to: new))
            #expect(try load(copy.path, new) == state)
        }
    }
}
