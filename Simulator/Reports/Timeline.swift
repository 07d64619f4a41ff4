internal import LinkModel
public import Simulation

/// What a report shows of a run besides its sums, gathered from the records as they come; bounded, however long the run.
public struct Timeline: Sendable {
    /// A datagram's way.
    struct Bar: Sendable {
        var device: Int
        var message: Int?
        var heading: Heading
        var bytes: Int
        var handedOver: Int64
        var started: Int64?
        var left: Int64?
        var waits = Waits()
        var arrived: Int64?
        var end: String?
        var isRepetition: Bool
    }

    /// The first datagrams of the run.
    private(set) var bars: [Bar] = []
    private var indices: [UInt64: Int] = [:]
    /// Messages that have begun and not ended, at the end of each slice; the most within it.
    private(set) var depth: [Int] = []
    private var open = 0
    private var ended: Set<Int> = []
    private(set) var outages: [Range<Int64>] = []
    private var outageBegin: Int64?
    let slice: Int64
    private static let mostBars = 120

    public init(_ scenario: Scenario) {
        slice = max(1_000_000_000, scenario.duration / 600)
        depth = [Int](repeating: 0, count: Int(scenario.duration / slice) + 1)
    }

    public mutating func add(_ record: Record) {
        switch record.event {
        case .message:
            open += 1
            note(record.time)
        case .accepted, .unanswered:
            if let message = record.message, ended.insert(message).inserted { open -= 1 }
            note(record.time)
        case .journalled:
            // A message that nobody confirms ends there.
            break
        case .datagram(let frame, let heading, let bytes, _, let isRepetition):
            guard bars.count < Self.mostBars else { return }
            indices[frame] = bars.count
            bars.append(
                Bar(
                    device: record.device, message: record.message, heading: heading, bytes: bytes,
                    handedOver: record.time, isRepetition: isRepetition))
        case .start(let frame, _, let until, _, let waits):
            guard let index = indices[frame] else { return }
            bars[index].started = record.time
            bars[index].left = until
            bars[index].waits = waits
        case .arrive(let frame, _, let isCopy, _):
            guard let index = indices[frame], !isCopy else { return }
            bars[index].arrived = record.time
        case .lost(let frame, _, let reason): end(frame, reason.name)
        case .drop(let frame, _, let reason): end(frame, reason.name)
        case .homeserver(let isUp):
            if let begin = outageBegin, isUp { outages.append(begin..<record.time) }
            outageBegin = isUp ? nil : record.time
        default: break
        }
    }

    private mutating func end(_ frame: UInt64, _ reason: String) {
        if let index = indices[frame] { bars[index].end = reason }
    }

    private mutating func note(_ time: Int64) {
        let index = min(Int(time / slice), depth.count - 1)
        if index >= 0 { depth[index] = max(depth[index], open) }
        // Few messages are open at once; who has ended long ago need not be remembered.
        if ended.count > 100_000 { ended.removeAll() }
    }
}
