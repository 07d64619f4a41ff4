internal import DeviceClient
internal import Foundation
internal import GatewayStore
internal import NoiseSodium

/// A device's state on disk: what the machine wants remembered, behind a line that tells whether it is the newest and the
/// only copy. A state that was put back or copied would send under frame numbers that were used.
final class DeviceState {
    private let path: String
    private let traces: Traces
    private var note: GenerationNote
    private let generation: GenerationFile

    /// - Returns: as `state` what the machine begins from; nil: nothing, it makes a new session.
    static func open(_ file: DeviceFile) throws -> (storage: DeviceState, state: [UInt8]?) {
        do {
            let stored = try read(file.stateFile)
            if let state = stored?.state { try MovedSessions.refuse(state, of: file) }
            let traces = file.traces
            let reasons = stored.map { stored in stored.note.map { $0.reasons(traces) } ?? withoutNote(traces) } ?? []
            if let note = stored?.note, reasons.isEmpty {
                return (try DeviceState(file, note, traces), stored?.state)
            }
            var state = stored?.state
            if !reasons.isEmpty {
                say(
                    "the device's state was restored or copied: \(reasons.map(\.text).joined(separator: "; ")). Its session "
                        + "is dropped, so that no frame number is used twice"
                        + (file.isProvisioned ? "" : "; the next message brings a new one"))
                state = nil
            }
            let note = try GenerationNote.begin(after: stored?.note?.sequence ?? 0, traces)
            let storage = try DeviceState(file, note, traces)
            // At once: the files beside it belong to the new history.
            if let state {
                try storage.write(state)
            } else {
                try? FileManager.default.removeItem(atPath: file.stateFile)
            }
            return (storage, state)
        } catch let error as StoreError {
            throw Administration.describe(error)
        }
    }

    /// What names the session in a device's state; nil: there is none.
    static func sessionID(_ file: DeviceFile) throws -> [UInt8]? {
        guard let stored = try read(file.stateFile) else { return nil }
        return try? ProvisionedState.session(in: stored.state, WireSuite.self)?.id
    }

    /// Writes the first state of a device that has just been enrolled.
    static func begin(_ file: DeviceFile, with state: [UInt8]) throws {
        do {
            let note = try GenerationNote.begin(after: 0, file.traces)
            try DeviceState(file, note, file.traces).write(state)
        } catch let error as StoreError {
            throw Administration.describe(error)
        }
    }

    private init(_ file: DeviceFile, _ note: GenerationNote, _ traces: Traces) throws(StoreError) {
        path = file.stateFile
        self.note = note
        self.traces = traces
        generation = try GenerationFile(
            traces.generationFile, GenerationFile.Content(instance: note.instance, sequence: note.sequence))
    }

    /// The state is on disk when this returns. The second place follows it, so that it never leads.
    func write(_ state: [UInt8]) throws {
        note.sequence += 1
        note.machine = traces.machine ?? note.machine
        note.seenUnixMilliseconds = Clock.unixMilliseconds
        try DurableFile.write(Array((note.line + "\n").utf8) + state, to: path)
        do {
            try generation.advance(to: note.sequence)
        } catch {
            throw Administration.describe(error)
        }
    }

    /// A state of before this version is taken, unless the files of a newer one are beside it.
    private static func withoutNote(_ traces: Traces) -> [RestoreReason] {
        GenerationFile.read(traces.generationFile) == .nothing ? [] : [.otherHistory]
    }

    private static func read(_ path: String) throws -> (note: GenerationNote?, state: [UInt8])? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        let bytes: [UInt8]
        do {
            bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        } catch {
            throw Failure(.storage, "\(path): cannot be read: \(error.localizedDescription)")
        }
        // The machine's own bytes never begin like the line.
        guard bytes.starts(with: GenerationNote.lineStart.utf8) else { return (nil, bytes) }
        guard let end = bytes.firstIndex(of: 0x0A),
            let note = GenerationNote(line: String(decoding: bytes[..<end], as: UTF8.self))
        else { throw Failure(.newerStore, "\(path) is damaged; delete it: the device then makes a new session") }
        return (note, Array(bytes[(end + 1)...]))
    }
}

extension DeviceFile {
    var traces: Traces {
        Traces(
            generationFile: path + ".generation", anchorFile: path + ".anchor", machine: MachineID.read(),
            unixMilliseconds: Clock.unixMilliseconds, isClockSynchronised: Clock.isSynchronised)
    }
}
