import LinkModel
import Links
import TestSupport
import Testing

@Suite("When a link's datagrams leave and arrive")
struct TimingTests {
    private func train(
        _ framing: Framing, _ bytes: Int, _ count: Int, gap: Int64 = 0, latency: Int64 = 0, frames: Int? = nil
    ) -> [Int64] {
        let direction = RadioLink.Direction(
            framing, latency: latency, queue: QueueLimit(bytes: 1_000_000, frames: frames))
        var machine = LinkMachine(RadioLink(up: direction, down: direction), seed: 1)
        machine.addDevice()
        for index in 0..<count {
            machine.send(UInt64(index), bytes: bytes, .up, device: 0, now: Int64(index) * gap)
        }
        return machine.finish().filter(\.isArrival).map(\.time)
    }

    /// netem in the kernel, measured in user-mode Linux: first arrival and spacing follow (payload + 42) / 12 B/s.
    @Test("trains of netem's closed form, to the nanosecond")
    func closedForm() {
        // Payload, overhead, bit/s, gap, latency.
        let cases: [(Int, Int, UInt64, Int64, Int64)] = [
            (40, 42, 96, 0, 0), (200, 42, 96, 0, 0), (40, 0, 96, 0, 0), (50, 0, 200, 0, 0), (40, 42, 1000, 0, 0),
            (200, 42, 10_000, 0, 0), (40, 42, 1000, second, 250_000_000), (40, 42, 96, 0, 500_000_000),
            (13, 28, 7, 3 * second, 1), (1, 0, 3, 0, 0),
        ]
        for (bytes, overhead, rate, gap, latency) in cases {
            let times = train(.bits(rate, overhead: overhead), bytes, 25, gap: gap, latency: latency)
            #expect(times.count == 25)
            // In units of 1 / rate nanoseconds, without any rounding.
            var free: Int64 = 0
            var wrong = 0
            for (index, time) in times.enumerated() {
                let offered = Int64(index) * gap * Int64(rate)
                free = max(free, offered) + Int64(bytes + overhead) * 8 * second
                if time != free / Int64(rate) + latency { wrong += 1 }
            }
            #expect(wrong == 0, "\(bytes) bytes at \(rate) bit/s: \(times.prefix(3))")
        }
        #expect(train(.bits(96, overhead: 42), 40, 2) == [6_833_333_333, 13_666_666_666])
        #expect(train(.bits(200), 50, 2) == [2_000_000_000, 4_000_000_000])
    }

    @Test("a queue of three keeps three, the one on its way included")
    func limit() {
        #expect(train(.bits(96, overhead: 42), 40, 10, frames: 3).count == 3)
    }

    @Test("a rate that is a fraction does not drift")
    func fractions() {
        // 10,400 bits in 3 seconds: a hundred datagrams.
        let times = train(Framing(.rate(Rate(bits: 10_400, seconds: 3))), 13, 20_000)
        #expect(times.last == 600 * second)
        #expect(times[99] == 3 * second)
    }

    @Test("blocks take their time whether full or not, copies as often")
    func blocks() {
        let js8 = Framing(.blocks(bytes: 9, duration: 15 * second))
        #expect(js8.duration(of: 1) == 15 * second)
        #expect(js8.duration(of: 9) == 15 * second)
        #expect(js8.duration(of: 10) == 30 * second)
        let sigfox = Framing(.rate(Rate(bits: 100)), overheadBytes: 14, copies: 3)
        #expect(sigfox.duration(of: 12) == 6_240_000_000)
        #expect(Framing(.rate(.unlimited)).duration(of: 1000) == 0)
    }

    @Test("the eager queue that protocols count with and this machine say the same")
    func sameAsTransmitQueue() {
        var random = SplitMix64(seed: 8)
        for rate in [UInt64(7), 100, 9600] {
            let direction = RadioLink.Direction(.bits(rate, overhead: 5), queue: QueueLimit(bytes: 1_000_000))
            let link = RadioLink(up: direction, down: direction)
            var machine = LinkMachine(link, seed: 1)
            machine.addDevice()
            var queue = TransmitQueue(link.timing.up)
            var now: Int64 = 0
            var expected: [Int64] = []
            for index in 0..<500 {
                now += Int64(random.below(30)) * second
                let bytes = random.below(40)
                expected.append(queue.enqueue(bytes, now: now))
                machine.send(UInt64(index), bytes: bytes, .up, device: 0, now: now)
            }
            #expect(machine.finish().filter(\.isArrival).map(\.time) == expected)
        }
    }

    @Test("order is kept under jitter where the link keeps it, and only there")
    func order() {
        for keepsOrder in [true, false] {
            var direction = RadioLink.Direction(
                .bits(8000), latency: second, jitter: .uniform(upTo: second), keepsOrder: keepsOrder)
            direction.queue.bytes = 1_000_000
            var machine = LinkMachine(RadioLink(up: direction, down: direction), seed: 3)
            machine.addDevice()
            for index in 0..<200 { machine.send(UInt64(index), bytes: 10, .up, device: 0, now: 0) }
            let arrivals = machine.finish().filter(\.isArrival)
            #expect(arrivals.count == 200)
            #expect((arrivals.map(\.id) == arrivals.map(\.id).sorted()) == keepsOrder)
            for arrival in arrivals {
                let left = Int64(arrival.id + 1) * 10_000_000
                let allowed: ClosedRange<Int64> = (left + second)...(4 * second)
                #expect(allowed.contains(arrival.time))
            }
        }
    }

    @Test("the oldest gives way where the queue says so, and what waited too long does not leave")
    func policies() {
        func ids(_ queue: QueueLimit) -> [UInt64] {
            let direction = RadioLink.Direction(.bits(80), queue: queue)
            var machine = LinkMachine(RadioLink(up: direction, down: direction), seed: 1)
            machine.addDevice()
            // A second each.
            for index in 0..<10 { machine.send(UInt64(index), bytes: 10, .up, device: 0, now: 0) }
            let ids = machine.finish().filter(\.isArrival).map(\.id)
            #expect(machine.tally.isBalanced && machine.tally.underWay == 0)
            return ids
        }
        #expect(ids(QueueLimit(frames: 3)) == [0, 1, 2])
        #expect(ids(QueueLimit(frames: 3, policy: .dropOldest)) == [0, 8, 9])
        #expect(ids(QueueLimit(bytes: 45)) == [0, 1, 2, 3])
        #expect(ids(QueueLimit(age: 4 * second)) == [0, 1, 2, 3, 4])
    }
}
