internal import LinkModel
public import Simulation

/// The numbers behind the report's drawings.
public enum CSVReport {
    /// What each run came to: one line, with a header before the first.
    public static let header =
        "scenario,link,seed,seconds,devices,messages,journalled,journalled_percent,accepted,unanswered,in_room,heard,"
        + "p50_s,p95_s,p99_s,datagrams_up,datagrams_down,bytes_up,bytes_down,repetitions,lost,dropped,airtime_up_s,"
        + "airtime_down_s,messages_a_day,millijoules_a_message"

    public static func line(_ scenario: Scenario, _ summary: Summary, simulated: Int64) -> String {
        let sorted = (summary.inRoom.isEmpty ? summary.journalled : summary.inRoom).sorted()
        func seconds(_ value: Int64) -> String { number(Double(value) / 1e9, 3) }
        let airtime = summary.airtime.enumerated()
        let up = airtime.filter { $0.offset % 2 == 0 }.flatMap(\.element).reduce(0, +)
        let down = airtime.filter { $0.offset % 2 == 1 }.flatMap(\.element).reduce(0, +)
        let energy = EnergyRow.rows(scenario, summary).first?.perMessage
        let fields: [String] = [
            quoted(scenario.name), quoted(scenario.links.map(\.name).joined(separator: " ")), "\(scenario.seed)",
            seconds(simulated), "\(summary.deviceAirtime.count)", "\(summary.offered)", "\(summary.journalled.count)",
            number(Double(summary.journalled.count) / Double(max(1, summary.offered)) * 100, 2), "\(summary.accepted)",
            "\(summary.unanswered)", "\(summary.inRoom.count)", "\(summary.heard.count)",
            seconds(percentile(sorted, 0.5)),
            seconds(percentile(sorted, 0.95)), seconds(percentile(sorted, 0.99)), "\(summary.datagrams[0])",
            "\(summary.datagrams[1])", "\(summary.bytes[0])", "\(summary.bytes[1])", "\(summary.repetitions)",
            "\(summary.tallies.reduce(0) { $0 + $1.lost.reduce(0, +) })",
            "\(summary.tallies.reduce(0) { $0 + $1.dropped.reduce(0, +) })", seconds(up), seconds(down),
            number(Double(summary.journalled.count) / max(1e-9, Double(simulated) / 8.64e13), 1),
            energy.map { number($0, 3) } ?? "",
        ]
        return fields.joined(separator: ",")
    }

    /// Latencies in seconds, one a line, by kind.
    public static func latencies(_ summary: Summary) -> String {
        var text = "kind,seconds\n"
        for (kind, values) in [
            ("journalled", summary.journalled), ("in_room", summary.inRoom), ("heard", summary.heard),
        ] {
            for value in values { text += "\(kind),\(number(Double(value) / 1e9, 6))\n" }
        }
        return text
    }

    private static func quoted(_ text: String) -> String {
        text.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline })
            ? "\"" + text.replacing("\"", with: "\"\"") + "\"" : text
    }
}
