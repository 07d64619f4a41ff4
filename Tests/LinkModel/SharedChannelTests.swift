import LinkModel
import Links
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

@Suite("Devices that share a channel")
struct SharedChannelTests {
    /// Many devices, Poisson arrivals over all, frames of 100 ms: the share that arrives.
    private func delivered(
        load: Double, access: Medium.Access, capture: Medium.Capture? = nil, frames: Int = 60_000, seed: UInt64 = 1
    ) -> (share: Double, tally: LinkTally) {
        let direction = RadioLink.Direction(.bits(1000))
        let link = RadioLink(up: direction, down: direction, medium: .shared(access, capture))
        var machine = LinkMachine(link, seed: seed)
        // So many that hardly ever one has two frames at once.
        let devices = 5000
        for _ in 0..<devices { machine.addDevice() }
        var arrivals = SeededStream(seed: seed, purpose: 99)
        var now: Int64 = 0
        let mean = Int64(1e8 / load)
        for index in 0..<frames {
            now += FixedPoint.exponential(arrivals.next(), mean: mean)
            machine.send(UInt64(index), bytes: 12, .up, device: Int(arrivals.next(below: 5000)), now: now)
            while machine.nextEvent() != nil {}
        }
        _ = machine.finish()
        // 12 bytes at 1000 bit/s are 96 ms.
        #expect(machine.tally.isBalanced && machine.tally.underWay == 0)
        return (Double(machine.tally.delivered) / Double(frames), machine.tally)
    }

    @Test("pure ALOHA delivers exp(-2 G)", arguments: [0.1, 0.5, 1.0])
    func aloha(load: Double) {
        let load = load * 0.96
        let share = delivered(load: load / 0.96, access: .aloha).share
        let expected = exp(-2 * load)
        // Collisions come in pairs and more: twice the variance of independent ones.
        let error = (2 * expected * (1 - expected) / 60_000).squareRoot()
        #expect(abs(share - expected) < 4 * error + load / 5000, "\(share) for \(expected)")
    }

    @Test("slotted ALOHA delivers exp(-G) where a frame fills its slot", arguments: [0.1, 0.5, 1.0])
    func slotted(load: Double) {
        let share = delivered(load: load, access: .slottedAloha(slot: 100_000_000)).share
        let expected = exp(-load)
        let error = (2 * expected * (1 - expected) / 60_000).squareRoot()
        #expect(abs(share - expected) < 4 * error + load / 5000, "\(share) for \(expected)")
    }

    @Test("who listens first collides less, and who begins at the same time does not hear the other")
    func listening() {
        let rule = Medium.ListenBeforeTalk(slot: 10_000_000)
        let polite = delivered(load: 0.5, access: .listenBeforeTalk(rule), frames: 20_000)
        let rude = delivered(load: 0.5, access: .aloha, frames: 20_000)
        #expect(polite.share > 0.999)
        #expect(rude.share < 0.5)
        let deaf = Medium.ListenBeforeTalk(slot: 10_000_000, deafness: 5_000_000)
        let half = delivered(load: 0.5, access: .listenBeforeTalk(deaf), frames: 20_000)
        #expect(half.share < polite.share && half.share > rude.share)
        #expect(half.tally.lost[Int(LinkEvent.Loss.collision.rawValue)] > 100)
    }

