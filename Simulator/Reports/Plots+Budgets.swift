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
        for (index, lane) in summary.airtime.enumerated() where lane.contains(where: { $0 > 0 }) {
            let named = scenario.links[index / 2]
            let isUp = index % 2 == 0
            let uses = summary.bandUses.filter { $0.link == index / 2 && ($0.heading == .up) == isUp }
            text += uses.isEmpty ? total(lane, named.name, isUp) : budgets(uses, named.name, isUp)
            if let quota = (isUp ? named.link.up : named.link.down).quota {
                text += quotaBar(summary.mostOfQuota[index], quota, isUp)
            }
        }
        return text.isEmpty ? "<p>Nothing was on the air.</p>" : text
    }

    /// Of a sliding hour that ends with each slice; all senders of the direction together.
    private func total(_ lane: [Int64], _ link: String, _ isUp: Bool) -> String {
        let hour: Int64 = 3_600_000_000_000
        let width = max(1, Int(hour / summary.slice))
        var sum: Int64 = 0
        var points: [(Double, Double)] = []
        for (slice, value) in lane.enumerated() {
            sum += value
            if slice >= width { sum -= lane[slice - width] }
            points.append((hours(slice + 1), Double(sum) / Double(Int64(width) * summary.slice) * 100))
        }
        let most = max(points.map(\.1).max() ?? 1, 0.001)
        var plot = Plot(
            "Airtime", x: (0...(Double(scenario.duration) / 3.6e12), "hours"),
            y: (
                0...most * 1.1,
                "% of a sliding hour on the air, \(link), \(isUp ? "up, all devices" : "down"); without a limit"
            ), height: 220)
        plot.curve(points, "curve-1")
        return plot.drawing.finished
    }

    /// Of each sub-band's window, the busiest sender of the direction, against what it may.
    private func budgets(_ uses: [Summary.BandUse], _ link: String, _ isUp: Bool) -> String {
        var plot = Plot(
            "Airtime against its limits", x: (0...(Double(scenario.duration) / 3.6e12), "hours"),
            y: (
                0...110,
                "% of what the sub-band's limit allows in its sliding window, \(link), "
                    + (isUp ? "up, the busiest device" : "down, the gateway")
            ), height: 260)
        plot.drawing.line(70, plot.y(100), 840, plot.y(100), "limit")
        for (index, use) in uses.enumerated() {
            guard let limit = use.band.duty else { continue }
            let style = "curve-\(index % 3 + 1)"
            let share = { (value: Int64) in Double(value) / Double(max(1, limit.allowance)) * 100 }
            // A slice in which nobody began has no figure.
            plot.curve(
                use.most.enumerated().filter { $0.element > 0 }.map { (hours($0.offset + 1), share($0.element)) },
                style)
            let y = 26 + Double(index) * 14
            plot.drawing.line(520, y, 544, y, style)
            plot.drawing.label(
                550, y + 4,
                "\(use.band.name): at most \(number(share(use.most.max() ?? 0), 1)) % of "
                    + "\(number(Double(limit.perMillion) / 10_000, 3)) %", "tiny")
        }
        return plot.drawing.finished
    }

    private func quotaBar(_ used: Int, _ quota: Quota, _ isUp: Bool) -> String {
        var drawing = SVG(width: 860, height: 46, title: "Quota")
        let share = Double(used) / Double(max(1, quota.datagrams))
        drawing.rectangle(140, 10, 400, 22, "way", tip: "the quota")
        drawing.rectangle(140, 10, 400 * min(1, share), 22, isUp ? "up" : "down", tip: "\(used) datagrams")
        drawing.label(8, 26, isUp ? "quota up" : "quota down")
        drawing.label(
            548, 26, "\(used) of \(quota.datagrams) in \(duration(quota.window)), the busiest sender")
        return drawing.finished
    }

    private func hours(_ slice: Int) -> Double { Double(slice) * Double(summary.slice) / 3.6e12 }

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
