internal import Foundation
internal import LinkModel
internal import Simulation

/// The report's drawings.
struct Plots {
    let scenario: Scenario
    let summary: Summary
    let timeline: Timeline
    let sweep: Sweep
    let deviceNames: [String]

    // MARK: 1. Timeline

    func waterfall() -> String {
        let bars = Array(timeline.bars.prefix(60))
        guard let first = bars.first else { return "<p>No datagram left.</p>" }
        func end(of bar: Timeline.Bar) -> Int64 { max(bar.arrived ?? 0, bar.left ?? 0, bar.handedOver) }
        let last = bars.map { end(of: $0) }.max() ?? first.handedOver
        // Where most of the time nothing happens, each message begins at zero.
        let busy = bars.reduce(0) { $0 + end(of: $1) - $1.handedOver }
        let isSparse = (last - first.handedOver) / 4 > busy
        var begins: [Int: Int64] = [:]
        for bar in bars {
            if let message = bar.message { begins[message] = min(begins[message] ?? .max, bar.handedOver) }
        }
        func origin(_ bar: Timeline.Bar) -> Int64 {
            isSparse ? bar.message.flatMap { begins[$0] } ?? bar.handedOver : 0
        }
        let from = isSparse ? 0 : first.handedOver
        let to = isSparse ? bars.map { end(of: $0) - origin($0) }.max() ?? 1 : last
        let row = 11.0
        let height = Double(bars.count) * row + 60
        var plot = Plot(
            "The first datagrams",
            x: (
                Double(from) / 1e9...Double(max(to, from + 1)) / 1e9,
                isSparse ? "seconds since the message's first datagram" : "seconds of simulated time"
            ),
            y: (0...Double(bars.count), ""), height: height)
        // Rows have names instead of numbers.
        plot.drawing.rectangle(0, 0, 69.5, height - 44, "blank")
        if !isSparse { shade(&plot, until: last, height) }
        for (index, bar) in bars.enumerated() {
            let y = 16 + Double(index) * row
            let isUp = bar.heading == .up
            let name = deviceNames.indices.contains(bar.device) ? deviceNames[bar.device] : ""
            plot.drawing.label(64, y + 8, "\(isUp ? "↑" : "↓") \(name.suffix(9))", "tiny end")
            let origin = origin(bar)
            func place(_ time: Int64) -> Double { plot.x(Double(time - origin) / 1e9) }
            func draw(_ from: Int64, _ to: Int64, _ style: String, _ what: String) {
                guard to > from else { return }
                plot.drawing.rectangle(
                    place(from), y, place(to) - place(from), row - 3, style,
                    tip:
                        "\(what) \(duration(to - from)), \(bar.bytes) bytes\(bar.message.map { ", message \($0)" } ?? "")"
                )
            }
            var time = bar.handedOver
            let parts = bar.waits.parts.isEmpty ? [] : bar.waits.parts
            for part in parts {
                draw(time, time + part.nanoseconds, "wait-\(part.name)", "waits (\(part.name))")
                time += part.nanoseconds
            }
            if let started = bar.started, let left = bar.left {
                draw(started, left, isUp ? "up" : "down", bar.isRepetition ? "is repeated for" : "is on the air for")
                if let arrived = bar.arrived { draw(left, arrived, "way", "is under way for") }
                if let end = bar.end {
                    let x = place(left)
                    plot.drawing.line(x - 4, y, x + 4, y + 8, "cross")
                    plot.drawing.line(x - 4, y + 8, x + 4, y, "cross")
                    plot.drawing.label(x + 7, y + 8, end, "tiny")
                }
            } else if let end = bar.end {
                plot.drawing.label(place(bar.handedOver) + 4, y + 8, end, "tiny")
            }
        }
        return plot.drawing.finished
    }

    /// When the homeserver was away, and when there was no contact.
    private func shade(_ plot: inout Plot, until end: Int64, _ height: Double) {
        var spans = timeline.outages.map { ($0, "homeserver down") }
        if let windows = scenario.links.first?.link.windows {
            spans += closed(windows, until: end).map { ($0, "no contact") }
        }
        for (span, what) in spans where span.lowerBound < end {
            let from = plot.x(Double(span.lowerBound) / 1e9)
            plot.drawing.rectangle(
                from, 15, plot.x(Double(span.upperBound) / 1e9) - from, height - 60, "shade", tip: what)
        }
    }