    @Test("the stronger frame survives by capture, and nobody needs more than the end of the preamble")
    func capture() {
        func outcome(_ capture: Medium.Capture?, second offset: Int64) -> [UInt64] {
            let direction = RadioLink.Direction(.bits(1000))
            let link = RadioLink(up: direction, down: direction, medium: .shared(.aloha, capture))
            var machine = LinkMachine(link, seed: 3)
            machine.addDevice()
            machine.addDevice()
            machine.send(1, bytes: 12, .up, device: 0, now: 0)
            machine.send(2, bytes: 12, .up, device: 1, now: offset)
            return machine.finish().filter(\.isArrival).map(\.id)
        }
        #expect(outcome(nil, second: 10_000_000) == [])
        #expect(outcome(nil, second: 96_000_000) == [1, 2])
        // Equally strong: neither survives.
        #expect(outcome(.init(margin: 600), second: 10_000_000) == [])
        // The second one begins while the first one ends: its preamble suffers, and it survives; the first one does not.
        #expect(outcome(.init(margin: nil, harmless: 20_000_000), second: 80_000_000) == [2])
        #expect(outcome(.init(margin: nil, harmless: 10_000_000), second: 80_000_000) == [])
        // Spread over 40 dB: with 6 dB of margin, one of the two survives in (1 - 6/40)^2 of the cases.
        var survived = 0
        for seed in 0..<4000 {
            let direction = RadioLink.Direction(.bits(1000))
            let link = RadioLink(
                up: direction, down: direction, medium: .shared(.aloha, .init(margin: 600, spread: 4000)))
            var machine = LinkMachine(link, seed: UInt64(seed))
            machine.addDevice()
            machine.addDevice()
            machine.send(1, bytes: 12, .up, device: 0, now: 0)
            machine.send(2, bytes: 12, .up, device: 1, now: 1000)
            survived += machine.finish().filter(\.isArrival).count
        }
        let expected = 0.85 * 0.85
        let z = (Double(survived) / 4000 - expected) / (expected * (1 - expected) / 4000).squareRoot()
        #expect(abs(z) < 4, "z = \(z)")
    }

    @Test("a half-duplex gateway hears nothing while it sends")
    func gatewayHalfDuplex() {
        func heard(_ duplex: RadioLink.Duplex) -> [LinkEvent.Kind] {
            let direction = RadioLink.Direction(.bits(1000))
            let link = RadioLink(up: direction, down: direction, duplex: duplex, medium: .shared(.aloha, nil))
            var machine = LinkMachine(link, seed: 3)
            machine.addDevice()
            machine.addDevice()
            machine.send(1, bytes: 12, .down, device: 0, now: 0)
            machine.send(2, bytes: 12, .up, device: 1, now: 50_000_000)
            machine.send(3, bytes: 12, .down, device: 0, now: 100_000_000)
            return machine.finish().filter { $0.id == 2 && $0.air == nil }.map(\.kind)
        }
        #expect(heard(.full) == [.arrived(isCopy: false, flippedBit: nil)])
        #expect(heard(.half(turnaround: 0)) == [.lost(.receiverBusy)])
    }

    @Test("more channels, fewer collisions: the load divides")
    func channels() {
        var direction = RadioLink.Direction(.bits(1000))
        direction.bands = [SubBand(name: "a", channels: 3), SubBand(name: "b", channels: 5)]
        let link = RadioLink(up: direction, down: RadioLink.Direction(.bits(1000)), medium: .shared(.aloha, nil))
        var machine = LinkMachine(link, seed: 5)
        for _ in 0..<5000 { machine.addDevice() }
        var arrivals = SeededStream(seed: 5, purpose: 99)
        var now: Int64 = 0
        var perChannel = [Int](repeating: 0, count: 8)
        func count(_ machine: inout LinkMachine) {
            while let event = machine.nextEvent() {
                if case .started(_, let channel, _) = event.kind { perChannel[channel] += 1 }
            }
        }
        for index in 0..<40_000 {
            now += FixedPoint.exponential(arrivals.next(), mean: 12_000_000)
            machine.send(UInt64(index), bytes: 12, .up, device: Int(arrivals.next(below: 5000)), now: now)
            count(&machine)
        }
        while let time = machine.deadline {
            machine.advance(to: time)
            count(&machine)
        }
        let (chi, _) = chiSquare(perChannel, [Double](repeating: 5000, count: 8))
        #expect(chi < chiSquareLimit(7))
        // 96 ms every 12 ms over eight channels: G = 1.
        #expect(abs(Double(machine.tally.delivered) / 40_000 - exp(-2)) < 0.01)
    }
}
