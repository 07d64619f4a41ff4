import Foundation
import GRDB
import GatewayCore
import GatewayStore
import Testing

@Suite("Restores and copies")
struct GenerationTests {
    typealias Folder = StoreTests.Folder

    static let day: Int64 = 86_400_000

    /// A store in use: two devices, sessions, answers, both queues; closed.
    static func used(_ folder: Folder) throws {
        let store = try Store(path: folder.path, traces: folder.traces())
        #expect(store.restore == nil)
        var second = StoreTests.device(2)
        second.isRevoked = true
        try store.commit(SealingTests.writes + [.device(second)])
        try store.commit([
            .session(SessionRecord(device: 1, slot: 0, session: [9])), .taken(TakenEvent(position: 1, eventID: "t")),
        ])
        let code = EnrolmentRecord(name: "new", room: "#a:b", codeHash: [1], expiresUnixMilliseconds: .max)
        try store.commit([.enrolment(code)])
        try store.close()
    }

    /// Opens the store, and expects that its sessions are gone and everything else is there.
    static func expectDetected(
        _ folder: Folder, _ word: String, _ traces: Traces? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let store = try Store(path: folder.path, traces: traces ?? folder.traces())
        #expect(
            store.restore?.reason.contains(word) == true, "\(store.restore?.reason ?? "nothing")",
            sourceLocation: sourceLocation)
        #expect(try store.lastRestore() == store.restore, sourceLocation: sourceLocation)
        let state = try store.load()
        #expect(state.sessions.isEmpty && state.answers.isEmpty, sourceLocation: sourceLocation)
        #expect(
            state.devices.allSatisfy { $0.awaitsHandshake && $0.handshakeHash.isEmpty }, sourceLocation: sourceLocation)
        #expect(
            state.devices.allSatisfy { $0.handshakeReply.isEmpty && $0.observeToken == nil },
            sourceLocation: sourceLocation)
        #expect(state.enrolments.isEmpty, sourceLocation: sourceLocation)
        #expect(state.uplinks.count == 1 && state.inbox.count == 1, sourceLocation: sourceLocation)
        #expect(!state.devices.isEmpty, sourceLocation: sourceLocation)
        try store.close()
        // It is dealt with once.
        let again = try Store(path: folder.path, traces: traces ?? folder.traces())
        #expect(again.restore == nil, "\(again.restore?.reason ?? "")", sourceLocation: sourceLocation)
        #expect(try again.lastRestore() != nil, sourceLocation: sourceLocation)
    }

    static func expectNothing(
        _ folder: Folder, _ traces: Traces? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let store = try Store(path: folder.path, traces: traces ?? folder.traces())
        #expect(store.restore == nil, "\(store.restore?.reason ?? "")", sourceLocation: sourceLocation)
        #expect(try store.load().sessions.count == 2, sourceLocation: sourceLocation)
        #expect(try store.load().enrolments.count == 1, sourceLocation: sourceLocation)
        #expect(try store.load().devices.allSatisfy { !$0.awaitsHandshake }, sourceLocation: sourceLocation)
        try store.close()
    }

    /// Overwrites the content of the database file and leaves every other file as it is.
    static func putBack(_ bytes: Data, _ folder: Folder) throws {
        for name in ["gateway.sqlite-wal", "gateway.sqlite-shm"] {
            try? FileManager.default.removeItem(at: folder.url.appendingPathComponent(name))
        }
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: folder.path))
        try handle.truncate(atOffset: 0)
        try handle.write(contentsOf: bytes)
        try handle.close()
    }

    @Test("restarts, also without a close, a day's clock error and a moved folder are no restore")
    func ordinaryStarts() throws {
        let folder = try Folder()
        try Self.used(folder)
        for _ in 0..<3 { try Self.expectNothing(folder) }
        // Killed: nothing was closed.
        let killed = try Store(path: folder.path, traces: folder.traces())
        try killed.commit([.taken(TakenEvent(position: 1, eventID: "u"))])
        try Self.expectNothing(folder)
        let real = Int64(Date().timeIntervalSince1970 * 1000)
        try Self.expectNothing(folder, folder.traces(unixMilliseconds: real, isClockSynchronised: false))
        try Self.expectNothing(folder, folder.traces(unixMilliseconds: real - Self.day + 60_000))
        // A machine that has no name does not become another by getting one.
        try Self.expectNothing(folder, folder.traces(machine: nil))
        try Self.expectNothing(folder)
        let moved = try Folder()
        try FileManager.default.removeItem(at: moved.url)
        try FileManager.default.moveItem(at: folder.url, to: moved.url)
        try Self.expectNothing(moved)
    }

    @Test("an older copy of the database alone is detected: of before a start, and of the very run that ended last")
    func databaseAlone() throws {
        let folder = try Folder()
        try Self.used(folder)
        let backup = try folder.bytes("gateway.sqlite")
        let store = try Store(path: folder.path, traces: folder.traces())
        try store.checkpoint()
        let ofThisRun = try folder.bytes("gateway.sqlite")
        try store.commit([.taken(TakenEvent(position: 1, eventID: "one change"))])
        try store.close()
        try Self.expectNothing(folder)
        try Self.putBack(ofThisRun, folder)
        try Self.expectDetected(folder, "older")
        try Self.putBack(backup, folder)
        try Self.expectDetected(folder, "copy of another history")
    }

    @Test("a change that was killed before it reached the second place is no restore")
    func crashBetween() throws {
        let folder = try Folder()
        try Self.used(folder)
        let before = try folder.bytes("generation")
        let store = try Store(path: folder.path, traces: folder.traces())
        for index in 0..<5 { try store.commit([.taken(TakenEvent(position: 1, eventID: "\(index)"))]) }
        try store.close()
        #expect(try folder.bytes("generation") != before)
        // In place: the second place says what it said some changes ago.
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: folder.generationFile))
        try handle.write(contentsOf: before)
        try handle.close()
        try Self.expectNothing(folder)
    }

    @Test("a start that was killed while it dealt with a restore deals with it at the next")
    func crashWhileRestoring() throws {
        let folder = try Folder()
        try Self.used(folder)
        let database = try folder.bytes("gateway.sqlite")
        // Everything of the new history is on disk but the database's transaction.
        _ = try Store(path: folder.path, traces: folder.traces(machine: [9]))
        try Self.putBack(database, folder)
        try Self.expectDetected(folder, "another machine", folder.traces(machine: [9]))
    }

    @Test("another machine, with the folder whole down to its times, is detected")
    func otherMachine() throws {
        let folder = try Folder()
        try Self.used(folder)
        try Self.expectDetected(folder, "another machine", folder.traces(machine: [4]))
    }

    @Test("a copy of the folder on the same machine is detected, and the original goes on")
    func copy() throws {
        let folder = try Folder()
        try Self.used(folder)
        // File systems may keep whole seconds.
        Thread.sleep(forTimeInterval: 1.1)
        let copy = try Folder()
        try FileManager.default.removeItem(at: copy.url)
        try FileManager.default.copyItem(at: folder.url, to: copy.url)
        try Self.expectDetected(copy, "copy")
        try Self.expectNothing(folder)
    }

    @Test("a folder put back file by file over itself is detected, though its two places agree")
    func folderPutBack() throws {
        let folder = try Folder()
        try Self.used(folder)
        var backup: [String: Data] = [:]
        for name in ["gateway.sqlite", "generation", "anchor"] { backup[name] = try folder.bytes(name) }
        try Self.expectNothing(folder)
        Thread.sleep(forTimeInterval: 1.1)
        for (name, bytes) in backup {
            let handle = try FileHandle(forWritingTo: folder.url.appendingPathComponent(name))
            try handle.truncate(atOffset: 0)
            try handle.write(contentsOf: bytes)
            try handle.close()
        }
        try Self.expectDetected(folder, "copy")
    }

    @Test("a missing or damaged second place, and one of a fork that went further, are taken for a restore")
    func secondPlace() throws {
        for (bytes, word) in [(nil, "missing"), ("garbage", "damaged"), ("", "damaged")] {
            let folder = try Folder()
            try Self.used(folder)
            try FileManager.default.removeItem(atPath: folder.generationFile)
            if let bytes { try Data(bytes.utf8).write(to: URL(fileURLWithPath: folder.generationFile)) }
            try Self.expectDetected(folder, word)
        }
        let folder = try Folder()
        try Self.used(folder)
        // The fork: a clone that went its own way for longer, whose database comes back.
        let original = try folder.bytes("gateway.sqlite")
        let generation = try folder.bytes("generation")
        let clone = try Store(path: folder.path, traces: folder.traces(machine: [7]))
        try clone.commit(SealingTests.writes)
        for index in 0..<50 { try clone.commit([.taken(TakenEvent(position: 1, eventID: "\(index)"))]) }
        try clone.close()
        let forked = try folder.bytes("gateway.sqlite")
        try Self.putBack(original, folder)
        try generation.write(to: URL(fileURLWithPath: folder.generationFile))
        try Self.putBack(forked, folder)
        try Self.expectDetected(folder, "another history", folder.traces(machine: [7]))
    }

    @Test("a clock that the network set more than a day back is suspicious; one that nobody set says nothing")
    func clock() throws {
        let folder = try Folder()
        try Self.used(folder)
        let real = Int64(Date().timeIntervalSince1970 * 1000)
        let early = real - 3 * Self.day
        _ = try Store(path: folder.path, traces: folder.traces(unixMilliseconds: real))
        // A small machine without a battery begins in 1970, or where it was last switched off.
        let unset = try Store(
            path: folder.path, traces: folder.traces(unixMilliseconds: 0, isClockSynchronised: false))
        #expect(unset.restore == nil)
        try unset.commit([.taken(TakenEvent(position: 1, eventID: "at a time that the system tells"))])
        try Self.expectDetected(folder, "days in the future", folder.traces(unixMilliseconds: early))
    }

    @Test("a store of before this version, and a new one beside old files, are no restore; an old one with sessions is")
    func withoutGeneration() throws {
        let folder = try Folder()
        let plain = try Store(path: folder.path)
        try plain.commit(SealingTests.writes)
        try plain.close()
        let old = try folder.bytes("gateway.sqlite")
        #expect(try Store(path: folder.path, traces: folder.traces()).restore == nil)
        try Self.putBack(old, folder)
        try Self.expectDetected(folder, "another history")
        try FileManager.default.removeItem(atPath: folder.path)
        try? FileManager.default.removeItem(atPath: folder.path + "-wal")
        try? FileManager.default.removeItem(atPath: folder.path + "-shm")
        #expect(try Store(path: folder.path, traces: folder.traces()).restore == nil)
    }

    @Test("an inspection tells what a start would detect, and changes nothing")
    func inspection() throws {
        let folder = try Folder()
        #expect(try StoreInspection(path: folder.path, cipher: nil, traces: folder.traces()) == nil)
        try Self.used(folder)
        let quiet = try #require(try StoreInspection(path: folder.path, cipher: nil, traces: folder.traces()))
        #expect(quiet.pendingReasons == [] && quiet.lastRestore == nil && quiet.awaitingHandshake == [])
        #expect(quiet.version == StoreInspection.supportedVersion && !quiet.isSealed)
        let elsewhere = folder.traces(machine: [5])
        let seen = try #require(try StoreInspection(path: folder.path, cipher: nil, traces: elsewhere))
        #expect(seen.pendingReasons == [.otherMachine])
        try Self.expectNothing(folder)
        let store = try Store(path: folder.path, traces: elsewhere)
        // While a gateway has it; the revoked device is not waited for.
        let after = try #require(try StoreInspection(path: folder.path, cipher: nil, traces: elsewhere))
        #expect(after.pendingReasons == [] && after.lastRestore == store.restore)
        #expect(after.awaitingHandshake == ["device1"])
        #expect(after.keyProblem == nil)
        try Store(path: folder.path, cipher: SealingTests.key()).close()
        for (cipher, problem) in [
            (nil, StoreError.storageKeyMissing(path: folder.path)),
            (try SealingTests.key(), nil),
            (try SealingTests.key(9), .wrongStorageKey(path: folder.path)),
        ] {
            let sealed = try #require(try StoreInspection(path: folder.path, cipher: cipher, traces: elsewhere))
            #expect(sealed.isSealed && sealed.keyProblem == problem)
            #expect(sealed.awaitingHandshake == ["device1"])
        }
    }
}