    private func closed(_ windows: ContactWindows, until end: Int64) -> [Range<Int64>] {
        var spans: [Range<Int64>] = []
        var last: Int64 = 0
        let period = max(1, windows.period ?? end)
        for round in 0...min(200, end / period) {
            for open in windows.open {
                let begin = open.lowerBound + round * period
                if begin > last { spans.append(last..<begin) }
                last = max(last, open.upperBound + round * period)
            }
        }
        if last < end { spans.append(last..<end) }
        return spans.filter { $0.lowerBound < end }
    }

    // MARK: 2. Bytes by layer

    func bytes() -> String {
        let plain = Self.asHTTP(bytes: 24)
        var rows: [(String, [(String, Int, String)])] = []
        for (index, name) in ["up", "down"].enumerated() {
            let layers = summary.layers[index]
            let framing = scenario.links.first.map { index == 0 ? $0.link.up.framing : $0.link.down.framing }
            let linkBytes = summary.datagrams[index] * (framing?.overheadBytes ?? 0)
            let known = layers.frame + layers.handshake + layers.tag + layers.coap + layers.body
            rows.append(
                (
                    name,
                    [
                        ("link header", linkBytes, "layer-link"), ("frame", layers.frame, "layer-frame"),
                        ("handshake", layers.handshake, "layer-handshake"), ("tag", layers.tag, "layer-tag"),
                        ("CoAP", layers.coap, "layer-coap"), ("body", layers.body, "layer-body"),
                        ("lost on the way, or plain datagrams", max(0, summary.bytes[index] - known), "layer-other"),
                    ]
                ))
        }
        let messages = max(1, summary.journalled.count)
        let totals = rows.map { $0.1.reduce(0) { $0 + $1.1 } }
        let largest = max(Double(totals.max() ?? 1) / Double(messages), Double(plain), 1)
        var drawing = SVG(width: 860, height: 190, title: "Bytes for each message, by layer")
        for (index, row) in rows.enumerated() {
            let y = 20 + Double(index) * 42
            drawing.label(8, y + 18, row.0)
            var x = 90.0
            for part in row.1 where part.1 > 0 {
                let width = Double(part.1) / Double(messages) / largest * 640
                drawing.rectangle(
                    x, y, width, 26, part.2, tip: "\(part.0): \(number(Double(part.1) / Double(messages), 1)) bytes")
                if width > 44 { drawing.label(x + 4, y + 17, part.0.count < 12 ? part.0 : "other", "tiny") }
                x += width
            }
            drawing.label(x + 6, y + 18, "\(number(Double(totals[index]) / Double(messages), 1)) B")
        }
        drawing.label(8, 122, "JSON/HTTP")
        drawing.rectangle(
            90, 104, Double(plain) / largest * 640, 26, "layer-other",
            tip: "PUT and answer of HTTP/1.1 with a text of 24 bytes; TLS not counted")
        drawing.label(96 + Double(plain) / largest * 640, 122, "\(plain) B")
        drawing.label(
            8, 165,
            "For each message that reached the gateway; JSON/HTTP is request and answer of a 24-byte text, TLS not counted.",
            "tiny")
        return drawing.finished
    }

    /// The same over HTTP/1.1, written out.
    static func asHTTP(bytes: Int) -> Int {
        let body = #"{"msgtype":"m.text","body":""# + String(repeating: "x", count: bytes) + #""}"#
        let request =
            "PUT /_matrix/client/v3/rooms/!AbCdEfGhIjKlMnOpQr:example.org/send/m.room.message/m1 HTTP/1.1\r\nHost: example.org\r\n"
            + "Authorization: Bearer syt_AbCdEfGhIj_KlMnOpQrStUvWxYzAbCd_123456\r\nContent-Type: application/json\r\n"
            + "Content-Length: \(body.utf8.count)\r\n\r\n" + body
        let answer = #"{"event_id":"$"# + String(repeating: "x", count: 43) + #""}"#
        let response =
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: \(answer.utf8.count)\r\n\r\n" + answer
        return request.utf8.count + response.utf8.count
    }

    // MARK: 3. Latency

