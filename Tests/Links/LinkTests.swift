import Links
import TestSupport
import Testing

@Suite("What a link's numbers mean")
struct LinkTests {
    @Test("serialisation is the bits of payload and overhead over the rate, rounded up to a nanosecond")
    func serialisation() {
        let radio = Link.Direction(bitsPerSecond: 100, overheadBytes: 28)
        #expect(radio.serialisation(of: 0) == 2_240_000_000)
        #expect(radio.serialisation(of: 22) == 4_000_000_000)
        let three = Link.Direction(bitsPerSecond: 3)
        #expect(three.serialisation(of: 1) == 2_666_666_667)
        #expect(three.serialisation(of: 3) == 8_000_000_000)
        let fast = Link.Direction(bitsPerSecond: 10_000_000_000)
        #expect(fast.serialisation(of: 1) == 1)
        #expect(fast.serialisation(of: 1280) == 1024)
    }

    @Test("a rate of 0 takes no time")
    func unlimited() {
        let direction = Link.Direction(bitsPerSecond: 0, overheadBytes: 1000)
        #expect(direction.serialisation(of: 65_507) == 0)
        var queue = TransmitQueue(direction)
        #expect(queue.enqueue(1000, now: 5) == 5)
        #expect(queue.enqueue(1000, now: 5) == 5)
        #expect(queue.waiting(now: 5) == 0)
    }

    @Test("serialisation is the least number of nanoseconds in which the bits fit")
    func serialisationIsLeast() {
        var random = SplitMix64(seed: 1)
        var wrong: [String] = []
        for _ in 0..<20_000 {
            let rate = UInt64(1 + random.below(1_000_000))
            let overhead = random.below(100)
            let count = random.below(2000)
            let time = Link.Direction(bitsPerSecond: rate, overheadBytes: overhead).serialisation(of: count)
            let needed = UInt64(count + overhead) * 8 * 1_000_000_000
            let fits = UInt64(time) * rate >= needed
            let isLeast = time == 0 || UInt64(time - 1) * rate < needed
            if !fits || !isLeast { wrong.append("\(count)+\(overhead) bytes at \(rate)") }
        }
        #expect(wrong.isEmpty)
    }

    @Test("a protocol's timers get both latencies, the processing time and twice the jitter of both ways")
    func timing() {
        let link = Link(
            up: .init(bitsPerSecond: 100, latency: 1_000, jitter: 10),
            down: .init(bitsPerSecond: 300, latency: 20_000, jitter: 200), processing: 5_000_000)
        let timing = LinkTiming(link)
        #expect(timing.idleRoundTrip == 1_000 + 20_000 + 5_000_000 + 2 * 210)
        #expect(timing.nanosecondsPerByteUp == 80_000_000)
        #expect(timing.nanosecondsPerByteDown == 26_666_667)
        let fast = LinkTiming(Link(up: .init(bitsPerSecond: 0), down: .init(bitsPerSecond: 0), processing: 0))
        #expect(fast.idleRoundTrip == 0)
        #expect(fast.nanosecondsPerByteUp == 0)
        #expect(fast.nanosecondsPerByteDown == 0)
    }
}
