import Noise
import NoiseSodium
import TestSupport
import Testing

@testable import SecureDatagram

@Suite("The gateway's end of a channel")
struct GatewayChannelTests {
    let device: DeviceNumber
    var gateway: Gatehouse
    var session: WireSession

    /// A session in use.
    init() throws {
        device = try #require(DeviceNumber(5))
        gateway = try Gatehouse(devices: [5, 6])
        session = try gateway.shakeHands(device, counter: 1)
        guard case .frame = gateway.receive(try session.seal([0]).bytes) else { throw NoiseError.invalidMessage }
        session.confirm(0)
        _ = gateway.channels[device]?.takeChanges()
    }

    @Test("a repeated frame gets the byte-identical answer, as often as allowed, and has no further effect")
    mutating func repeatedFrame() throws {
        let frame = try session.seal([1])
        let id = Gatehouse.Channel.FrameID(source: session.id, number: frame.number)
        #expect(gateway.receive(frame.bytes) == .frame(id, [1]))
        // Before there is an answer the owner learns that the frame came again.
        #expect(gateway.receive(frame.bytes) == .repeated(id, [1]))
        let answer = try #require(try gateway.channels[device]?.seal([2], answering: id, gateway.arrival))
        _ = gateway.channels[device]?.takeChanges()
        let before = try gateway.state(of: device)
        for _ in 0..<Gatehouse.limits.repeats.most {
            #expect(gateway.receive(frame.bytes) == .repeatedAnswer(answer.bytes))
        }
        for _ in 0..<3 { #expect(gateway.receive(frame.bytes) == .dropped(.repeatedTooOften)) }
        #expect(try gateway.state(of: device) == before)
        #expect(gateway.channels[device]?.takeChanges().isEmpty == true)
        #expect(try session.open(datagram: answer.bytes) == .fresh(number: answer.number, plaintext: [2]))
    }

    @Test("each address has its own share of repetitions, and gets none of them twice in a moment")
    mutating func repetitionsByAddress() throws {
        let frame = try session.seal([1])
        guard case .frame(let id, _) = gateway.receive(frame.bytes) else { throw NoiseError.invalidMessage }
        let answer = try #require(try gateway.channels[device]?.seal([2], answering: id, gateway.arrival)).bytes
        // Somebody replays the frame from elsewhere until nothing comes back.
        for source in [7, 8] as [UInt64] {
            gateway.arrival.source = source
            for _ in 0..<Gatehouse.limits.repeats.most {
                #expect(gateway.receive(frame.bytes) == .repeatedAnswer(answer))
            }
            #expect(gateway.receive(frame.bytes) == .dropped(.repeatedTooOften))
        }
        // The device's own share is untouched.
        gateway.arrival.source = 1
        #expect(gateway.receive(frame.bytes) == .repeatedAnswer(answer))
        gateway.arrival.now -= 1
        #expect(gateway.receive(frame.bytes) == .dropped(.repeatedTooOften))
        #expect(gateway.receive(frame.bytes) == .repeatedAnswer(answer))
    }

    @Test("only the newest frame's answer may go to where its repetition came from")
    mutating func newestFrame() throws {
        var answers: [[UInt8]] = []
        var frames: [[UInt8]] = []
        for number in 1...2 {
            let frame = try session.seal([UInt8(number)])
            guard case .frame(let id, _) = gateway.receive(frame.bytes) else { throw NoiseError.invalidMessage }
            frames.append(frame.bytes)
            answers.append(try #require(try gateway.channels[device]?.seal([9], answering: id, gateway.arrival)).bytes)
        }
        #expect(gateway.receive(frames[0]) == .repeatedAnswer(answers[0]))
        #expect(gateway.lastWasNewest == false)
        #expect(gateway.receive(frames[1]) == .repeatedAnswer(answers[1]))
        #expect(gateway.lastWasNewest == true)
    }

    @Test("the session before the current one ends with the exchanges that were under way in it")
    mutating func previousEnds() throws {
        var old = session
        var new = try gateway.shakeHands(device, counter: 2)
        _ = gateway.receive(try new.seal([1]).bytes)
        gateway.arrival.now += Gatehouse.limits.previousLifetime - 10 * Gatehouse.limits.repeats.interval
        #expect(gateway.receive(try old.seal([2]).bytes) == .frame(.init(source: old.id, number: 1), [2]))
        gateway.arrival.now += 10 * Gatehouse.limits.repeats.interval
        #expect(gateway.receive(try old.seal([3]).bytes) == .dropped(.forged))
        #expect(gateway.channels[device]?[.previous] == nil)
        #expect(gateway.channels[device]?.takeChanges().contains { $0.slot == .previous && $0.session == nil } == true)
    }

    @Test("forged frames that claim far numbers are not followed for ever, and an honest one sets that right")
    mutating func farNumbers() throws {
        func forged(_ number: UInt64) -> [UInt8] {
            FrameHeader.write(number: number, form: .long, device: device) + [UInt8](repeating: 7, count: 16)
        }
        // Within reach of the long form, and beyond that of the short ones.
        for _ in 0..<Session<WireSuite>.farFailuresAllowed { _ = gateway.receive(forged(60 << 10)) }
        let failures = gateway.failures(of: device)
        #expect(gateway.receive(forged(60 << 10)) == .dropped(.forged))
        #expect(gateway.failures(of: device) == failures, "its keys were computed")
        #expect(gateway.receive(try session.seal([1]).bytes) == .frame(.init(source: session.id, number: 1), [1]))
        _ = gateway.receive(forged(60 << 10))
        #expect(gateway.failures(of: device) == failures + 1)
    }

    @Test("a forged copy of a frame gets no answer, however like the true one it is")
    mutating func forgedCopy() throws {
        let frame = try session.seal([1, 2, 3])
        let id = Gatehouse.Channel.FrameID(source: session.id, number: frame.number)
        _ = gateway.receive(frame.bytes)
        _ = try gateway.channels[device]?.seal([2], answering: id, gateway.arrival)
        var answered: [Int] = []
        for bit in 16..<frame.bytes.count * 8 {
            var damaged = frame.bytes
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            if gateway.receive(damaged) != .dropped(.forged) { answered.append(bit) }
        }
        #expect(answered == [])
    }

    @Test("the last eight answers are kept, the oldest goes first")
    mutating func answersKept() throws {
        var frames: [WireSession.SealedFrame] = []
        var answers: [[UInt8]] = []
        for number in 0..<9 {
            let frame = try session.seal([UInt8(number)])
            session.confirm(frame.number)
            frames.append(frame)
            guard case .frame(let id, _) = gateway.receive(frame.bytes) else {
                Issue.record("frame \(number)")
                return
            }
            answers.append(
                try #require(try gateway.channels[device]?.seal([0x80 | UInt8(number)], answering: id, gateway.arrival))
                    .bytes)
        }
        let first = Gatehouse.Channel.FrameID(source: session.id, number: frames[0].number)
        #expect(gateway.receive(frames[0].bytes) == .repeated(first, [0]))
        for number in 1..<9 { #expect(gateway.receive(frames[number].bytes) == .repeatedAnswer(answers[number])) }
    }

    @Test("a frame with any bit changed, cut at any length or lengthened changes nothing but the count of failures")
    mutating func damagedFrame() throws {
        for number in 1..<4 { _ = gateway.receive(try session.seal([UInt8(number)]).bytes) }
        _ = gateway.channels[device]?.takeChanges()
        let frame = try session.seal([4, 5, 6])
        let before = try gateway.state(of: device)
        var damaged: [[UInt8]] = (0..<frame.bytes.count * 8).map { bit in
            var copy = frame.bytes
            copy[bit / 8] ^= 1 << UInt8(bit % 8)
            return copy
        }
        damaged += (0..<frame.bytes.count).map { Array(frame.bytes.prefix($0)) }
        damaged.append(frame.bytes + [0])
        var wrong: [String] = []
        for datagram in damaged {
            switch gateway.receive(datagram) {
            case .nobody, .dropped: break
            default: wrong.append(hex(datagram))
            }
        }
        #expect(wrong == [])
        #expect(try gateway.state(of: device) == before)
        #expect(gateway.channels[device]?.takeChanges().isEmpty == true)
        #expect(
            gateway.receive(frame.bytes) == .frame(.init(source: session.id, number: frame.number), [4, 5, 6]))
    }

    @Test("frames whose tag is wrong are counted in the session that they were tried in")
    mutating func failuresAreCounted() throws {
        #expect(gateway.failures(of: device) == 0)
        var frame = try session.seal([1]).bytes
        frame[frame.count - 1] ^= 1
        for count in 1...5 {
            #expect(gateway.receive(frame) == .dropped(.forged))
            #expect(gateway.failures(of: device) >= UInt64(count))
        }
        // A count that nobody stored is no change to store.
        #expect(gateway.channels[device]?.takeChanges().isEmpty == true)
    }

    @Test("no datagram is opened more than four times, though four sessions stand side by side")
    mutating func openings() throws {
        let old = try gateway.initiator(device, counter: 1)
        // Displaces the session above, so that there is a previous one.
        session = try gateway.shakeHands(device, counter: 2)
        for _ in 0..<100 {
            let frame = try session.seal([1])
            _ = gateway.receive(frame.bytes)
            session.confirm(frame.number)
        }
        _ = try gateway.shakeHands(device, counter: 3)
        _ = gateway.receive(old.message1)
        _ = try gateway.reply(.staleCounter(last: 3))
        #expect(gateway.channels[device]?.sessions.allSatisfy { $0 != nil } == true)
        let before = gateway.failures(of: device)
        var frame = try session.seal([1]).bytes
        frame[frame.count - 1] ^= 1
        #expect(gateway.receive(frame) == .dropped(.forged))
        #expect((1...4).contains(gateway.failures(of: device) - before))
    }

    @Test("a run of losses longer than the short form spans is healed by the next window")
    mutating func lossRun() throws {
        for _ in 0..<100 {
            let frame = try session.seal([1])
            _ = gateway.receive(frame.bytes)
            session.confirm(frame.number)
        }
        for _ in 0..<40 { session.confirm(try session.seal([1]).number) }
        let frame = try session.seal([2])
        #expect(frame.bytes.count == 1 + 1 + 1 + 16)
        #expect(gateway.receive(frame.bytes) == .frame(.init(source: session.id, number: frame.number), [2]))
    }

    @Test("a frame of one device's session under another's number, or of an unknown one, is dropped")
    mutating func anotherDevice() throws {
        let other = try #require(DeviceNumber(6))
        var others = try gateway.shakeHands(other, counter: 1)
        _ = gateway.receive(try others.seal([1]).bytes)
        let frame = try session.seal([1])
        let before = try gateway.state(of: other)
        #expect(gateway.receive([frame.bytes[0], 6] + frame.bytes.dropFirst(2)) == .dropped(.forged))
        #expect(try gateway.state(of: other) == before)
        #expect(gateway.receive([frame.bytes[0], 7] + frame.bytes.dropFirst(2)) == .nobody)
        // Before any handshake there is nothing to open it with.
        var empty = try Gatehouse(devices: [5])
        #expect(empty.receive(frame.bytes) == .dropped(.forged))
    }

    @Test("a frame behind the window is too old, also when a later session stands beside")
    mutating func tooOld() throws {
        let early = try session.seal([1])
        for _ in 0..<200 {
            let frame = try session.seal([1])
            _ = gateway.receive(frame.bytes)
            session.confirm(frame.number)
        }
        let long = FrameHeader.write(number: early.number, form: .long, device: device) + early.bytes.dropFirst(2)
        #expect(gateway.receive(long) == .dropped(.tooOld))
    }

    @Test("the session of a new handshake stands beside the current one until the device uses it")
    mutating func nextAndPrevious() throws {
        let old = session
        let new = try gateway.shakeHands(device, counter: 2)
        #expect(gateway.receive(try session.seal([1]).bytes) == .frame(.init(source: old.id, number: 1), [1]))
        #expect(gateway.channels[device]?[.current]?.id == old.id)
        let late = try session.seal([2])

        session = new
        #expect(gateway.receive(try session.seal([3]).bytes) == .frame(.init(source: new.id, number: 0), [3]))
        var channel = try #require(gateway.channels[device])
        #expect(channel[.current]?.id == new.id)
        #expect(channel[.previous]?.id == old.id)
        #expect(channel[.next] == nil)
        #expect(channel.takeChanges().map(\.slot) == [.current, .next, .previous])
        gateway.channels[device] = channel

        // What was on its way in the old session is still taken, and answered in it.
        let id = Gatehouse.Channel.FrameID(source: old.id, number: late.number)
        #expect(gateway.receive(late.bytes) == .frame(id, [2]))
        #expect(gateway.channels[device]?.isCurrent(id) == false)
        let answer = try #require(try gateway.channels[device]?.seal([9], answering: id, gateway.arrival))
        var receiver = old
        #expect(try receiver.open(datagram: answer.bytes) == .fresh(number: answer.number, plaintext: [9]))
        // A push goes to the new one.
        let push = try #require(try gateway.channels[device]?.seal([8]))
        #expect(try session.open(datagram: push.bytes) == .fresh(number: 0, plaintext: [8]))
    }

    @Test("a second handshake displaces the first one's unused session, and a third confirmed one the previous")
    mutating func displaced() throws {
        var unused = try gateway.shakeHands(device, counter: 2)
        var second = try gateway.shakeHands(device, counter: 3)
        #expect(gateway.receive(try unused.seal([1]).bytes) == .dropped(.forged))
        _ = gateway.receive(try second.seal([1]).bytes)
        #expect(gateway.receive(try session.seal([1]).bytes) == .frame(.init(source: session.id, number: 1), [1]))
        var third = try gateway.shakeHands(device, counter: 4)
        _ = gateway.receive(try third.seal([1]).bytes)
        #expect(gateway.receive(try session.seal([1]).bytes) == .dropped(.forged))
        #expect(gateway.receive(try second.seal([2]).bytes) == .frame(.init(source: second.id, number: 1), [2]))
    }

    @Test("there is nothing to push in, or to answer in, without the session")
    func nothingToSealIn() throws {
        var channel = Gatehouse.Channel(limits: Gatehouse.limits)
        #expect(throws: WireSession.SendError.exhausted) { try channel.seal([1]) }
        var used = try #require(gateway.channels[device])
        let stranger = Gatehouse.Channel.FrameID(source: [1, 2, 3], number: 0)
        #expect(throws: WireSession.SendError.exhausted) { try used.seal([1], answering: stranger, gateway.arrival) }
        used.confirm(0, session: [1, 2, 3])
        #expect(used.takeChanges().isEmpty)
    }

    @Test("a confirmation reaches the session that it names")
    mutating func confirmation() throws {
        let push = try #require(try gateway.channels[device]?.seal([1]))
        gateway.channels[device]?.confirm(push.number, session: session.id)
        #expect(gateway.channels[device]?[.current]?.confirmed == push.number)
    }

    @Test("a channel that is stored and read back opens, repeats and goes on; answers become the owner's affair")
    mutating func restart() throws {
        let frame = try session.seal([1])
        let id = Gatehouse.Channel.FrameID(source: session.id, number: frame.number)
        _ = gateway.receive(frame.bytes)
        let answer = try #require(try gateway.channels[device]?.seal([2], answering: id, gateway.arrival))
        let changes = gateway.channels[device]?.takeChanges() ?? []
        #expect(changes.map(\.slot) == [.current])
        var stored: [(slot: Gatehouse.Channel.Slot, session: WireSession)] = []
        for change in changes {
            let encoded = try #require(change.session?.encoded())
            stored.append((change.slot, try #require(WireSession(decoding: encoded))))
        }
        gateway.channels[device] = GatewayChannel(
            limits: Gatehouse.limits, sessions: stored, handshakeCounter: 1)
        #expect(gateway.receive(frame.bytes) == .repeated(id, [1]))
        // Answered anew under a number that was never used, and from then on by that datagram.
        let anew = try #require(try gateway.channels[device]?.seal([2], answering: id, gateway.arrival))
        #expect(anew.number > answer.number)
        #expect(anew.bytes != answer.bytes)
        #expect(gateway.receive(frame.bytes) == .repeatedAnswer(anew.bytes))
        #expect(try session.open(datagram: anew.bytes) == .fresh(number: anew.number, plaintext: [2]))
        #expect(gateway.receive(try session.seal([3]).bytes) == .frame(.init(source: session.id, number: 2), [3]))
    }

    @Test("random bytes of any length do nothing to a session in use")
    mutating func randomDatagrams() throws {
        var random = SplitMix64(seed: 16)
        let before = try gateway.state(of: device)
        var wrong: [String] = []
        for round in 0..<3_000 {
            var datagram = random.bytes(random.below(200))
            if datagram.count > 1, round % 3 > 0 { datagram[1] = 5 }
            // Handshakes cost three Diffie-Hellmans each: a few are enough.
            if datagram.first == 0x80, round % 100 > 0 { datagram[0] = 0xC0 }
            switch gateway.receive(datagram) {
            case .nobody, .dropped: break
            default: wrong.append(hex(datagram))
            }
        }
        for length in 0...200 {
            for filling: UInt8 in [0x00, 0xFF] {
                let datagram = [UInt8](repeating: filling, count: length)
                if gateway.receive(datagram) != .nobody { wrong.append(hex(datagram)) }
            }
        }
        _ = gateway.receive([0xC0, 5] + [UInt8](repeating: 0, count: 65_505))
        #expect(wrong == [])
        #expect(try gateway.state(of: device) == before)
    }
}