    func latency() -> String {
        let curves: [(String, [Int64], String)] = [
            ("in the gateway's journal", summary.journalled, "curve-1"), ("in the room", summary.inRoom, "curve-2"),
            ("heard by the device", summary.heard, "curve-3"),
        ].filter { !$0.1.isEmpty }
        guard !curves.isEmpty else { return "<p>Nothing arrived.</p>" }
        let all = curves.flatMap(\.1)
        let least = max(1e-3, Double(all.min() ?? 1) / 1e9)
        let most = max(least * 10, Double(all.max() ?? 1) / 1e9)
        let power = { (value: Double, up: Bool) in pow(10, (log10(value)).rounded(up ? .up : .down)) }
        var plot = Plot(
            "Latency", x: (power(least, false)...power(most, true), "seconds from creation (logarithmic)"),
            y: (0...100, "% of those that arrived"), logarithmicX: true, format: { number($0, 3) })
        for (name, values, style) in curves {
            let sorted = values.sorted()
            let step = max(1, sorted.count / 400)
            var points: [(Double, Double)] = []
            for index in stride(from: 0, to: sorted.count, by: step) {
                points.append((Double(sorted[index]) / 1e9, Double(index + 1) / Double(sorted.count) * 100))
            }
            points.append((Double(sorted[sorted.count - 1]) / 1e9, 100))
            plot.curve(points, style)
            for share in [0.5, 0.95, 0.99] {
                let value = percentile(sorted, share)
                plot.point(
                    Double(value) / 1e9, share * 100, "mark", tip: "\(name): p\(number(share * 100)) \(duration(value))"
                )
            }
        }
        for (index, curve) in curves.enumerated() {
            plot.drawing.line(460, 190 + Double(index) * 16, 484, 190 + Double(index) * 16, curve.2)
            let sorted = curve.1.sorted()
            plot.drawing.label(
                490, 194 + Double(index) * 16,
                "\(curve.0): p50 \(duration(percentile(sorted, 0.5))), p95 \(duration(percentile(sorted, 0.95))), p99 \(duration(percentile(sorted, 0.99)))"
            )
        }
        return plot.drawing.finished
    }

    // MARK: 4. Goodput against loss and load

    func goodput() -> String {
        var text = ""
        if !sweep.loss.isEmpty {
            var plot = Plot(
                "Delivered against loss", x: (0...50, "% of datagrams lost, each by itself"),
                y: (0...100, "% of messages in the gateway's journal (line), messages an hour (label)"), height: 260)
            plot.curve(sweep.loss.map { ($0.value, $0.deliveredPercent) }, "curve-1")
            for point in sweep.loss {
                plot.point(point.value, point.deliveredPercent, "mark", tip: "\(number(point.perHour, 1)) an hour")
                plot.drawing.label(
                    min(plot.x(point.value) + 6, 780), plot.y(point.deliveredPercent) + 14,
                    "\(number(point.perHour, 1))/h",
                    "tiny")
            }
            text += plot.drawing.finished
        }
        if !sweep.load.isEmpty {
            let most = max(0.02, (sweep.load.map(\.load).max() ?? 1) * 1.1)
            var plot = Plot(
                "Delivered against load", x: (0...most, "airtime up for each second and channel (G)"),
                y: (0...100, "% of messages in the gateway's journal"), height: 260)
            if case .shared(let access, _)? = scenario.links.first?.link.medium {
                let factor: Double
                if case .slottedAloha = access { factor = -1 } else { factor = -2 }
                plot.curve(
                    (0...100).map { (Double($0) / 100 * most, 100 * exp(factor * Double($0) / 100 * most)) }, "theory")
                plot.drawing.label(640, 30, factor == -1 ? "exp(-G)" : "exp(-2G)")
            }
            plot.curve(sweep.load.map { ($0.load, $0.deliveredPercent) }, "curve-1")
            for point in sweep.load {
                plot.point(
                    point.load, point.deliveredPercent, "mark",
                    tip: "\(number(point.value)) times the traffic: \(number(point.perHour, 1)) messages an hour")
            }
            text += plot.drawing.finished
        }
        return text.isEmpty ? "<p>Not computed: run without --no-sweep.</p>" : text
    }

    // MARK: 5. Airtime

    func airtime() -> String {
        var text = ""
        let hour: Int64 = 3_600_000_000_000
        for (index, lane) in summary.airtime.enumerated() where lane.contains(where: { $0 > 0 }) {
            let named = scenario.links[index / 2]
            let direction = index % 2 == 0 ? named.link.up : named.link.down
            // Of a sliding hour that ends with each slice; all senders of the direction together.
            let width = max(1, Int(hour / summary.slice))
            var sum: Int64 = 0
            var points: [(Double, Double)] = []
            for (slice, value) in lane.enumerated() {
                sum += value
                if slice >= width { sum -= lane[slice - width] }
                points.append(
                    (
                        Double(slice + 1) * Double(summary.slice) / 3.6e12,
                        Double(sum) / Double(Int64(width) * summary.slice) * 100
                    ))
            }
            let senders = index % 2 == 0 ? max(1, summary.deviceAirtime.count) : 1
            let limits = direction.bands.compactMap { band in
                band.duty.map { (band.name, Double($0.perMillion) / 10_000 * Double(senders)) }
            }
            let most = max(points.map(\.1).max() ?? 1, 0.001)
            let top = limits.map(\.1).filter { $0 < most * 5 }.max().map { max($0, most) } ?? most
            var plot = Plot(
                "Airtime", x: (0...(Double(scenario.duration) / 3.6e12), "hours"),
                y: (
                    0...top * 1.1, "% of a sliding hour, \(named.name), \(index % 2 == 0 ? "up, all devices" : "down")"
                ),
                height: 220)
            plot.curve(points, "curve-1")
            for (name, limit) in limits where limit <= top * 1.1 {
                plot.drawing.line(70, plot.y(limit), 840, plot.y(limit), "limit")
                plot.drawing.label(
                    76, plot.y(limit) - 4, "\(name): \(number(limit, 3)) %\(senders > 1 ? " over all devices" : "")",
                    "tiny")
            }
            text += plot.drawing.finished
            if let quota = direction.quota {
                text +=
                    "<p>Quota \(index % 2 == 0 ? "up" : "down"): \(quota.datagrams) datagrams in \(duration(quota.window)) for each sender.</p>"
            }
        }
        return text.isEmpty ? "<p>Nothing was on the air.</p>" : text
    }

