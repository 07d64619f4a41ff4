internal import Foundation

/// A drawing as text. No scripts, no fonts or files from elsewhere.
struct SVG {
    private(set) var text: String
    let width: Double
    let height: Double

    init(width: Double, height: Double, title: String) {
        self.width = width
        self.height = height
        text = """
            <svg viewBox="0 0 \(number(width)) \(number(height))" role="img" aria-label="\(escaped(title))">

            """
    }

    mutating func rectangle(
        _ x: Double, _ y: Double, _ width: Double, _ height: Double, _ style: String, tip: String = ""
    ) {
        let title = tip.isEmpty ? "" : "<title>\(escaped(tip))</title>"
        text +=
            "<rect x=\"\(number(x))\" y=\"\(number(y))\" width=\"\(number(max(width, 0.5)))\" height=\"\(number(height))\" class=\"\(style)\">\(title)</rect>\n"
    }

    mutating func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ style: String) {
        text +=
            "<line x1=\"\(number(x1))\" y1=\"\(number(y1))\" x2=\"\(number(x2))\" y2=\"\(number(y2))\" class=\"\(style)\"/>\n"
    }

    mutating func path(_ points: [(Double, Double)], _ style: String) {
        guard !points.isEmpty else { return }
        let list = points.map { "\(number($0.0)),\(number($0.1))" }.joined(separator: " ")
        text += "<polyline points=\"\(list)\" class=\"\(style)\"/>\n"
    }

    mutating func circle(_ x: Double, _ y: Double, _ style: String, tip: String = "") {
        text +=
            "<circle cx=\"\(number(x))\" cy=\"\(number(y))\" r=\"4\" class=\"\(style)\"><title>\(escaped(tip))</title></circle>\n"
    }

    mutating func label(_ x: Double, _ y: Double, _ label: String, _ style: String = "label") {
        text += "<text x=\"\(number(x))\" y=\"\(number(y))\" class=\"\(style)\">\(escaped(label))</text>\n"
    }

    var finished: String { text + "</svg>\n" }
}

/// Short, and the same for the same value.
func number(_ value: Double, _ digits: Int = 2) -> String {
    guard value.isFinite else { return "-" }
    var text = String(format: "%.\(digits)f", value)
    if text.contains(".") {
        while text.hasSuffix("0") { text.removeLast() }
        if text.hasSuffix(".") { text.removeLast() }
    }
    return text == "-0" ? "0" : text
}

/// Seconds, minutes, hours or days, whichever reads best.
func duration(_ nanoseconds: Int64) -> String {
    let seconds = Double(nanoseconds) / 1e9
    switch seconds {
    case ..<1: return "\(number(seconds * 1000, 0)) ms"
    case ..<120: return "\(number(seconds, 1)) s"
    case ..<7200: return "\(number(seconds / 60, 1)) min"
    case ..<172_800: return "\(number(seconds / 3600, 1)) h"
    default: return "\(number(seconds / 86_400, 1)) d"
    }
}

func escaped(_ text: String) -> String {
    text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
        .replacingOccurrences(of: ">", with: "&gt;").replacingOccurrences(of: "\"", with: "&quot;")
}

/// Where values lie between two edges.
struct Scale {
    var from: Double
    var to: Double
    var isLogarithmic = false
    var low: Double
    var high: Double

    func callAsFunction(_ value: Double) -> Double {
        let share =
            isLogarithmic
            ? (Foundation.log(max(value, from)) - Foundation.log(from)) / (Foundation.log(to) - Foundation.log(from))
            : (value - from) / (to - from)
        return low + min(max(share, 0), 1) * (high - low)
    }

    /// Round values between the edges.
    var marks: [Double] {
        guard to > from else { return [from] }
        if isLogarithmic {
            var marks: [Double] = []
            var mark = pow(10, Foundation.log10(from).rounded(.up))
            while mark <= to * 1.0001 {
                marks.append(mark)
                mark *= 10
            }
            return marks
        }
        let raw = (to - from) / 5
        let power = pow(10, Foundation.log10(raw).rounded(.down))
        let step = [1, 2, 5, 10].map { $0 * power }.first { $0 >= raw } ?? raw
        return Array(stride(from: (from / step).rounded(.up) * step, through: to * 1.0001, by: step))
    }
}

/// A field with two axes, drawn and ready for curves.
struct Plot {
    var drawing: SVG
    var x: Scale
    var y: Scale

    init(
        _ title: String, x: (ClosedRange<Double>, String), y: (ClosedRange<Double>, String), logarithmicX: Bool = false,
        height: Double = 300, format: (Double) -> String = { number($0) }
    ) {
        let width = 860.0
        drawing = SVG(width: width, height: height, title: title)
        let right = max(x.0.upperBound, x.0.lowerBound + 1e-9)
        let top = max(y.0.upperBound, y.0.lowerBound + 1e-9)
        self.x = Scale(
            from: x.0.lowerBound, to: right, isLogarithmic: logarithmicX, low: 70, high: width - 20)
        self.y = Scale(from: y.0.lowerBound, to: top, low: height - 45, high: 18)
        for mark in self.y.marks {
            drawing.line(70, self.y(mark), width - 20, self.y(mark), "grid")
            drawing.label(62, self.y(mark) + 4, number(mark), "label end")
        }
        for mark in self.x.marks {
            drawing.line(self.x(mark), height - 45, self.x(mark), height - 40, "axis")
            let isLast = self.x(mark) > width - 40
            drawing.label(
                isLast ? width - 2 : self.x(mark), height - 26, format(mark), isLast ? "label end" : "label middle")
        }
        drawing.line(70, height - 45, width - 20, height - 45, "axis")
        drawing.line(70, 18, 70, height - 45, "axis")
        drawing.label((width + 50) / 2, height - 8, x.1, "label middle")
        drawing.label(70, 12, y.1, "label")
    }

    mutating func curve(_ points: [(Double, Double)], _ style: String) {
        drawing.path(points.map { (x($0.0), y($0.1)) }, style)
    }

    mutating func point(_ px: Double, _ py: Double, _ style: String, tip: String) {
        drawing.circle(x(px), y(py), style, tip: tip)
    }
}
