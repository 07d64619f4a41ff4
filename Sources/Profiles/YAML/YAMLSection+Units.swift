extension YAMLSection {
    /// A time in seconds, as nanoseconds.
    public func seconds(_ key: String, _ range: ClosedRange<Double>) throws(FieldError) -> Int64? {
        try number(key, range).map { Self.nanoseconds($0) }
    }

    /// A share in percent, as millionths.
    public func perMillion(_ key: String) throws(FieldError) -> UInt32? {
        try number(key, 0...100).map { Self.perMillion($0) }
    }

    /// - Parameter seconds: at most 2^53 / 10^9 of them are exact; 292 years are the most.
    public static func nanoseconds(_ seconds: Double) -> Int64 { Int64((min(max(seconds, -9e9), 9e9) * 1e9).rounded()) }

    public static func perMillion(_ percent: Double) -> UInt32 {
        UInt32((min(max(percent, 0), 100) * 10_000).rounded())
    }

    /// A list of stretches of time, `from_s` to `to_s`, in order and apart.
    func ranges(_ key: String, within period: Int64?) throws(FieldError) -> [Range<Int64>] {
        var ranges: [Range<Int64>] = []
        for item in try sections(key) {
            guard let from = try item.seconds("from_s", 0...31_536_000) else {
                throw item.failure("from_s", "is missing")
            }
            guard let to = try item.seconds("to_s", 0...31_536_000) else { throw item.failure("to_s", "is missing") }
            let (begin, end) = (item.shown(try item.string("from_s") ?? ""), item.shown(try item.string("to_s") ?? ""))
            guard from < to else { throw item.failure("to_s", "\(end) is not after from_s: \(begin)") }
            if let last = ranges.last, from < last.upperBound {
                throw item.failure("from_s", "\(begin) is before the end of the one before it")
            }
            if let period, to > period { throw item.failure("to_s", "\(end) is after period_s") }
            try item.finish()
            ranges.append(from..<to)
        }
        return ranges
    }
}
