import CoAP
import Foundation
import Links
import TestSupport
import Testing

/// What timers that know the link save against those that do not: 400 exchanges, requests of 20 to 200 and answers of 10 to
/// 300 bytes (log-uniform) and 28 more for each, 0.33 s each way; means over the seeds.
@Suite("Retransmission timers over slow links, in virtual time")
struct TimerComparisonTests {
    struct Figures {
        var copies = 0.0
        var seconds = 0.0
        var succeeded = 0.0
        var faults: [String] = []
    }

    private static let seeds: UInt64 = 20

    private static func figures(
        _ policy: TimerTrial.Policy, _ conditions: TimerTrial.Conditions, seeds: UInt64 = seeds
    ) -> Figures {
        var figures = Figures()
        for seed in 1...seeds {
            var trial = TimerTrial(policy, conditions, seed: seed)
            trial.run()
            let all = Double(conditions.exchanges) * Double(seeds)
            figures.copies += Double(trial.copies) / all
            figures.seconds += Double(trial.elapsed) / 1e9 / all
            figures.succeeded += Double(trial.succeeded) / all
            figures.faults += trial.faults
        }
        return figures
    }

    @Test(
        "no copy too many, and hardly later than who knows each answer's length", arguments: [Int64(100), 300, 1000],
        [0, 10])
    func againstOracle(rate: Int64, loss: Int) {
        let conditions = TimerTrial.Conditions(bitsPerSecond: rate, lossPercent: loss)
        let oracle = Self.figures(.oracle, conditions)
        for policy in [TimerTrial.Policy.linkTimed, .learnt] {
            let ours = Self.figures(policy, conditions)
            #expect(ours.faults == [])
            #expect(ours.copies <= (loss == 0 ? 1.01 : 1.26), "\(policy)")
            #expect(ours.seconds <= 1.05 * oracle.seconds, "\(policy): \(ours.seconds / oracle.seconds)")
            #expect(ours.succeeded >= 0.998, "\(policy)")
            Self.report(policy, conditions, ours, oracle)
        }
    }

    /// The timers above are told what each answer will measure, as who asks usually knows by what he asks for. Nobody can be
    /// as quick who does not know it, and yet sends no copy too many.
    @Test(
        "when only a bound of an answer's length is known, that costs time and no copies",
        arguments: [Int64(100), 300, 1000],
        [0, 10])
    func boundOnly(rate: Int64, loss: Int) {
        let conditions = TimerTrial.Conditions(bitsPerSecond: rate, lossPercent: loss)
        let oracle = Self.figures(.oracle, conditions, seeds: 4)
        for (policy, most) in [(TimerTrial.Policy.linkTimedRoughly, 1.12), (.linkTimedLongest, 1.3)] {
            let ours = Self.figures(policy, conditions, seeds: 4)
            #expect(ours.copies <= (loss == 0 ? 1.01 : 1.26), "\(policy)")
            #expect(ours.seconds <= most * oracle.seconds, "\(policy): \(ours.seconds / oracle.seconds)")
            Self.report(policy, conditions, ours, oracle)
        }
    }

