import Testing

@testable import GatewayCore

@Suite("What the gateway says of queues and devices")
struct ActivityTests {
    @Test("the catch-up time follows from what is accepted and delivered, and there is none where the queue grows")
    func outlook() {
        func outlook(_ queued: Int, _ accepted: Double, _ delivered: Double) -> Int? {
            QueueOutlook(queued: queued, acceptedPerSecond: accepted, deliveredPerSecond: delivered).secondsToCatchUp
        }
        #expect(outlook(0, 10, 0) == 0)
        #expect(outlook(100, 0, 10) == 10)
        #expect(outlook(100, 7.5, 10) == 40)
        #expect(outlook(101, 0, 10) == 11)
        #expect(outlook(100, 10, 10) == nil)
        #expect(outlook(100, 0, 0) == nil)
        #expect(outlook(.max, 0, 1e-300) == 1_000_000_000_000)
    }

    @Test("rates are those of the last minute, from the start on, on a clock that begins anywhere")
    func rates() {
        for start in [Int64(0), -7_777_777_777, 1 << 60] {
            let second: Int64 = 1_000_000_000
            var meter = FlowMeter(now: start)
            for index in 0..<100 { meter.accept(now: start + Int64(index) * second / 10) }
            for _ in 0..<50 { meter.deliver(now: start + 10 * second) }
            var rates = meter.rates(now: start + 10 * second)
            #expect(abs(rates.accepted - 10) < 0.5 && abs(rates.delivered - 5) < 0.5, "\(rates)")
            // An hour later nothing of it counts.
            rates = meter.rates(now: start + 3600 * second)
            #expect(rates.accepted == 0 && rates.delivered == 0)
            for index in 0..<1200 { meter.accept(now: start + 7200 * second + Int64(index) * second / 10) }
            rates = meter.rates(now: start + 7320 * second)
            #expect(abs(rates.accepted - 10) < 1, "\(rates)")
        }
    }

    @Test("what a device uses counts for its day, and a new session and a confirmation have their times")
    func use() {
        var activity = DeviceActivity(device: 1, day: 0)
        let day: Int64 = 86_400_000
        activity.received(100, airtime: 8, now: Moment(monotonic: 0, unixMilliseconds: 5 * day))
        activity.sent(30, airtime: 3, now: Moment(monotonic: 0, unixMilliseconds: 6 * day - 1))
        #expect(activity.day == 5 && activity.bytesUp == 100 && activity.bytesDown == 30)
        #expect(activity.airtimeUp == 8 && activity.airtimeDown == 3)
        activity.sent(1, airtime: 1, now: Moment(monotonic: 0, unixMilliseconds: 6 * day))
        #expect(activity.day == 6 && activity.bytesUp == 0 && activity.bytesDown == 1 && activity.airtimeDown == 1)
    }
}
