import Foundation
import GRDB
import GatewayCore
import GatewayStore
import NoiseSodium
import Testing

@Suite("What is stored is sealed")
struct SealingTests {
    typealias Folder = StoreTests.Folder

    static func key(_ byte: UInt8 = 7) throws -> SealingKey {
        try #require(SealingKey([UInt8](repeating: byte, count: 32)))
    }

    /// Bytes that no file has by chance, one text for each column.
    static func secret(_ name: String) -> [UInt8] { Array("the secret of \(name), 3f9a61c0d2".utf8) }
    static let names = ["session", "answer", "uplink", "inbox", "reply"]

    static var writes: [StoreWrite] {
        var device = StoreTests.device(1)
        device.handshakeReply = secret("reply")
        var uplink = StoreTests.uplink(7, request: "a.1")
        uplink.body = secret("uplink")
        return [
            .device(device), .session(SessionRecord(device: 1, slot: 2, session: secret("session"))),
            .answer(
                AnswerRecord(
                    device: 1, source: [1], number: 5, answer: secret("answer"), expiresUnixMilliseconds: 3)),
            .uplink(uplink), .inbox(InboxRecord(id: 1, device: 1, body: secret("inbox"))),
        ]
    }

    static func expectWhole(_ state: StoredState, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(state.sessions.map(\.session) == [secret("session")], sourceLocation: sourceLocation)
        #expect(state.answers.map(\.answer) == [secret("answer")], sourceLocation: sourceLocation)
        #expect(state.uplinks.map(\.body) == [secret("uplink")], sourceLocation: sourceLocation)
        #expect(state.inbox.map(\.body) == [secret("inbox")], sourceLocation: sourceLocation)
        #expect(state.devices.map(\.handshakeReply) == [secret("reply")], sourceLocation: sourceLocation)
    }

    static func found(in folder: Folder) throws -> [String] {
        let bytes = try folder.databaseBytes()
        return names.filter { bytes.range(of: Data(secret($0))) != nil }
    }

    @Test("no body, answer, handshake or session is found in the bytes of the files, in use and closed")
    func noPlaintext() throws {
        let folder = try Folder()
        let store = try Store(path: folder.path, cipher: Self.key())
        try store.commit(Self.writes)
        #expect(try Self.found(in: folder) == [])
        try store.close()
        #expect(try Self.found(in: folder) == [])
        let again = try Store(path: folder.path, cipher: Self.key())
        Self.expectWhole(try again.load())
        #expect(try Self.found(in: folder) == [])
    }

    @Test("what has come of a body in blocks is sealed, at once or when the store gets its key, and read again")
    func unfinishedBodies() throws {
        let body = BodyRecord(
            device: 1, session: [1], source: [1], number: 5, key: [4], bytes: Self.secret("body"),
            expiresUnixMilliseconds: 7)
        for cipher in [try Self.key(), nil] {
            let folder = try Folder()
            let store = try Store(path: folder.path, cipher: cipher)
            try store.commit([.body(body)])
            try store.close()
            let again = try Store(path: folder.path, cipher: Self.key())
            #expect(try again.load().bodies == [body])
            try again.close()
            #expect(try folder.databaseBytes().range(of: Data(Self.secret("body"))) == nil)
        }
    }

    @Test("the same search finds all of it in a store without a key: it would find what was not sealed")
    func searchFinds() throws {
        let folder = try Folder()
        let store = try Store(path: folder.path)
        try store.commit(Self.writes)
        #expect(try Self.found(in: folder) == Self.names)
    }

    @Test("a store made without a key is sealed when a key is given, and nothing of before is left in the files")
    func sealedLater() throws {
        let folder = try Folder()
        let plain = try Store(path: folder.path)
        try plain.commit(Self.writes)
        try plain.close()
        #expect(try Self.found(in: folder) == Self.names)
        let sealed = try Store(path: folder.path, cipher: Self.key())
        Self.expectWhole(try sealed.load())
        #expect(try Self.found(in: folder) == [])
        try sealed.close()
        Self.expectWhole(try Store(path: folder.path, cipher: Self.key()).load())
    }

