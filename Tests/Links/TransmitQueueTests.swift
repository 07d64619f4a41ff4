import Links
import TestSupport
import Testing

@Suite("The queue before a slow link")
struct TransmitQueueTests {
    @Test("what does not fit into a contact window leaves in the next one, and the rest behind it")
    func windows() {
        let second: Int64 = 1_000_000_000
        let passes = ContactWindows(open: [10 * second..<20 * second], period: 100 * second)
        #expect(passes.longestGap == 90 * second)
        #expect(ContactWindows(open: [5..<7, 30..<31, 40..<50], period: 60).longestGap == 23)
        #expect(ContactWindows(open: [5..<7, 10..<11]).longestGap == 5)
        // A byte a second.
        var queue = TransmitQueue(Link.Direction(bitsPerSecond: 8, windows: passes))
        #expect(queue.enqueue(4, now: 0) == 14 * second)
        #expect(queue.enqueue(5, now: 0) == 19 * second)
        #expect(queue.enqueue(2, now: 0) == 112 * second)
        #expect(queue.enqueue(3, now: 113 * second) == 116 * second)
        // Longer than any: the queue does not know what becomes of it.
        #expect(queue.enqueue(11, now: 116 * second) == 127 * second)
        var fast = TransmitQueue(Link.Direction(bitsPerSecond: 0, windows: passes))
        #expect(fast.enqueue(1000, now: 3 * second) == 10 * second)
        #expect(fast.enqueue(1000, now: 21 * second) == 110 * second)
    }

    @Test("a million datagrams back to back leave when exact arithmetic says, at rates that divide nothing")
    func noDrift() {
        for (rate, count) in [(UInt64(7), 600_000), (97, 200_000), (1_000_003, 200_000)] {
            var random = SplitMix64(seed: rate)
            let direction = Link.Direction(bitsPerSecond: rate, overheadBytes: 3)
            var queue = TransmitQueue(direction)
            let begin: Int64 = 1_000_000_007
            // All bits so far, times 10^9: below 2^64 as long as the bits are below 1.8 * 10^10.
            var bits: UInt64 = 0
            var last: Int64 = 0
            var expected: Int64 = 0
            var wrong = 0
            for _ in 0..<count {
                let length = random.below(200)
                bits += UInt64(length + 3) * 8
                last = queue.enqueue(length, now: begin)
                expected = begin + Int64(bits * 1_000_000_000 / rate)
                if last != expected { wrong += 1 }
            }
            #expect(wrong == 0, "at \(rate) bit/s")
            #expect(last == expected)
            #expect(queue.freeAt == last)
        }
    }

    @Test("an idle link starts at once, and owes nothing for the fraction of an earlier datagram")
    func idle() {
        var queue = TransmitQueue(.init(bitsPerSecond: 3))
        #expect(queue.enqueue(1, now: 0) == 2_666_666_666)
        // Handed over in the very nanosecond that the first one's last bit leaves in: its fraction still counts.
        #expect(queue.enqueue(1, now: 2_666_666_666) == 5_333_333_333)
        #expect(queue.enqueue(1, now: 6_000_000_000) == 8_666_666_666)
        #expect(queue.enqueue(2, now: 7_000_000_000) == 14_000_000_000)
    }

    @Test("a datagram waits for those before it, whenever it was handed over")
    func order() {
        var random = SplitMix64(seed: 3)
        var queue = TransmitQueue(.init(bitsPerSecond: 1_000, overheadBytes: 1))
        var now: Int64 = 0
        var free: Int64 = 0
        var wrong = 0
        for _ in 0..<50_000 {
            now += Int64(random.below(1_500_000_000))
            let length = random.below(150)
            // 8 ms a byte: no fractions.
            free = max(free, now) + Int64(length + 1) * 8_000_000
            if queue.enqueue(length, now: now) != free { wrong += 1 }
        }
        #expect(wrong == 0)
    }

    @Test("what waits is what has not left: all of it at first, nothing at the end, in whole bytes between")
    func waiting() {
        var queue = TransmitQueue(.init(bitsPerSecond: 100, overheadBytes: 8))
        #expect(queue.waiting(now: 0) == 0)
        _ = queue.enqueue(12, now: 0)
        #expect(queue.waiting(now: 0) == 20)
        _ = queue.enqueue(2, now: 0)
        #expect(queue.waiting(now: 0) == 30)
        // 80 ms a byte; one that is on its way has not left.
        #expect(queue.waiting(now: 79_999_999) == 30)
        #expect(queue.waiting(now: 80_000_000) == 29)
        #expect(queue.waiting(now: 80_000_001) == 29)
        #expect(queue.waiting(now: 2_399_999_999) == 1)
        #expect(queue.waiting(now: 2_400_000_000) == 0)
        #expect(queue.waiting(now: 9_000_000_000) == 0)
    }

    @Test("what was just handed over to an idle link waits whole, at any rate")
    func waitingAtOddRates() {
        var random = SplitMix64(seed: 4)
        var wrong: [String] = []
        for _ in 0..<20_000 {
            let rate = UInt64(1 + random.below(100_000))
            let length = 1 + random.below(1280)
            var queue = TransmitQueue(.init(bitsPerSecond: rate))
            _ = queue.enqueue(length, now: 17)
            if queue.waiting(now: 17) != length { wrong.append("\(length) bytes at \(rate)") }
        }
        #expect(wrong.count == 0, "for example \(wrong.first ?? "")")
    }
}