@Suite("A note as a line of text")
struct GenerationNoteTests {
    @Test("it comes back as it was written, with and without a machine; anything else is no note")
    func line() throws {
        for machine in [nil, [UInt8](repeating: 0xA5, count: 16)] {
            let note = GenerationNote(
                instance: Array(0..<16), sequence: .max, machine: machine,
                anchor: FileStamp(seconds: 1_700_000_000, nanoseconds: 5), seenUnixMilliseconds: -1)
            #expect(GenerationNote(line: note.line) == note)
            let words = note.line.split(separator: " ")
            for count in 0..<words.count {
                #expect(GenerationNote(line: words[..<count].joined(separator: " ")) == nil)
            }
            #expect(GenerationNote(line: note.line + " more") == nil)
            #expect(GenerationNote(line: note.line.replacingOccurrences(of: "0001", with: "000x")) == nil)
        }
    }

    @Test("a file system that keeps whole seconds is no other one")
    func stamps() {
        let stamp = FileStamp(seconds: 7, nanoseconds: 5)
        #expect(stamp.isSame(as: stamp))
        #expect(stamp.isSame(as: FileStamp(seconds: 7, nanoseconds: 0)))
        #expect(!stamp.isSame(as: FileStamp(seconds: 7, nanoseconds: 6)))
        #expect(!stamp.isSame(as: FileStamp(seconds: 8, nanoseconds: 5)))
    }
}
