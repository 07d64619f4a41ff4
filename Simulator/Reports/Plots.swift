internal import Foundation
internal import LinkModel
internal import Links
internal import Simulation

/// The report's drawings.
struct Plots {
    let scenario: Scenario
    let summary: Summary
    let timeline: Timeline
    let sweep: Sweep
    let deviceNames: [String]
    /// When a device's link is bad, where that is a matter of time.
    let badTimes: (Int, Heading) -> [Range<Int64>]

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
            let last = end(of: bar)
            for bad in badTimes(bar.device, bar.heading) where bad.upperBound > bar.handedOver && bad.lowerBound < last
            {
                let from = place(max(bad.lowerBound, bar.handedOver))
                plot.drawing.rectangle(from, y - 1, place(min(bad.upperBound, last)) - from, row, "bad", tip: "outage")
            }
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
                    let isFar = x > 760
                    plot.drawing.label(isFar ? x - 7 : x + 7, y + 8, end, isFar ? "tiny end" : "tiny")
                }
            } else if let end = bar.end {
                let x = place(bar.handedOver)
                plot.drawing.label(x > 760 ? x - 4 : x + 4, y + 8, end, x > 760 ? "tiny end" : "tiny")
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
                        (
                            "not known: datagrams without protocols, strangers'", max(0, summary.bytes[index] - known),
                            "layer-other"
                        ),
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
                if width > 44 { drawing.label(x + 4, y + 17, part.0.count < 12 ? part.0 : "other", "inside") }
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
            plot.drawing.line(390, 190 + Double(index) * 16, 414, 190 + Double(index) * 16, curve.2)
            let sorted = curve.1.sorted()
            plot.drawing.label(
                420, 194 + Double(index) * 16,
                "\(curve.0): p50 \(duration(percentile(sorted, 0.5))), p95 \(duration(percentile(sorted, 0.95))), p99 \(duration(percentile(sorted, 0.99)))"
            )
        }
        return plot.drawing.finished
    }
}

func percentile(_ sorted: [Int64], _ share: Double) -> Int64 {
    guard !sorted.isEmpty else { return 0 }
    return sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]
}
