internal import Foundation
internal import LinkModel
internal import LinkRelay
internal import Synchronization

/// Prints what becomes of each datagram of a relay, and counts. Called on the relay's thread; the sums may be read anywhere.
final class RelayPrinter: Sendable {
    fileprivate struct Line: Encodable {
        var seconds: Double
        var direction: String
        var device: Int
        var bytes: Int
        var fate: String
        /// From coming in until its last bit has left the sender's end, and until it has arrived.
        var leavesAfter: Double?
        var arrivesAfter: Double?
    }

    fileprivate struct Sums {
        var came: [UInt64: Int64] = [:]
        var leaves: [UInt64: Int64] = [:]
        var devices = 0
        var datagrams = 0
        var bytes = 0
        var lost = 0
        var dropped = 0
        /// On the air, in nanoseconds.
        var airtime: Int64 = 0
    }

    private let json: Bool
    private let quiet: Bool
    private let began = Clock.monotonic
    private let sums = Mutex(Sums())

    init(json: Bool, quiet: Bool) {
        self.json = json
        self.quiet = quiet
    }

    var summary: String {
        sums.withLock { sums in
            let seconds = max(1, Double(Clock.monotonic - began) / 1e9)
            let air = String(format: "%.1f", Double(sums.airtime) / 1e7 / seconds)
            return "\(sums.datagrams) datagrams with \(sums.bytes) bytes, \(sums.lost) lost, \(sums.dropped) dropped, "
                + "\(sums.came.count) under way; \(sums.devices) devices; \(air) % of the time on the air"
        }
    }

    func show(_ event: LinkRelay.Event) {
        guard let line = sums.withLock({ $0.line(for: event, began: began) }), !quiet else { return }
        var text: String
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys]
            text = (try? encoder.encode(line)).map { String(decoding: $0, as: UTF8.self) } ?? ""
        } else {
            text =
                String(format: "%8.2f", line.seconds)
                + " s  \(line.direction == "up" ? "up  " : "down")  \(line.bytes) bytes  "
            switch line.fate {
            case "delivered": text += String(format: "arrived after %.2f s", line.arrivesAfter ?? 0)
            case "lost": text += String(format: "lost (%.2f s on the link)", line.leavesAfter ?? 0)
            default: text += "dropped: \(line.fate)"
            }
        }
        // Nobody reading any more is no reason to stop carrying.
        try? printLine(text)
    }
}

extension RelayPrinter.Sums {
    /// The line for a datagram whose fate is known now; nil: it is still under way.
    mutating func line(for event: LinkRelay.Event, began: Int64) -> RelayPrinter.Line? {
        devices = max(devices, event.device + 1)
        let fate: String
        var arrives: Int64?
        switch event.what {
        case .came:
            datagrams += 1
            bytes += event.bytes
            came[event.id] = event.time
            return nil
        case .link(.started(let until, _, _)):
            leaves[event.id] = until
            airtime += until - event.time
            return nil
        case .link(.dropped(let reason)):
            dropped += 1
            fate = reason.name
        case .link(.lost(let reason)):
            lost += 1
            fate = reason == .noise ? "lost" : reason.name
        case .link(.arrived(let isCopy, _)):
            guard !isCopy else { return nil }
            fate = "delivered"
            arrives = event.time
        }
        guard let begin = came.removeValue(forKey: event.id) else { return nil }
        func seconds(_ time: Int64) -> Double { (Double(time) / 1e6).rounded() / 1000 }
        return RelayPrinter.Line(
            seconds: seconds(begin - began), direction: event.heading == .up ? "up" : "down", device: event.device,
            bytes: event.bytes, fate: fate,
            leavesAfter: leaves.removeValue(forKey: event.id).map { seconds($0 - begin) },
            arrivesAfter: arrives.map { seconds($0 - begin) })
    }
}
