internal import Foundation
internal import LinkModel
internal import Simulation

extension Plots {
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
