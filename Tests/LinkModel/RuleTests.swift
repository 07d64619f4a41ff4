import LinkModel
import Links
import TestSupport
import Testing

@Suite("What a link's rules allow")
struct RuleTests {
    @Test("no stretch of the limit's length has more airtime than the limit, and nothing waits without need")
    func duty() {
        for seed in 1...40 {
            var random = SplitMix64(seed: UInt64(seed))
            let limit = DutyLimit(
                perMillion: UInt32([1000, 10_000, 100_000, 333_333][random.below(4)]),
                window: Int64(1 + random.below(100)) * 36 * second)
            var ledger = AirtimeLedger(limit)
            var spans: [Range<Int64>] = []
            func used(_ end: Int64) -> Int64 {
                spans.reduce(0) { $0 + max(0, min($1.upperBound, end) - max($1.lowerBound, end - limit.window)) }
            }
            var now: Int64 = 0
            for _ in 0..<300 {
                now += Int64(random.below(4)) * Int64(random.below(1_000_000_000)) * 20
                let most = Int(min(limit.allowance, 40 * second))
                let duration = Int64(1 + random.below(most))
                guard let start = ledger.start(for: duration, from: now) else {
                    Issue.record("what the limit allows never starts")
                    return
                }
                #expect(start >= now)
                let before = used(start + duration)
                #expect(before + duration <= limit.allowance)
                // A nanosecond earlier would have been too much, where it had to wait.
                if start > now {
                    #expect(used(start + duration - 1) + duration > limit.allowance)
                }
                spans.append(start..<start + duration)
                ledger.add(start..<start + duration)
                now = start + duration
                #expect(ledger.used(at: now) == used(now))
            }
            // Every stretch that begins or ends where something does: the sum is linear in between.
            for end in spans.flatMap({ [$0.upperBound, $0.lowerBound + limit.window, $0.upperBound + limit.window] }) {
                #expect(used(end) <= limit.allowance, "seed \(seed)")
            }
        }
        #expect(AirtimeLedger(DutyLimit(perMillion: 10_000)).start(for: 37 * second, from: 0) == nil)
    }

    /// A link with everything, drawn by chance.
    private func anyLink(_ random: inout SplitMix64) -> RadioLink {
        func direction(_ random: inout SplitMix64) -> RadioLink.Direction {
            let framing =
                [
                    Framing(.rate(Rate(bits: UInt64(50 + random.below(2000)))), overheadBytes: random.below(30)),
                    Framing(.lora(LoRaModulation(spreadingFactor: 7 + random.below(6), bandwidth: 125_000))),
                    Framing(.blocks(bytes: 9, duration: 4 * second)),
                ][random.below(3)]
            var direction = RadioLink.Direction(framing, mtu: 60, latency: Int64(random.below(3)) * second)
            direction.jitter =
                [
                    .none, .uniform(upTo: second), .table(.normal, spread: second),
                    .table(.exponential, spread: second),
                ][random.below(4)]
            direction.keepsOrder = random.chance(50)
            direction.loss =
                [
                    .none, .bernoulli(perMillion: 100_000),
                    .outages(.init(averagePerMillion: 200_000, meanOutage: 60 * second)),
                    .gilbertElliott(.init(p: 50_000, r: 200_000)), .bitErrors(perTrillion: 100_000_000),
                    .frames([true, false, false, false]),
                ][random.below(6)]
            direction.duplicationPerMillion = UInt32(random.below(100_000))
            direction.reorderingPerMillion = UInt32(random.below(100_000))
            direction.reorderingDelay = 10 * second
            direction.corruptionPerMillion = UInt32(random.below(100_000))
            direction.queue = QueueLimit(
                bytes: 100 + random.below(1000), frames: random.chance(30) ? 5 : nil,
                age: random.chance(30) ? 300 * second : nil, policy: random.chance(50) ? .dropNewest : .dropOldest)
            direction.bands =
                [
                    [SubBand(name: "all")], [SubBand(name: "a", channels: 3, duty: DutyLimit(perMillion: 10_000))],
                    [
                        SubBand(name: "a", channels: 2, duty: DutyLimit(perMillion: 10_000)),
                        SubBand(name: "b", duty: DutyLimit(perMillion: 100_000)),
                    ],
                ][random.below(3)]
            direction.quota = random.chance(20) ? Quota(datagrams: 20, window: 2 * hour) : nil
            return direction
        }
        let up = direction(&random)
        let down = direction(&random)
        return RadioLink(
            up: up, down: down, duplex: random.chance(50) ? .full : .half(turnaround: second / 5),
            medium: [
                .dedicated, .scheduled, .shared(.aloha, nil), .shared(.slottedAloha(slot: second), .init(spread: 2000)),
                .shared(.listenBeforeTalk(.init(slot: second / 10)), .init()),
            ][random.below(5)],
            downlink: random.chance(30)
                ? .afterUplink([.init(delay: 5 * second), .init(delay: 6 * second, band: 1)]) : .anyTime,
            windows: random.chance(20)
                ? ContactWindows(open: [0..<600 * second, 1000 * second..<1500 * second], period: 2000 * second) : nil)
    }

