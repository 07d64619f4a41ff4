internal import Links

/// A loss model at work, for the frames of one sender to one receiver, in order of time.
public struct LossProcess: Sendable {
    private let model: LossModel
    private var stream: SeededStream
    /// When it is bad is a matter of its own: no frame moves an outage.
    private var chain: SeededStream
    private var isBad = false
    /// When the state changes; of `outages` only.
    private var changesAt: Int64 = 0
    private var position = 0

    /// - Parameter begin: from when on frames come.
    public init(_ model: LossModel, seed: UInt64, purpose: UInt64, begin: Int64 = 0) {
        self.model = model
        stream = SeededStream(seed: seed, purpose: purpose)
        chain = SeededStream(seed: seed, purpose: purpose + 5)
        if case .outages(let outages) = model {
            isBad = chain.next(below: 1_000_000) < UInt64(min(outages.averagePerMillion, 1_000_000))
            changesAt = begin + draw(outages)
        }
    }

    /// Whether a frame is lost that is on the way during `time` and has so many bits. Exactly one call for each frame.
    public mutating func loses(_ time: Range<Int64>, bits: Int) -> Bool {
        switch model {
        case .none:
            return false
        case .bernoulli(let share):
            return happens(share)
        case .bitErrors(let rate):
            return stream.next() >= FixedPoint.survival(perTrillion: rate, exponent: UInt64(max(0, bits)))
        case .outages(let outages):
            advance(to: time.lowerBound, outages)
            let isTouched = isBad || changesAt < time.upperBound
            let share = isTouched ? outages.lossWithinPerMillion : outages.lossOutsidePerMillion
            return happens(share)
        case .gilbertElliott(let chain):
            // As netem: the state changes first, then the state before decides.
            let wasBad = isBad
            let changes = happens(wasBad ? chain.r : chain.p)
            if changes { isBad.toggle() }
            return happens(wasBad ? chain.lossBad : chain.lossGood)
        case .intervals(let trace):
            return trace.touches(time)
        case .frames(let pattern):
            guard !pattern.isEmpty else { return false }
            defer { position = (position + 1) % pattern.count }
            return pattern[position]
        }
    }

    /// When the link is bad, from the begin until `end`, as far as that is a matter of time; at most `most` such times.
    ///
    /// To be asked of a process that has decided on no frame yet.
    func badTimes(until end: Int64, most: Int) -> [Range<Int64>] {
        switch model {
        case .outages(let outages):
            var process = self
            var times: [Range<Int64>] = []
            var since: Int64 = 0
            while since < end, times.count < most {
                let until = min(process.changesAt, end)
                if process.isBad, until > since { times.append(since..<until) }
                since = process.changesAt
                process.advance(to: process.changesAt, outages)
            }
            return times
        case .intervals(let trace):
            var times: [Range<Int64>] = []
            var begin: Int64 = 0
            while begin < end, times.count < most {
                for span in trace.down where span.lowerBound + begin < end {
                    times.append(span.lowerBound + begin..<min(span.upperBound + begin, end))
                }
                guard let period = trace.period, period > 0 else { break }
                begin += period
            }
            return times
        case .none, .bernoulli, .bitErrors, .gilbertElliott, .frames:
            return []
        }
    }

    private mutating func happens(_ perMillion: UInt32) -> Bool {
        stream.next(below: 1_000_000) < UInt64(perMillion)
    }

    private mutating func advance(to time: Int64, _ outages: LossModel.Outages) {
        while changesAt <= time {
            isBad.toggle()
            changesAt += max(1, draw(outages))
        }
    }

    /// How long the present state lasts.
    private mutating func draw(_ outages: LossModel.Outages) -> Int64 {
        let share = UInt64(min(outages.averagePerMillion, 999_999))
        guard share > 0 else { return .max / 4 }
        var mean = UInt64(max(1, outages.meanOutage))
        if !isBad {
            let product = mean.multipliedFullWidth(by: 1_000_000 - share)
            mean = product.high < share ? share.dividingFullWidth(product).quotient : .max
        }
        return FixedPoint.exponential(chain.next(), mean: Int64(clamping: min(mean, UInt64(Int64.max / 4096))))
    }
}

extension LossModel.TimeTrace {
    func touches(_ time: Range<Int64>) -> Bool {
        guard let period, period > 0 else { return down.contains { $0.overlaps(time) } }
        guard time.upperBound - time.lowerBound < period else { return !down.isEmpty }
        let begin = time.lowerBound % period
        let within = begin..<(begin + time.upperBound - time.lowerBound)
        return down.contains { span in
            span.overlaps(within) || (span.lowerBound + period..<span.upperBound + period).overlaps(within)
        }
    }
}
