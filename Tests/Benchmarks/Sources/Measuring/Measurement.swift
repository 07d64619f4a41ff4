import Glibc

/// One measured operation beside its reference, both in CPU time of this thread, from the same rounds; or a size.
public struct Measurement {
    public var name: String
    /// Microseconds an operation, or bytes.
    public var value: Double
    public var unit = "us"
    public var reference: Double
    /// The ratio that must not be exceeded, where there is one.
    public var bar: Double?

    public var ratio: Double { value / reference }
    public var isMissed: Bool { bar.map { ratio > $0 } ?? false }

    /// A size beside the one that it must not exceed.
    public init(_ name: String, bytes: Double, most: Double) {
        self.name = name
        value = bytes
        unit = "B"
        reference = most
        bar = 1
    }

    /// Short enough each, and so many, that some meet a quiet moment of the machine.
    public static let rounds = 100

    /// Runs both in turn, `rounds` times (fewer where one takes long); the best round of each counts, since whatever else the machine does only adds.
    ///
    /// - Parameters:
    ///   - operations: how many operations one call of either closure does.
    public init(
        _ name: String, bar: Double? = nil, operations: Int, rounds: Int = Measurement.rounds, reference: () -> Void,
        _ operation: () -> Void
    ) {
        self.name = name
        self.bar = bar
        var best = (value: Double.infinity, reference: Double.infinity)
        for _ in 0..<rounds {
            best.reference = min(best.reference, Self.cpuMicroseconds(reference))
            best.value = min(best.value, Self.cpuMicroseconds(operation))
        }
        value = best.value / Double(operations)
        self.reference = best.reference / Double(operations)
    }

    private static func cpuMicroseconds(_ body: () -> Void) -> Double {
        func now() -> Double {
            var time = timespec()
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
            return Double(time.tv_sec) * 1e6 + Double(time.tv_nsec) / 1e3
        }
        let start = now()
        body()
        return now() - start
    }
}

public enum Report {
    /// With `--json` one object a line, otherwise a table; at the end of the table, what misses its bar.
    public static func print(_ measurements: [Measurement], asJSON: Bool) {
        if asJSON {
            for entry in measurements {
                let bar = entry.bar.map { "\($0)" } ?? "null"
                Swift.print(
                    "{\"name\":\"\(entry.name)\",\"value\":\(rounded(entry.value)),\"unit\":\"\(entry.unit)\","
                        + "\"reference\":\(rounded(entry.reference)),\"ratio\":\(rounded(entry.ratio)),\"bar\":\(bar)}")
            }
            return
        }
        let width = measurements.map(\.name.count).max() ?? 0
        for entry in measurements {
            let name = entry.name + String(repeating: " ", count: width - entry.name.count)
            let bar = entry.bar.map { ", bar \($0)" + (entry.isMissed ? ": MISSED" : "") } ?? ""
            Swift.print(
                "\(name)  \(rounded(entry.value)) \(entry.unit), reference \(rounded(entry.reference)) \(entry.unit),"
                    + " ratio \(rounded(entry.ratio))\(bar)")
        }
    }

    private static func rounded(_ value: Double) -> Double { (value * 1000).rounded() / 1000 }
}