    @Test("what the timers of RFC 7252, go-coap and coap-proxy do instead", arguments: [0, 10])
    func others(loss: Int) {
        let conditions = TimerTrial.Conditions(bitsPerSecond: 100, lossPercent: loss)
        let ours = Self.figures(.linkTimed, conditions, seeds: 4)
        let oracle = Self.figures(.oracle, conditions, seeds: 4)
        let rfc = Self.figures(.rfc7252, conditions, seeds: 4)
        let goCoAP = Self.figures(.goCoAP, conditions, seeds: 4)
        let proxy = Self.figures(.coapProxy, conditions, seeds: 4)
        // Measured elsewhere by a model of another making: 4.4, 5.0 and 1.05 (1.28) copies.
        #expect(rfc.copies > 3.5 * ours.copies)
        #expect(goCoAP.copies > 3.5 * ours.copies)
        #expect(rfc.seconds > 1.8 * ours.seconds)
        #expect(goCoAP.seconds > 1.8 * ours.seconds)
        #expect(proxy.copies >= ours.copies)
        if loss > 0 { #expect(proxy.seconds > 1.15 * ours.seconds) }
        for (policy, figures) in [(TimerTrial.Policy.rfc7252, rfc), (.goCoAP, goCoAP), (.coapProxy, proxy)] {
            Self.report(policy, conditions, figures, oracle)
        }
    }

    @Test(
        "through 30 % loss, seconds of latency that vary, reordering and duplication each request has one outcome",
        arguments: [Int64(100), 1000])
    func badLinks(rate: Int64) {
        var conditions = TimerTrial.Conditions(bitsPerSecond: rate, lossPercent: 30)
        conditions.latency = 4_000_000_000
        conditions.jitter = 3_200_000_000
        conditions.duplicationPercent = 10
        conditions.exchanges = 200
        for policy in [TimerTrial.Policy.linkTimed, .learnt] {
            for seed in UInt64(1)...4 {
                var trial = TimerTrial(policy, conditions, seed: seed)
                trial.run()
                #expect(trial.faults == [])
                #expect(trial.succeeded + trial.failed == conditions.exchanges)
                // Each attempt fails with 0.51; all five with 0.035.
                #expect(trial.succeeded > 180)
                #expect(trial.handled >= trial.succeeded && trial.handled <= conditions.exchanges, "run once each")
            }
        }
    }

    @Test("a link that has become eight times slower is learnt, though every answer comes after a repetition")
    func slower() {
        var timer = LearntTimer()
        for _ in 0..<50 {
            _ = timer.start(bytes: 200, now: 0)
            timer.answered(bytes: 200, now: 2_000_000_000)
        }
        #expect((2_000_000_000..<2_400_000_000).contains(timer.start(bytes: 200, now: 0)))
        var copies: [Int] = []
        for _ in 0..<40 {
            var timeout = timer.start(bytes: 200, now: 0)
            var now = timeout
            var count = 1
            while now < 16_000_000_000 {
                timeout = timer.again()
                now += timeout
                count += 1
            }
            timer.answered(bytes: 200, now: 16_000_000_000)
            copies.append(count)
        }
        #expect(copies.first ?? 0 >= 4)
        #expect(copies.suffix(10).allSatisfy { $0 == 1 }, "\(copies)")
    }

    @Test("the slope and the base of a link come out of its samples; before two of them it is taken for 100 bit/s")
    func leastSquares() {
        var estimator = RoundTripEstimator()
        #expect(estimator.expected(bytes: 100) == 10_000_000_000)
        var random = SplitMix64(seed: 4)
        for _ in 0..<40 {
            let bytes = 50 + random.below(300)
            estimator.add(bytes: bytes, took: 700_000_000 + Int64(bytes) * 26_666_667)
        }
        #expect(abs(estimator.perByte - 26_666_667) < 10_000)
        #expect(abs(estimator.expected(bytes: 1_000) - 27_366_667_000) < 10_000_000)
        #expect(estimator.timeout(bytes: 1_000) > estimator.expected(bytes: 1_000))
        #expect(estimator.timeout(bytes: 1_000) < estimator.expected(bytes: 1_000) * 105 / 100)
        // A rate that changes is learnt anew, the old samples being forgotten.
        for _ in 0..<150 {
            let bytes = 50 + random.below(300)
            estimator.add(bytes: bytes, took: 700_000_000 + Int64(bytes) * 8_000_000)
        }
        #expect(abs(estimator.perByte - 8_000_000) < 400_000)
        // All of one length: no slope is made up.
        var flat = RoundTripEstimator()
        for _ in 0..<20 { flat.add(bytes: 100, took: 5_000_000_000) }
        #expect(abs(flat.expected(bytes: 100) - 5_000_000_000) < 1_000)
        #expect((5_000_000_000...15_000_000_000).contains(flat.expected(bytes: 200)))
    }

    /// SOTTO_FIGURES=1 prints them.
    private static func report(
        _ policy: TimerTrial.Policy, _ conditions: TimerTrial.Conditions, _ figures: Figures, _ oracle: Figures
    ) {
        guard ProcessInfo.processInfo.environment["SOTTO_FIGURES"] != nil else { return }
        func two(_ value: Double) -> String { String(format: "%.3f", value) }
        print(
            "FIGURE \(policy) at \(conditions.bitsPerSecond) bit/s, \(conditions.lossPercent) % loss: copies",
            two(figures.copies), "seconds", two(figures.seconds), "of the oracle's",
            two(figures.seconds / oracle.seconds),
            "answered", two(figures.succeeded))
    }
}