    @Test("every datagram is accounted for, and every rule is kept, whatever the link")
    func everything() {
        for seed in 1...300 {
            var random = SplitMix64(seed: UInt64(seed))
            let link = anyLink(&random)
            var machine = LinkMachine(link, seed: UInt64(seed))
            let devices = 1 + random.below(4)
            for _ in 0..<devices { machine.addDevice() }
            var now: Int64 = 0
            var events: [LinkEvent] = []
            for index in 0..<200 {
                now += Int64(random.below(60)) * second
                let heading = random.chance(50) ? Heading.up : .down
                machine.send(
                    UInt64(index), bytes: random.below(64), heading, device: random.below(devices), now: now)
                while let event = machine.nextEvent() { events.append(event) }
                #expect(machine.tally.isBalanced)
            }
            events += machine.finish(until: now + 20 * hour)
            #expect(machine.tally.isBalanced)
            #expect(machine.tally.offered == 200)
            // Each ends once.
            var ends = [Int](repeating: 0, count: 200)
            for event in events {
                switch event.kind {
                case .dropped, .lost, .arrived(isCopy: false, _): ends[Int(event.id)] += 1
                default: break
                }
            }
            #expect(ends.allSatisfy { $0 <= 1 }, "seed \(seed)")
            #expect(ends.filter { $0 == 0 }.count == machine.tally.underWay)
            #expect(zip(events, events.dropFirst()).allSatisfy { $0.time <= $1.time })
            check(events, link, seed)
        }
    }

    private func check(_ events: [LinkEvent], _ link: RadioLink, _ seed: Int) {
        // Who sends: a device up, one sender down each or one for all.
        let isDedicated = link.medium == .dedicated
        var senders: [[Int]: [Range<Int64>]] = [:]
        for event in events {
            guard let air = event.air else { continue }
            let isOwn = isDedicated || (event.heading == .up && link.medium != .scheduled)
            let device = isOwn ? event.device : 0
            senders[[Int(event.heading.rawValue), device], default: []].append(air)
            if let windows = link.windows, let period = windows.period {
                let begin = air.lowerBound % period
                let end = begin + air.upperBound - air.lowerBound
                let isInside = windows.open.contains { $0.lowerBound <= begin && end <= $0.upperBound }
                #expect(isInside, "seed \(seed): outside a pass")
            }
        }
        for (sender, spans) in senders {
            #expect(zip(spans, spans.dropFirst()).allSatisfy { $0.upperBound <= $1.lowerBound }, "seed \(seed)")
            let direction = sender[0] == 0 ? link.up : link.down
            if let quota = direction.quota {
                let starts = spans.map(\.lowerBound)
                for index in starts.indices.dropFirst(quota.datagrams) {
                    let distance = starts[index] - starts[index - quota.datagrams]
                    #expect(distance >= quota.window, "seed \(seed)")
                }
            }
            guard direction.bands.count == 1, let duty = direction.bands[0].duty else { continue }
            for end in spans.map(\.upperBound) {
                let used = spans.reduce(0) {
                    $0 + max(0, min($1.upperBound, end) - max($1.lowerBound, end - duty.window))
                }
                #expect(used <= duty.allowance, "seed \(seed)")
            }
        }
        if case .half(let turnaround) = link.duplex, case .anyTime = link.downlink {
            if case .shared = link.medium { return }
            for (sender, spans) in senders where sender[0] == 0 {
                for other in senders[[1, sender[1]]] ?? [] {
                    for span in spans {
                        let isBefore = span.upperBound + turnaround <= other.lowerBound
                        let isAfter = other.upperBound + turnaround <= span.lowerBound
                        #expect(isBefore || isAfter, "seed \(seed)")
                    }
                }
            }
        }
    }

    @Test("a half-duplex link lets both ends speak in turn")
    func turns() {
        let direction = RadioLink.Direction(.bits(80))
        let link = RadioLink(up: direction, down: direction, duplex: .half(turnaround: second / 2))
        var machine = LinkMachine(link, seed: 1)
        machine.addDevice()
        for index in 0..<4 {
            machine.send(UInt64(index), bytes: 10, .up, device: 0, now: 0)
            machine.send(UInt64(10 + index), bytes: 10, .down, device: 0, now: 0)
        }
        let arrivals = machine.finish().filter(\.isArrival)
        #expect(arrivals.map(\.id) == [0, 10, 1, 11, 2, 12, 3, 13])
        for (index, arrival) in arrivals.enumerated() {
            #expect(arrival.time == 1_000_000_000 + Int64(index) * 1_500_000_000)
        }
    }

