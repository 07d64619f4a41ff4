import Foundation
import GatewayCore
import GatewayStore
import Testing

@Suite("The store")
struct StoreTests {
    /// A fresh file's path; the folder goes with the test.
    final class Folder: Sendable {
        let url: URL

        init() throws {
            url = FileManager.default.temporaryDirectory.appendingPathComponent("sotto-store-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        }

        deinit { try? FileManager.default.removeItem(at: url) }

        var path: String { url.appendingPathComponent("gateway.sqlite").path }
    }

    static func device(_ number: UInt32) -> DeviceRecord {
        var device = DeviceRecord(
            number: number, name: "device\(number)",
            publicKey: [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 32),
            addedUnixMilliseconds: 1_700_000_000_000,
            room: RoomMapping(requested: "#room:example.org", roomID: "!room", state: .refused("banned by @a:b")))
        device.isRegistered = true
        // Above what SQLite's integers hold without a sign.
        device.handshakeCounter = .max - 1
        device.handshakeHash = [1, 2, 3]
        device.handshakeReply = [4, 5]
        device.observeToken = [9]
        device.address = PeerAddress(ip: [UInt8](repeating: 0xFE, count: 16), port: 65_535, scope: 4)
        device.lastSeenUnixMilliseconds = 1_700_000_000_001
        device.accepted = 1
        device.delivered = 2
        device.refused = 3
        return device
    }

    static func uplink(_ id: Int64, request: String, refusal: String? = nil) -> UplinkRecord {
        UplinkRecord(
            id: id, device: 1, requestID: request, resource: 0x74, body: [0x61, 0x78], receivedUnixMilliseconds: 5,
            refusal: refusal)
    }

    @Test("a committed write is on disk, not in a cache: WAL with synchronous FULL on the connection that writes")
    func durability() throws {
        let folder = try Folder()
        let store = try Store(path: folder.path)
        let settings = try store.durability()
        #expect(settings.journalMode == "wal")
        // 2 is FULL; GRDB chooses 1, NORMAL, for WAL.
        #expect(settings.synchronous == 2)
        #expect(settings.secureDelete)
    }

    @Test("every record comes back as it was written, also after the file was closed and opened")
    func roundTrip() throws {
        let folder = try Folder()
        let devices = [Self.device(1), Self.device(2_097_152)]
        let session = SessionRecord(device: 1, slot: 2, session: [0, 255, 7])
        let answers = [
            AnswerRecord(device: 1, source: [1], number: .max, answer: [2], expiresUnixMilliseconds: 3),
            AnswerRecord(device: 1, source: [1], number: nil, answer: [], expiresUnixMilliseconds: 4),
        ]
        let uplinks = [Self.uplink(7, request: "a.1"), Self.uplink(8, request: "a.2", refusal: "M_FORBIDDEN")]
        let inbox = [
            InboxRecord(id: 1, device: 1, body: [0], unverifiedSender: "@a:b"),
            InboxRecord(id: 2, device: 1, body: []),
        ]
        let bodies = [
            BodyRecord(
                device: 1, session: [1, 2], source: [3], number: nil, key: [4, 0], bytes: [5, 6],
                expiresUnixMilliseconds: 7),
            BodyRecord(
                device: 2_097_152, session: [1], source: [1], number: .max, key: [], bytes: [],
                expiresUnixMilliseconds: 8),
        ]
        let taken = [TakenEvent(position: 3, eventID: "$a"), TakenEvent(position: 4, eventID: "$b")]
        let store = try Store(path: folder.path)
        try store.commit(
            devices.map(StoreWrite.device) + [.session(session)] + answers.map(StoreWrite.answer)
                + uplinks.map(StoreWrite.uplink) + inbox.map(StoreWrite.inbox) + bodies.map(StoreWrite.body)
                + taken.map(StoreWrite.taken))
        try store.close()

        let state = try Store(path: folder.path).load()
        #expect(state.devices == devices)
        #expect(state.sessions == [session])
        #expect(state.answers == answers)
        #expect(state.uplinks == uplinks)
        #expect(state.inbox == inbox)
        #expect(state.bodies == bodies)
        #expect(state.taken == taken)
    }

    @Test("a body in blocks grows in its place, and goes")
    func unfinishedBodies() throws {
        let folder = try Folder()
        let store = try Store(path: folder.path)
        var body = BodyRecord(
            device: 1, session: [1], source: [1], number: 5, key: [4], bytes: [1], expiresUnixMilliseconds: 7)
        try store.commit([.body(body)])
        body.bytes.append(2)
        try store.commit([.body(body)])
        #expect(try store.load().bodies == [body])
        try store.commit([.removeBody(device: 1)])
        #expect(try store.load().bodies.isEmpty)
    }

    @Test("writes replace, update and remove what is there")
    func changes() throws {
        let folder = try Folder()
        let store = try Store(path: folder.path)
        var device = Self.device(1)
        try store.commit([
            .device(device), .session(SessionRecord(device: 1, slot: 0, session: [1])),
            .uplink(Self.uplink(1, request: "a")), .uplink(Self.uplink(2, request: "b")),
            .inbox(InboxRecord(id: 1, device: 1, body: [1], unverifiedSender: "@a:b")),
            .answer(AnswerRecord(device: 1, source: [1], number: 1, answer: [1], expiresUnixMilliseconds: 10)),
            .answer(AnswerRecord(device: 1, source: [1], number: 2, answer: [2], expiresUnixMilliseconds: 20)),
            .taken(TakenEvent(position: 1, eventID: "$a")), .taken(TakenEvent(position: 2, eventID: "$b")),
        ])
        device.room.state = .encrypted
        device.observeToken = nil
        device.address = nil
        try store.commit([
            .device(device), .session(SessionRecord(device: 1, slot: 0, session: [2])), .removeUplink(id: 1),
            .uplink(Self.uplink(2, request: "b", refusal: "M_TOO_LARGE")),
            .inbox(InboxRecord(id: 1, device: 1, body: [1])),
            .removeAnswers(device: 1, expiredAtUnixMilliseconds: 15), .forgetTaken(upTo: 1),
        ])
        let state = try store.load()
        #expect(state.devices == [device])
        #expect(state.sessions.map(\.session) == [[2]])
        #expect(state.uplinks == [Self.uplink(2, request: "b", refusal: "M_TOO_LARGE")])
        #expect(state.inbox == [InboxRecord(id: 1, device: 1, body: [1])])
        #expect(state.answers.map(\.number) == [2])
        #expect(state.taken.map(\.eventID) == ["$b"])
        try store.commit([.removeSession(device: 1, slot: 0), .removeInbox(id: 1)])
        #expect(try store.load().sessions.isEmpty)
        #expect(try store.load().inbox.isEmpty)
    }

    @Test("of writes of which one cannot be made none is")
    func allOrNothing() throws {
        let folder = try Folder()
        let store = try Store(path: folder.path)
        try store.commit([.uplink(Self.uplink(1, request: "same"))])
        // Two requests of one identity: the second would swallow the first at the homeserver.
        #expect(throws: StoreError.self) {
            try store.commit([
                .device(Self.device(1)), .uplink(Self.uplink(2, request: "same")),
                .taken(TakenEvent(position: 1, eventID: "$a")),
            ])
        }
        let state = try store.load()
        #expect(state.devices.isEmpty)
        #expect(state.uplinks.count == 1)
        #expect(state.taken.isEmpty)
    }

    @Test("a file of a newer version, and one that is no database, are refused and left as they are")
    func unusableFiles() throws {
        let folder = try Folder()
        try Data("this is not a database, but long enough to be taken for the header of one".utf8)
            .write(to: URL(fileURLWithPath: folder.path))
        let before = try Data(contentsOf: URL(fileURLWithPath: folder.path))
        #expect(throws: StoreError.self) { try Store(path: folder.path) }
        #expect(try Data(contentsOf: URL(fileURLWithPath: folder.path)) == before)
        #expect(throws: StoreError.self) { try Store(path: folder.url.path + "/nowhere/gateway.sqlite") }
    }
}
