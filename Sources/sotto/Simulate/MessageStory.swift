internal import Foundation

/// What the log says of one message, as a person would tell it.
enum MessageStory {
    struct Event: Decodable {
        var t: Int64
        var e: String
        var d: String?
        var m: Int?
        var f: UInt64?
        var way: String?
        var bytes: Int?
        var until: Int64?
        var why: String?
        var repetition: Bool?
        var copy: Bool?
        var wait_queue: Int64?
        var wait_duty: Int64?
        var wait_quota: Int64?
        var wait_window: Int64?
        var wait_uplink: Int64?
        var wait_duplex: Int64?
        var wait_access: Int64?

        var waits: [(String, Int64)] {
            [
                ("for those before it in the queue", wait_queue), ("for the duty cycle", wait_duty),
                ("for the quota", wait_quota), ("for a pass", wait_window),
                ("for an uplink of the device", wait_uplink), ("for the other direction", wait_duplex),
                ("for the channel", wait_access),
            ].compactMap { name, time in time.map { (name, $0) } }
        }
    }

    static func events(of message: Int, in log: Data) -> [Event] {
        let decoder = JSONDecoder()
        let needle = Data("\"m\":\(message),".utf8)
        let last = Data("\"m\":\(message)}".utf8)
        var events: [Event] = []
        for line in log.split(separator: 0x0A) where line.range(of: needle) != nil || line.range(of: last) != nil {
            if let event = try? decoder.decode(Event.self, from: Data(line)) { events.append(event) }
        }
        return events
    }

    /// The messages with the longest way from creation to their end.
    static func latest(in log: Data, count: Int) -> [Int] {
        let decoder = JSONDecoder()
        var begun: [Int: Int64] = [:]
        var took: [Int: Int64] = [:]
        let ends: Set<String> = ["room", "journalled", "heard", "unanswered"]
        for line in log.split(separator: 0x0A) {
            guard line.range(of: Data("\"e\":\"datagram\"".utf8)) == nil,
                let event = try? decoder.decode(Event.self, from: Data(line)), let message = event.m
            else { continue }
            if event.e == "message" || event.e == "said" { begun[message] = event.t }
            if ends.contains(event.e), let begin = begun[message] { took[message] = event.t - begin }
        }
        return took.sorted { ($0.value, $1.key) > ($1.value, $0.key) }.prefix(count).map(\.key)
    }

    static func tell(_ message: Int, _ events: [Event]) -> [String] {
        guard let first = events.first else { return [] }
        var lines: [String] = []
        func add(_ time: Int64, _ text: String) {
            lines.append(String(format: "%12.3f s  ", Double(time - first.t) / 1e9) + text)
        }
        func seconds(_ time: Int64) -> String { String(format: "%.3f s", Double(time) / 1e9) }
        var left: [UInt64: Int64] = [:]
        var end = first.t
        var requested: Int64?
        for event in events {
            let way = event.way == "down" ? "down" : "up"
            switch event.e {
            case "message", "said":
                lines.append(
                    "message \(message) of \(event.d ?? "?"), \(event.bytes ?? 0) bytes, at \(seconds(event.t)) of the run:"
                )
            case "request":
                requested = event.t
                if event.t > first.t {
                    add(event.t, "its turn comes: \(seconds(event.t - first.t)) for those before it")
                }
            case "datagram":
                let again = event.repetition == true ? " again, no answer came in time," : ""
                add(event.t, "\(event.bytes ?? 0) bytes\(again) are handed to the link, \(way)")
            case "start":
                for (reason, time) in event.waits where time > 0 { add(event.t, "waited \(seconds(time)) \(reason)") }
                if let until = event.until {
                    if let frame = event.f { left[frame] = until }
                    add(event.t, "on the air \(way) for \(seconds(until - event.t))")
                }
            case "arrive" where event.copy != true:
                let since =
                    event.f.flatMap { left[$0] }.map { ", \(seconds(event.t - $0)) after its last bit left" } ?? ""
                add(event.t, "arrives \(way)\(since)")
            case "lost": add(event.t, "is lost \(way): \(event.why ?? "")")
            case "drop": add(event.t, "is dropped \(way): \(event.why ?? "")")
            case "journalled": add(event.t, "is in the gateway's journal")
            case "room": add(event.t, "is in the room")
            case "accepted": add(event.t, "the device knows")
            case "unanswered": add(event.t, "the device gives up")
            case "heard": add(event.t, "the device has heard it")
            default: continue
            }
            if ["room", "heard", "journalled", "unanswered"].contains(event.e) { end = event.t }
        }
        var parts: [(String, Int64)] = []
        if let requested, requested > first.t { parts.append(("for earlier messages", requested - first.t)) }
        for (reason, time) in events.flatMap(\.waits) where time > 0 {
            if let index = parts.firstIndex(where: { $0.0 == reason }) {
                parts[index].1 += time
            } else {
                parts.append((reason, time))
            }
        }
        if let room = events.first(where: { $0.e == "room" }), let kept = events.first(where: { $0.e == "journalled" })
        {
            parts.append(("for the homeserver", room.t - kept.t))
        }
        if let largest = parts.max(by: { $0.1 < $1.1 }), largest.1 * 2 > end - first.t {
            lines.append("It took \(seconds(end - first.t)), most of it waiting \(largest.0) (\(seconds(largest.1))).")
        } else {
            let copies = events.filter { $0.e == "datagram" && $0.way == "up" }.count
            let why = copies > 1 ? "; its datagram had to leave \(copies) times" : ""
            lines.append("It took \(seconds(end - first.t))\(why).")
        }
        return lines
    }
}
