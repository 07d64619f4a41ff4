internal import Foundation
internal import GRDB
internal import GatewayCore

/// A restore or a copy that was detected.
public struct Restore: Equatable, Sendable {
    public var unixMilliseconds: Int64
    public var reason: String
}

/// The generation in the database, its first place.
enum Generation {
    static func read(_ db: Database) throws -> (note: GenerationNote, restore: Restore?)? {
        guard let row = try Row.fetchOne(db, sql: "SELECT * FROM generation") else { return nil }
        let note = GenerationNote(
            instance: [UInt8](row["instance"] as Data), sequence: UInt64(bitPattern: row["sequence"]),
            machine: (row["machine"] as Data?).map { [UInt8]($0) },
            anchor: FileStamp(row["anchor"] as String) ?? FileStamp(seconds: 0, nanoseconds: 0),
            seenUnixMilliseconds: row["seen_ms"])
        guard let time = row["restored_ms"] as Int64? else { return (note, nil) }
        return (note, Restore(unixMilliseconds: time, reason: row["restored_why"] ?? ""))
    }

    /// Compares the store with its traces and begins this start's generation, in one transaction with what a restore makes
    /// necessary.
    ///
    /// - Returns: the second place, opened, and the restore that was detected now.
    static func begin(_ traces: Traces, _ queue: DatabaseQueue) throws -> (file: GenerationFile, restore: Restore?) {
        let found = try queue.read { db in try read(db) }
        let reasons = try found?.note.reasons(traces) ?? reasonsWithoutNote(traces, queue)
        if let note = found?.note, reasons.isEmpty {
            let sequence = try queue.write { db in
                // A machine without a name may get one, which is no other machine.
                try db.execute(
                    sql: "UPDATE generation SET machine = coalesce(machine, ?)",
                    arguments: [traces.machine.map { Data($0) }])
                return try advance(db, unixMilliseconds: traces.unixMilliseconds)
            }
            let content = GenerationFile.Content(instance: note.instance, sequence: sequence ?? note.sequence)
            return (try GenerationFile(traces.generationFile, content), nil)
        }
        return try beginAnew(found?.note, reasons, traces, queue)
    }

    /// A store without a generation is new, or of before there was one, unless the files of one are there.
    private static func reasonsWithoutNote(_ traces: Traces, _ queue: DatabaseQueue) throws -> [RestoreReason] {
        guard GenerationFile.read(traces.generationFile) != .nothing else { return [] }
        let hasSessions = try queue.read { db in
            try Bool.fetchOne(db, sql: "SELECT EXISTS (SELECT 1 FROM session)") ?? false
        }
        return hasSessions ? [.otherHistory] : []
    }

    private static func beginAnew(
        _ note: GenerationNote?, _ reasons: [RestoreReason], _ traces: Traces, _ queue: DatabaseQueue
    ) throws -> (file: GenerationFile, restore: Restore?) {
        var sequence = note?.sequence ?? 0
        if case .content(let content) = GenerationFile.read(traces.generationFile) {
            sequence = max(sequence, content.sequence)
        }
        let begun = try GenerationNote.begin(after: sequence, traces)
        let restore =
            reasons.isEmpty
            ? nil
            : Restore(
                unixMilliseconds: traces.unixMilliseconds, reason: reasons.map(\.text).joined(separator: "; "))
        // The file goes first. A crash between the two leaves two instances: the sessions are dropped once more, which
        // costs nothing, where a database that went first could be taken for whole before it had dropped them.
        let file = try GenerationFile(
            traces.generationFile, .init(instance: begun.instance, sequence: 0))
        try queue.write { db in
            if restore != nil { try forgetSessions(db) }
            try db.execute(
                sql: """
                    INSERT INTO generation VALUES (1, ?, ?, ?, ?, ?, ?, ?)
                    ON CONFLICT (only) DO UPDATE SET instance = excluded.instance, sequence = excluded.sequence,
                        machine = excluded.machine, anchor = excluded.anchor, seen_ms = excluded.seen_ms,
                        restored_ms = coalesce(excluded.restored_ms, restored_ms),
                        restored_why = coalesce(excluded.restored_why, restored_why)
                    """,
                arguments: [
                    Data(begun.instance), Int64(bitPattern: begun.sequence), begun.machine.map { Data($0) },
                    begun.anchor.text, begun.seenUnixMilliseconds, restore?.unixMilliseconds, restore?.reason,
                ])
        }
        try file.advance(to: begun.sequence)
        return (file, restore)
    }

    /// Old sessions neither send nor execute: they are gone, with the answers in them, and open one-time codes. No handshake's counter is trusted
    /// either, since newer ones than the stored may have been taken. What is queued in either direction stays.
    private static func forgetSessions(_ db: Database) throws {
        try db.execute(sql: "DELETE FROM session")
        try db.execute(sql: "DELETE FROM answer")
        try db.execute(sql: "DELETE FROM body")
        // A one-time code may have been used since: the message that used it must not enrol its sender once more.
        try db.execute(sql: "DELETE FROM enrolment")
        try db.execute(
            sql: """
                UPDATE device SET handshake_counter = ?, handshake_hash = x'', handshake_reply = x'',
                    observe_token = NULL
                """,
            arguments: [Int64(bitPattern: DeviceRecord.untrustedCounter)])
    }

    /// One change more. nil: this store keeps no generation.
    static func advance(_ db: Database, unixMilliseconds: Int64) throws -> UInt64? {
        let statement = try db.cachedStatement(
            sql: "UPDATE generation SET sequence = sequence + 1, seen_ms = ? RETURNING sequence")
        return try Int64.fetchOne(statement, arguments: [unixMilliseconds]).map(UInt64.init(bitPattern:))
    }
}
