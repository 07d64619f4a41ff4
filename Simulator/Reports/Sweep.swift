internal import LinkModel
public import Simulation

/// The scenario again, with one thing changed in steps: what would become of it on a worse link, or with more to say.
public struct Sweep: Sendable {
    public struct Point: Sendable {
        /// Percent of loss, or times the traffic.
        public var value: Double
        public var deliveredPercent: Double
        /// Messages in the gateway's journal for each hour.
        public var perHour: Double
        /// Airtime up for each second and channel.
        public var load: Double
    }

    public var loss: [Point] = []
    public var load: [Point] = []

    public static let losses: [UInt32] = [0, 50_000, 100_000, 200_000, 300_000, 500_000]
    public static let factors: [(times: Int64, over: Int64)] = [(1, 4), (1, 2), (1, 1), (2, 1), (4, 1), (8, 1)]

    public init() {}

    /// - Parameters:
    ///   - duration: of each run, nanoseconds.
    ///   - stops: ends it early, with the points so far.
    public init(_ scenario: Scenario, duration: Int64, unless stops: () -> Bool) {
        for share in Self.losses {
            var changed = scenario
            for index in changed.links.indices {
                changed.links[index].link.up.loss = .bernoulli(perMillion: share)
                changed.links[index].link.down.loss = .bernoulli(perMillion: share)
            }
            guard let point = Self.run(changed, duration, Double(share) / 10_000, unless: stops) else { return }
            loss.append(point)
        }
        guard scenario.devices.contains(where: { $0.traffic.contains { $0.pattern.canBeScaled } }) else { return }
        for factor in Self.factors {
            var changed = scenario
            for index in changed.devices.indices {
                for kind in changed.devices[index].traffic.indices {
                    changed.devices[index].traffic[kind].pattern.scale(times: factor.times, over: factor.over)
                }
            }
            let value = Double(factor.times) / Double(factor.over)
            guard let point = Self.run(changed, duration, value, unless: stops) else { return }
            load.append(point)
        }
    }

    private static func run(
        _ scenario: Scenario, _ duration: Int64, _ value: Double, unless stops: () -> Bool
    ) -> Point? {
        var scenario = scenario
        scenario.duration = min(duration, scenario.duration)
        guard let simulation = try? Simulation(scenario), simulation.run(until: .max, unless: stops) else { return nil }
        simulation.finish()
        let summary = simulation.summary
        let offered = max(1, summary.offered)
        let channels = scenario.links.first?.link.up.bands.reduce(0) { $0 + max(1, $1.channels) } ?? 1
        let airtime = summary.airtime.first?.reduce(0, +) ?? 0
        return Point(
            value: value, deliveredPercent: Double(summary.journalled.count) / Double(offered) * 100,
            perHour: Double(summary.journalled.count) / (Double(scenario.duration) / 3.6e12),
            load: Double(airtime) / Double(scenario.duration) / Double(channels))
    }
}

extension DeviceGroup.Pattern {
    var canBeScaled: Bool {
        switch self {
        case .periodic, .poisson, .bursts: true
        case .saturated, .times: false
        }
    }

    mutating func scale(times: Int64, over: Int64) {
        switch self {
        case .periodic(let every, let jitter): self = .periodic(every: max(1, every * over / times), jitter: jitter)
        case .poisson(let mean): self = .poisson(mean: max(1, mean * over / times))
        case .bursts(let every, let messages, let gap):
            self = .bursts(every: max(1, every * over / times), messages: messages, gap: gap)
        case .saturated, .times: break
        }
    }
}
