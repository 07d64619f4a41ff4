internal import Foundation
internal import LinkModel
public import Simulation

/// One page that shows what a run came to; it needs no network and runs no script.
public enum HTMLReport {
    public static func render(
        _ scenario: Scenario, _ summary: Summary, _ timeline: Timeline, _ sweep: Sweep, deviceNames: [String],
        simulated: Int64
    ) -> String {
        let plots = Plots(
            scenario: scenario, summary: summary, timeline: timeline, sweep: sweep, deviceNames: deviceNames)
        let parts = [
            (
                "Timeline", "The first datagrams, one a row: waiting, on the air, under way. Crosses are losses.",
                plots.waterfall()
            ),
            ("Bytes by layer", "", plots.bytes()), ("Latency", "", plots.latency()),
            (
                "Delivery against loss and load",
                "The scenario again with other losses, and with more and less traffic, for a part of its time.",
                plots.goodput()
            ),
            ("Airtime", "", plots.airtime()), ("Energy", "", plots.energy()),
            ("Repetitions and queues", "", plots.repetitions()),
        ]
        var body = ""
        for (index, part) in parts.enumerated() {
            body += "<section><h2>\(index + 1). \(part.0)</h2>\n"
            if !part.1.isEmpty { body += "<p>\(part.1)</p>\n" }
            if index == 0 { body += legend }
            body += part.2 + "</section>\n"
        }
        return """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><title>\(escaped(scenario.name))</title>
            <meta name="viewport" content="width=device-width"><style>\(style)</style></head><body>
            <h1>\(escaped(scenario.name))</h1>
            <p>Seed \(scenario.seed); \(duration(simulated)) of \(duration(scenario.duration)) simulated; \(deviceNames.count) devices on \(escaped(scenario.links.map(\.name).joined(separator: ", "))).</p>
            \(table(scenario, summary))
            \(body)
            </body></html>

            """
    }

    private static func table(_ scenario: Scenario, _ summary: Summary) -> String {
        var rows: [(String, String)] = [
            ("messages", "\(summary.offered)"),
            ("in the gateway's journal", share(summary.journalled.count, summary.offered)),
            ("known to be accepted", "\(summary.accepted)"), ("unanswered", "\(summary.unanswered)"),
            ("in the room", "\(summary.inRoom.count)"),
        ]
        if summary.said > 0 { rows.append(("said to devices, heard", "\(summary.said), \(summary.heard.count)")) }
        rows.append(("datagrams up, down", "\(summary.datagrams[0]), \(summary.datagrams[1])"))
        for (named, tally) in zip(scenario.links, summary.tallies) {
            var fates = ["\(tally.delivered) delivered"]
            for reason in LinkEvent.Loss.allCases where tally.lost[Int(reason.rawValue)] > 0 {
                fates.append("\(tally.lost[Int(reason.rawValue)]) \(reason.name)")
            }
            for reason in LinkEvent.Drop.allCases where tally.dropped[Int(reason.rawValue)] > 0 {
                fates.append("\(tally.dropped[Int(reason.rawValue)]) \(reason.name)")
            }
            fates.append("\(tally.underWay) under way")
            rows.append(("\(escaped(named.name)): \(tally.offered) offered", fates.joined(separator: ", ")))
        }
        let cells = rows.map { "<tr><th>\($0.0)</th><td>\($0.1)</td></tr>" }.joined(separator: "\n")
        return "<table>\(cells)</table>"
    }

    private static func share(_ part: Int, _ whole: Int) -> String {
        "\(part) (\(number(Double(part) / Double(max(1, whole)) * 100, 1)) %)"
    }

    private static let legend = """
        <p class="legend"><i class="k-queue"></i>queue <i class="k-duty"></i>duty cycle, quota <i class="k-window"></i>pass,
        uplink <i class="k-access"></i>channel, other direction <i class="k-up"></i>up <i class="k-down"></i>down
        <i class="k-way"></i>under way</p>
        """

    private static let style = """
        body{font:15px/1.45 system-ui,sans-serif;max-width:900px;margin:2em auto;padding:0 1em;color:#222;background:#fff}
        h1{font-size:1.6em}h2{font-size:1.15em;margin:1.8em 0 .3em}table{border-collapse:collapse}
        th{text-align:left;font-weight:normal;color:#555;padding:.1em 1.5em .1em 0}svg{width:100%;height:auto;display:block}
        .label{font-size:12px;fill:#444}.tiny{font-size:10px;fill:#444}.end{text-anchor:end}.middle{text-anchor:middle}
        .grid{stroke:#eee}.axis{stroke:#888}.cross{stroke:#c02020;stroke-width:2}.limit{stroke:#c02020;stroke-dasharray:5 4}
        .blank{fill:#fff}.shade{fill:#f3ead7}polyline{fill:none;stroke-width:2}
        .curve-1{stroke:#1f6fb4}.curve-2{stroke:#d2691e}.curve-3{stroke:#2e8b57}.theory{stroke:#999;stroke-dasharray:6 4}
        line.curve-1,line.curve-2,line.curve-3{stroke-width:3}.mark{fill:#1f6fb4}.curve-fill{fill:#1f6fb4}
        .up,.k-up{fill:#1f6fb4;background:#1f6fb4}.down,.k-down{fill:#2e8b57;background:#2e8b57}
        .way,.k-way{fill:#cfdbe6;background:#cfdbe6}.wait-queue,.k-queue{fill:#e8c468;background:#e8c468}
        .wait-duty,.wait-quota,.k-duty{fill:#d9534f;background:#d9534f}
        .wait-window,.wait-uplink,.k-window{fill:#9b7fc0;background:#9b7fc0}
        .wait-duplex,.wait-access,.k-access{fill:#b9a58c;background:#b9a58c}
        .layer-link{fill:#b9a58c}.layer-frame{fill:#e8c468}.layer-handshake{fill:#d9534f}.layer-tag{fill:#d2a06f}
        .layer-coap{fill:#8fbcd4}.layer-body{fill:#5fa777}.layer-other{fill:#c4c4c4}
        .legend i{display:inline-block;width:12px;height:12px;margin:0 4px 0 10px}
        """
}