    @Test("what is for a device that only listens after it has sent waits for that, and for its moment")
    func afterUplink() {
        let direction = RadioLink.Direction(.bits(80))
        var down = direction
        down.bands = [
            SubBand(name: "g1", duty: DutyLimit(perMillion: 300)), SubBand(name: "g3"),
        ]
        let link = RadioLink(
            up: direction, down: down, duplex: .half(turnaround: 0),
            downlink: .afterUplink([.init(delay: second), .init(delay: 2 * second, band: 1)]))
        var machine = LinkMachine(link, seed: 1)
        machine.addDevice()
        machine.send(1, bytes: 10, .down, device: 0, now: 0)
        machine.send(2, bytes: 10, .down, device: 0, now: 0)
        machine.send(3, bytes: 10, .down, device: 0, now: 0)
        machine.send(4, bytes: 10, .up, device: 0, now: 100 * second)
        machine.send(5, bytes: 10, .up, device: 0, now: 100 * second)
        machine.send(6, bytes: 10, .up, device: 0, now: 200 * second)
        let starts = machine.finish().filter { $0.air != nil }
        // The second uplink is silent until the answer to the first has been heard. The third downlink finds the first
        // sub-band's airtime used up (1.08 s an hour), and goes a second later in the other; so does the second.
        #expect(starts.map(\.id) == [4, 1, 5, 2, 6, 3])
        #expect(starts.map { $0.time / second } == [100, 102, 103, 106, 200, 203])
        guard case .started(_, let channel, let waits) = starts[1].kind else { return }
        #expect(channel == 0)
        #expect(waits.uplink == 102 * second)
    }

    @Test("what no duty cycle, quota or pass ever has room for is dropped by that name")
    func impossible() {
        func fate(_ change: (inout RadioLink) -> Void) -> LinkEvent.Kind? {
            var link = RadioLink(up: .init(.bits(80)), down: .init(.bits(80)))
            change(&link)
            var machine = LinkMachine(link, seed: 1)
            machine.addDevice()
            machine.send(1, bytes: 100, .up, device: 0, now: 0)
            return machine.finish().last?.kind
        }
        #expect(fate { $0.up.bands[0].duty = DutyLimit(perMillion: 1000) } == .dropped(.impossible))
        #expect(fate { $0.up.quota = Quota(datagrams: 0) } == .dropped(.impossible))
        #expect(fate { $0.windows = .init(open: [0..<second], period: 60 * second) } == .dropped(.impossible))
        #expect(fate { $0.up.mtu = 99 } == .dropped(.tooLong))
        #expect(fate { _ in } == .arrived(isCopy: false, flippedBit: nil))
    }

    /// What a run says in short: every field of every event, mixed (FNV-1a).
    private func digest(_ events: [LinkEvent]) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        func mix(_ values: Int64...) {
            for value in values { hash = (hash ^ UInt64(bitPattern: value)) &* 0x100_0000_01B3 }
        }
        for event in events {
            mix(Int64(event.id), Int64(event.device), Int64(event.heading.rawValue), Int64(event.bytes), event.time)
            switch event.kind {
            case .started(let until, let channel, let waits): mix(1, until, Int64(channel), waits.total)
            case .dropped(let reason): mix(2, Int64(reason.rawValue))
            case .lost(let reason): mix(3, Int64(reason.rawValue))
            case .arrived(let isCopy, let bit): mix(4, isCopy ? 1 : 0, Int64(bit ?? -1))
            }
        }
        return hash
    }

    @Test("the same link, seed and datagrams give the same events, in debug and release and on every machine")
    func replay() {
        func run(_ seed: UInt64) -> [LinkEvent] {
            var events: [LinkEvent] = []
            for link in 0..<20 {
                var random = SplitMix64(seed: UInt64(1000 + link))
                var machine = LinkMachine(anyLink(&random), seed: seed)
                for _ in 0..<3 { machine.addDevice() }
                var now: Int64 = 0
                for index in 0..<100 {
                    now += Int64(random.below(60)) * second
                    machine.send(
                        UInt64(index), bytes: random.below(64), random.chance(50) ? .up : .down,
                        device: random.below(3), now: now)
                }
                events += machine.finish(until: now + 20 * hour)
            }
            return events
        }
        let events = run(1)
        #expect(events == run(1))
        #expect(events != run(2))
        #expect(digest(events) == 1_900_123_681_917_327_991, "\(events.count) events")
    }
}