    @Test("a wrong key, and none, are refused before anything is read or written")
    func wrongKey() throws {
        let folder = try Folder()
        let store = try Store(path: folder.path, cipher: Self.key())
        try store.commit(Self.writes)
        try store.close()
        #expect(throws: StoreError.wrongStorageKey(path: folder.path)) {
            try Store(path: folder.path, cipher: Self.key(8))
        }
        #expect(throws: StoreError.storageKeyMissing(path: folder.path)) { try Store(path: folder.path) }
        // Also where a backup's table says that it never had a key.
        Self.expectWhole(try Store(path: folder.path, cipher: Self.key()).load())
    }

    @Test("a value that was moved to another row or store does not open: it is told of, and the rest is read")
    func moved() throws {
        let folder = try Folder()
        let store = try Store(path: folder.path, cipher: Self.key())
        var other = StoreTests.uplink(8, request: "a.2")
        other.body = Self.secret("other")
        try store.commit(
            Self.writes + [.uplink(other), .session(SessionRecord(device: 1, slot: 0, session: Self.secret("new")))])
        try store.close()
        func tamper(_ sql: String) throws {
            let queue = try DatabaseQueue(path: folder.path)
            try queue.write { try $0.execute(sql: sql) }
            try queue.close()
        }
        // An old session in the place of the new one.
        try tamper(
            "UPDATE session SET session = (SELECT session FROM session WHERE slot = 2) WHERE slot = 0")
        let sessions = try Store(path: folder.path, cipher: Self.key()).load().sessions
        #expect(sessions.first { $0.slot == 0 }?.session == [])
        #expect(sessions.first { $0.slot == 2 }?.session == Self.secret("session"))
        try tamper("UPDATE uplink SET body = (SELECT body FROM uplink WHERE id = 7) WHERE id = 8")
        let state = try Store(path: folder.path, cipher: Self.key()).load()
        Self.expectWholeRow(state, damaged: 8)
        #expect(state.uplinks.map(\.id) == [7])
        // The same row of another store under the same key.
        let second = try Folder()
        try Store(path: second.path, cipher: Self.key()).commit(Self.writes)
        try tamper(
            """
            ATTACH '\(second.path)' AS second;
            DELETE FROM uplink;
            INSERT INTO uplink SELECT * FROM second.uplink;
            """)
        let foreign = try Store(path: folder.path, cipher: Self.key())
        Self.expectWholeRow(try foreign.load(), damaged: 7)
        // Given up, it is not told of again, and its number stays taken.
        guard case .uplink(var given)? = try foreign.load().damaged.first else { return }
        given.refusal = "damaged"
        try foreign.commit([.uplink(given)])
        #expect(try foreign.load().damaged.isEmpty)
        #expect(try foreign.load().uplinks.isEmpty)
        #expect(try foreign.load().newestUplinkID == 7)
    }

    private static func expectWholeRow(
        _ state: StoredState, damaged id: Int64, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        guard state.damaged.count == 1, case .uplink(let uplink)? = state.damaged.first else {
            Issue.record("\(state.damaged)", sourceLocation: sourceLocation)
            return
        }
        #expect(uplink.id == id && uplink.body.isEmpty && uplink.refusal == nil, sourceLocation: sourceLocation)
    }

    @Test("one flipped bit in any sealed value costs that value only; a preshared key is never taken for none")
    func damaged() throws {
        let folder = try Folder()
        let store = try Store(path: folder.path, cipher: Self.key())
        var device = StoreTests.device(1)
        device.presharedKey = [UInt8](repeating: 9, count: 32)
        try store.commit(Self.writes + [.device(device)])
        try store.close()
        for (table, column) in [("uplink", "body"), ("inbox", "body"), ("device", "psk"), ("answer", "answer")] {
            let queue = try DatabaseQueue(path: folder.path)
            let whole = try queue.read { try Data.fetchOne($0, sql: "SELECT \(column) FROM \(table)") }
            var broken = try #require(whole)
            broken[broken.count / 2] ^= 1
            try queue.write { [broken] db in
                try db.execute(sql: "UPDATE \(table) SET \(column) = ?", arguments: [broken])
            }
            try queue.close()
            let opened = try Store(path: folder.path, cipher: Self.key())
            let state = try opened.load()
            #expect(state.uplinks.isEmpty == (table == "uplink"))
            #expect(state.inbox.isEmpty == (table == "inbox"))
            #expect(state.answers.isEmpty == (table == "answer"))
            #expect(state.damaged.count == (table == "answer" ? 0 : 1))
            if table == "inbox" { #expect(state.damaged == [.inbox(id: 1, device: 1)]) }
            if table == "device" {
                #expect(state.damaged == [.presharedKey(device: 1)])
                let secret = try #require(state.devices.first?.presharedKey)
                #expect(secret.count == 32 && secret != device.presharedKey)
                // Storing the device does not hide the damage.
                try opened.commit(state.devices.map(StoreWrite.device))
                #expect(try opened.load().damaged == [.presharedKey(device: 1)])
            }
            try opened.close()
            let mended = try DatabaseQueue(path: folder.path)
            try mended.write { db in try db.execute(sql: "UPDATE \(table) SET \(column) = ?", arguments: [whole]) }
            try mended.close()
        }
    }

    @Test("what was deleted is gone from the files after a checkpoint, and the log is empty")
    func deleted() throws {
        let folder = try Folder()
        let store = try Store(path: folder.path)
        try store.commit(Self.writes)
        try store.checkpoint()
        #expect(try folder.bytes("gateway.sqlite-wal").isEmpty)
        try store.commit([.removeUplink(id: 7), .removeInbox(id: 1), .removeSession(device: 1, slot: 2)])
        #expect(try Self.found(in: folder).contains("uplink"))
        try store.checkpoint()
        #expect(try folder.bytes("gateway.sqlite-wal").isEmpty)
        #expect(try Self.found(in: folder) == ["answer", "reply"])
    }

    @Test("a store of the first schema comes up to date with all that is in it, with and without a key")
    func firstSchema() throws {
        for cipher in [nil, try Self.key()] {
            let folder = try Folder()
            try FirstSchema.write(
                folder.path, session: Self.secret("session"), answer: Self.secret("answer"),
                uplink: Self.secret("uplink"), inbox: Self.secret("inbox"), reply: Self.secret("reply"))
            let opened = try Store(path: folder.path, cipher: cipher, traces: folder.traces())
            #expect(opened.restore == nil)
            Self.expectWhole(try opened.load())
            #expect(try Self.found(in: folder) == (cipher == nil ? Self.names : []))
        }
    }

    @Test("the cipher: fresh nonces, any length, and nothing opens that was changed, cut or meant for another place")
    func cipher() throws {
        let key = try Self.key()
        #expect(SealingKey([1, 2, 3]) == nil)
        for length in [0, 1, 31, 32, 1000] {
            let plaintext = [UInt8](repeating: 0x5A, count: length)
            let sealed = key.seal(plaintext, associatedData: [1])
            #expect(sealed.count == length + SealingKey.overhead)
            #expect(key.seal(plaintext, associatedData: [1]) != sealed)
            #expect(key.open(sealed, associatedData: [1]) == plaintext)
            #expect(key.open(sealed, associatedData: [2]) == nil)
            #expect(key.open(Array(sealed.dropLast()), associatedData: [1]) == nil)
            for index in sealed.indices {
                var wrong = sealed
                wrong[index] ^= 1
                #expect(key.open(wrong, associatedData: [1]) == nil)
            }
        }
        #expect(key.open([], associatedData: [1]) == nil)
    }

    /// draft-irtf-cfrg-xchacha-03, appendix A.3.1.
    @Test("the cipher is XChaCha20-Poly1305: the draft's example opens")
    func example() throws {
        func bytes(_ hex: String) -> [UInt8] {
            let digits = Array(hex.utf8).compactMap { UInt8(String(UnicodeScalar($0)), radix: 16) }
            return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
        }
        let key = try #require(SealingKey(Array(0x80...0x9F)))
        let ciphertext = bytes(
            """
            bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb
            731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452
            2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9
            21f9664c97637da9768812f615c68b13b52e
            """)
        let opened = key.open(
            Array(0x40...0x57) + ciphertext + bytes("c0875924c1c7987947deafd8780acf49"),
            associatedData: bytes("50515253c0c1c2c3c4c5c6c7"))
        #expect(
            opened.map { String(decoding: $0, as: UTF8.self).hasPrefix("Ladies and Gentlemen of the class") } == true)
    }
}