    // MARK: 6. Energy

    func energy() -> String {
        let rows = EnergyRow.rows(scenario, summary)
        guard !rows.isEmpty else { return "<p>No device of the scenario has a <code>power</code> section.</p>" }
        let most = max(rows.map(\.millijoulesPerDay).max() ?? 1, 1e-9)
        let years = max(rows.map { $0.years ?? 0 }.max() ?? 1, 1e-9)
        var drawing = SVG(width: 860, height: Double(rows.count) * 78 + 20, title: "Energy")
        for (index, row) in rows.enumerated() {
            let y = 14 + Double(index) * 78
            drawing.label(8, y + 14, row.name)
            var x = 140.0
            for (name, value, style) in [
                ("sending", row.transmit, "up"), ("receiving", row.receive, "down"), ("sleeping", row.sleep, "way"),
            ] {
                let width = value / most * 330
                drawing.rectangle(x, y, width, 20, style, tip: "\(name): \(number(value, 1)) mJ a day")
                x += width
            }
            drawing.label(
                x + 8, y + 14,
                "\(number(row.millijoulesPerDay, 1)) mJ a day, \(row.perMessage.map { number($0, 2) } ?? "-") mJ a message"
            )
            if let ideal = row.years, let derated = row.deratedYears {
                drawing.rectangle(140, y + 26, ideal / years * 330, 16, "curve-fill", tip: "ideal")
                drawing.rectangle(140, y + 44, derated / years * 330, 16, "layer-other", tip: "de-rated")
                drawing.label(148 + ideal / years * 330, y + 39, "\(Self.years(ideal)) ideal")
                drawing.label(148 + derated / years * 330, y + 57, "\(Self.years(derated)) de-rated")
            }
        }
        return drawing.finished
    }

    /// No cell lasts for ever: what exceeds its shelf life is not said.
    static func years(_ value: Double) -> String {
        value > 10 ? "more than 10 years (limited by the cell)" : "\(number(value, 1)) years"
    }

    // MARK: 7. Repetitions and queues

    func repetitions() -> String {
        let most = max(1, summary.copies.max() ?? 1)
        var drawing = SVG(width: 860, height: 220, title: "Copies of each message's datagram")
        for (copies, count) in summary.copies.enumerated() {
            let height = Double(count) / Double(most) * 150
            let x = 40 + Double(copies) * 80
            drawing.rectangle(x, 175 - height, 60, height, "curve-fill", tip: "\(count) messages")
            drawing.label(x + 30, 192, copies == 9 ? "9 or more" : "\(copies)", "label middle")
            drawing.label(x + 30, 170 - height, count == 0 ? "" : "\(count)", "tiny middle")
        }
        drawing.label(430, 214, "datagrams up for each message that has ended", "label middle")
        let depth = timeline.depth
        var plot = Plot(
            "Messages that wait", x: (0...(Double(scenario.duration) / 3.6e12), "hours"),
            y: (0...Double(max(1, depth.max() ?? 1)), "messages begun and not answered, all devices"), height: 220)
        plot.curve(
            depth.enumerated().map { (Double($0.offset) * Double(timeline.slice) / 3.6e12, Double($0.element)) },
            "curve-1")
        let confirmed = !scenario.devices.contains { $0.stack != .sotto }
        return drawing.finished + (confirmed ? plot.drawing.finished : "")
    }
}

func percentile(_ sorted: [Int64], _ share: Double) -> Int64 {
    guard !sorted.isEmpty else { return 0 }
    return sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]
}
