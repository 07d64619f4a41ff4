internal import Foundation
internal import LinkModel
internal import LinkRelay
internal import SimulationReports
internal import Synchronization

/// Writes a relay's datagrams to a file, each when its fate is known. Called on the relay's thread, and closed after it has
/// stopped.
final class PacketRecorder: Sendable {
    private struct Datagram {
        var bytes: [UInt8]
        var device: Int
        var isUp: Bool
        /// Of Unix time.
        var nanoseconds: UInt64
    }

    private struct State {
        var file: FileHandle
        var capture = PacketCapture(interfaces: ["up", "down"])
        var underWay: [UInt64: Datagram] = [:]

        mutating func write(_ id: UInt64, _ fate: String) {
            guard let datagram = underWay.removeValue(forKey: id) else { return }
            capture.add(
                datagram.bytes, nanoseconds: datagram.nanoseconds, interface: datagram.isUp ? 0 : 1,
                isUp: datagram.isUp, host: datagram.device + 1, comment: "datagram \(id): \(fate)")
            flush()
        }

        /// A full disk ends the record, not the link.
        mutating func flush() {
            try? file.write(contentsOf: Data(capture.take()))
        }
    }

    private let state: Mutex<State>

    init(_ path: String) throws {
        guard FileManager.default.createFile(atPath: path, contents: nil), let file = FileHandle(forWritingAtPath: path)
        else { throw Failure(.storage, "--pcap \(path): cannot be written") }
        state = Mutex(State(file: file))
        // Without a datagram it is a capture as well.
        state.withLock { $0.flush() }
    }

    func add(_ event: LinkRelay.Event) {
        state.withLock { state in
            switch event.what {
            case .came(let bytes):
                state.underWay[event.id] = Datagram(
                    bytes: bytes, device: event.device, isUp: event.heading == .up, nanoseconds: Self.unixNanoseconds)
            case .link(.started):
                state.underWay[event.id]?.nanoseconds = Self.unixNanoseconds
            case .link(.dropped(let reason)): state.write(event.id, "dropped: \(reason.name)")
            case .link(.lost(let reason)): state.write(event.id, "lost: \(reason.name)")
            case .link(.arrived(_, let flippedBit)):
                state.write(event.id, flippedBit.map { "arrived, bit \($0) wrong" } ?? "arrived")
            }
        }
    }

    private static var unixNanoseconds: UInt64 { UInt64(max(0, Date().timeIntervalSince1970) * 1e9) }

    func close() {
        state.withLock { state in
            for id in state.underWay.keys.sorted() { state.write(id, "under way") }
            try? state.file.close()
        }
    }
}
