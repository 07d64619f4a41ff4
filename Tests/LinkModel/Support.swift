import LinkModel
import TestSupport

let second: Int64 = 1_000_000_000
let hour: Int64 = 3600 * second

extension Framing {
    static func bits(_ perSecond: UInt64, overhead: Int = 0) -> Framing {
        Framing(.rate(Rate(bits: perSecond)), overheadBytes: overhead)
    }
}

extension LinkMachine {
    /// Lets everything happen, and returns it.
    mutating func finish(until end: Int64 = .max / 8) -> [LinkEvent] {
        var all: [LinkEvent] = []
        while let time = deadline, time <= end {
            advance(to: time)
            while let event = nextEvent() { all.append(event) }
        }
        while let event = nextEvent() { all.append(event) }
        return all
    }
}

extension LinkEvent {
    var isArrival: Bool {
        if case .arrived(let isCopy, _) = kind { !isCopy } else { false }
    }

    var air: Range<Int64>? {
        if case .started(let until, _, _) = kind { time..<until } else { nil }
    }
}

/// (sum of squares, cells) of counts against what is expected; cells with less than 20 go together.
func chiSquare(_ counts: [Int], _ expected: [Double]) -> (value: Double, cells: Int) {
    var value = 0.0
    var cells = 0
    var observedSum = 0.0
    var expectedSum = 0.0
    for (count, expectation) in zip(counts, expected) {
        observedSum += Double(count)
        expectedSum += expectation
        guard expectedSum >= 20 else { continue }
        value += (observedSum - expectedSum) * (observedSum - expectedSum) / expectedSum
        cells += 1
        observedSum = 0
        expectedSum = 0
    }
    if expectedSum > 0 {
        value += (observedSum - expectedSum) * (observedSum - expectedSum) / expectedSum
        cells += 1
    }
    return (value, cells)
}

/// A bound that chi-square with so many degrees of freedom passes in one of 30,000 cases (Wilson and Hilferty).
func chiSquareLimit(_ degrees: Int) -> Double {
    let n = Double(max(1, degrees))
    let root = 1 - 2 / (9 * n) + 4 * (2 / (9 * n)).squareRoot()
    return n * root * root * root
}
