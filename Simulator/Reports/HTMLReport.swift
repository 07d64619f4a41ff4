internal import Foundation
internal import LinkModel
public import Simulation

/// One page that shows what a run came to; it needs no network and runs no script.
public enum HTMLReport {
    public static func render(
        _ simulation: Simulation, _ timeline: Timeline, _ sweep: Sweep
    ) -> String {
        let scenario = simulation.scenario
        let summary = simulation.summary
        let simulated = simulation.now
        let deviceNames = (0..<simulation.deviceCount).map { simulation.deviceName($0) }
        let plots = Plots(
            scenario: scenario, summary: summary, timeline: timeline, sweep: sweep, deviceNames: deviceNames,
            badTimes: { simulation.badTimes(device: $0, $1, until: simulated) })
        let parts = [
            (
                "Timeline",
                "The first datagrams, one a row: waiting, on the air, under way. Crosses are losses, shades are outages.",
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
        <i class="k-way"></i>under way <i class="k-bad"></i>outage, no contact</p>
        """

    private static let style = """
        :root{color-scheme:light dark;--ground:#fff;--text:#222;--soft:#555;--grid:#eee;--axis:#888;--shade:#f3ead7;
        --bad:#f6d5d2;--blue:#1f6fb4;--green:#2e8b57;--orange:#d2691e;--way:#cfdbe6;--red:#c02020;--grey:#c4c4c4}
        @media (prefers-color-scheme:dark){:root{--ground:#16181c;--text:#e4e4e4;--soft:#a8adb4;--grid:#2b2f36;
        --axis:#7d838c;--shade:#39331f;--bad:#5a2a2a;--blue:#5aa2e0;--green:#4fb583;--orange:#e8924f;--way:#3a4a5a;
        --red:#ef6a6a;--grey:#6a6f77}}
        body{font:15px/1.45 system-ui,sans-serif;max-width:900px;margin:2em auto;padding:0 1em;color:var(--text);
        background:var(--ground)}
        h1{font-size:1.6em}h2{font-size:1.15em;margin:1.8em 0 .3em}table{border-collapse:collapse}
        th{text-align:left;font-weight:normal;color:var(--soft);padding:.1em 1.5em .1em 0}
        svg{width:100%;height:auto;display:block}
        .label{font-size:12px;fill:var(--text)}.tiny{font-size:10px;fill:var(--text)}.inside{font-size:10px;fill:#16181c}
        .end{text-anchor:end}.middle{text-anchor:middle}.grid{stroke:var(--grid)}.axis{stroke:var(--axis)}
        .cross{stroke:var(--red);stroke-width:2}.limit{stroke:var(--red);stroke-dasharray:5 4}
        .blank{fill:var(--ground)}.shade{fill:var(--shade)}.bad,.k-bad{fill:var(--bad);background:var(--bad)}
        polyline{fill:none;stroke-width:2}
        .curve-1{stroke:var(--blue)}.curve-2{stroke:var(--orange)}.curve-3{stroke:var(--green)}
        .theory{stroke:var(--axis);stroke-dasharray:6 4}
        line.curve-1,line.curve-2,line.curve-3{stroke-width:3}.mark,.curve-fill{fill:var(--blue)}
        .up,.k-up{fill:var(--blue);background:var(--blue)}.down,.k-down{fill:var(--green);background:var(--green)}
        .way,.k-way{fill:var(--way);background:var(--way)}.wait-queue,.k-queue{fill:#e8c468;background:#e8c468}
        .wait-duty,.wait-quota,.k-duty{fill:#d9534f;background:#d9534f}
        .wait-window,.wait-uplink,.k-window{fill:#9b7fc0;background:#9b7fc0}
        .wait-duplex,.wait-access,.k-access{fill:#b9a58c;background:#b9a58c}
        .layer-link{fill:#b9a58c}.layer-frame{fill:#e8c468}.layer-handshake{fill:#d9534f}.layer-tag{fill:#d2a06f}
        .layer-coap{fill:#8fbcd4}.layer-body{fill:#5fa777}.layer-other{fill:var(--grey)}
        .legend i{display:inline-block;width:12px;height:12px;margin:0 4px 0 10px}
        """
}
