import Noise
import NoiseSodium
import TestSupport
import Testing

@testable import SecureDatagram

typealias WireSession = Session<WireSuite>

/// Two ends of a session, without a handshake before it.
struct Pair {
    var device: WireSession
    var gateway: WireSession

    init(number: UInt32 = 5) throws {
        let number = try #require(DeviceNumber(number))
        let up = CipherKey<WireSuite>([UInt8](repeating: 1, count: 32))
        let down = CipherKey<WireSuite>([UInt8](repeating: 2, count: 32))
        let id = [UInt8](repeating: 0x1D, count: 32)
        device = WireSession(id: id, role: .device, device: number, sending: up, receiving: down)
        gateway = WireSession(id: id, role: .gateway, device: number, sending: down, receiving: up)
    }

    func firstFrame() throws -> [UInt8] {
        var device = device
        return try device.seal([1]).bytes
    }
}

extension Session {
    /// Opens a datagram of the peer's.
    mutating func open(datagram: [UInt8], tryFurther: Bool = false) throws -> Opened {
        let parsed = try #require(FrameHeader.parse(datagram, fromDevice: role == .gateway))
        return try open(datagram, parsed, tryFurther: tryFurther)
    }
}

@Suite("A session")
struct SessionTests {
    @Test("frames cost their header and a tag, nothing else, and open at the other side")
    func frames() throws {
        var pair = try Pair()
        let up = try pair.device.seal([1, 2, 3])
        #expect(up.number == 0)
        #expect(up.bytes.count == 2 + 3 + 16)
        #expect(Array(up.bytes.prefix(2)) == [0xC0, 5])
        #expect(try pair.gateway.open(datagram: up.bytes) == .fresh(number: 0, plaintext: [1, 2, 3]))
        let down = try pair.gateway.seal([])
        #expect(down.bytes.count == 1 + 16)
        #expect(try pair.device.open(datagram: down.bytes) == .fresh(number: 0, plaintext: []))
        #expect(try pair.device.seal([]).number == 1)
    }

    @Test("a repeated frame is a duplicate, whatever came between, and is too old behind the window")
    func duplicates() throws {
        var pair = try Pair()
        let first = try pair.device.seal([9])
        _ = try pair.gateway.open(datagram: first.bytes)
        #expect(try pair.gateway.open(datagram: first.bytes) == .duplicate(number: 0, plaintext: [9]))
        var later: [UInt8] = []
        for number in UInt64(1)...30 {
            let frame = try pair.device.seal([UInt8(number)])
            later = frame.bytes
            #expect(try pair.gateway.open(datagram: frame.bytes) == .fresh(number: number, plaintext: [UInt8(number)]))
            pair.device.confirm(number)
        }
        #expect(try pair.gateway.open(datagram: first.bytes) == .duplicate(number: 0, plaintext: [9]))
        #expect(try pair.gateway.open(datagram: later) == .duplicate(number: 30, plaintext: [30]))
        for _ in 0..<128 {
            let frame = try pair.device.seal([])
            _ = try pair.gateway.open(datagram: frame.bytes)
            pair.device.confirm(frame.number)
        }
        // The long form of a number of long ago (its short form would name another by now).
        let old = FrameHeader.write(number: 30, form: .long, device: pair.device.device) + later.dropFirst(2)
        #expect(throws: WireSession.Refusal.tooOld) { try pair.gateway.open(datagram: old) }
    }

    @Test("a frame of either form is the same frame: the second one is a duplicate")
    func otherForm() throws {
        var pair = try Pair()
        let frame = try pair.device.seal([7])
        let ciphertext = Array(frame.bytes.dropFirst(2))
        for form: FrameHeader.NumberForm in [.medium, .long] {
            var gateway = pair.gateway
            _ = try gateway.open(datagram: frame.bytes)
            let other = FrameHeader.write(number: 0, form: form, device: pair.device.device) + ciphertext
            #expect(try gateway.open(datagram: other) == .duplicate(number: 0, plaintext: [7]))
        }
    }

    @Test("damage anywhere, any truncation and a reflection change nothing but the count of failures")
    func damage() throws {
        var pair = try Pair()
        for _ in 0..<3 { _ = try pair.gateway.open(datagram: try pair.device.seal([1]).bytes) }
        let frame = try pair.device.seal([1, 2, 3, 4])
        let before = pair.gateway.encoded()
        let failures = pair.gateway.failures
        for bit in 0..<frame.bytes.count * 8 {
            var damaged = frame.bytes
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            guard let parsed = FrameHeader.parse(damaged, fromDevice: true), parsed.device == pair.device.device else {
                continue
            }
            #expect(throws: WireSession.Refusal.self, "bit \(bit)") {
                try pair.gateway.open(damaged, parsed, tryFurther: true)
            }
        }
        for length in 0..<frame.bytes.count {
            let cut = Array(frame.bytes.prefix(length))
            guard let parsed = FrameHeader.parse(cut, fromDevice: true) else { continue }
            let expected: WireSession.Refusal = length < 18 ? .tooShort : .forged
            #expect(throws: expected) { try pair.gateway.open(cut, parsed) }
        }
        #expect(throws: WireSession.Refusal.forged) { try pair.gateway.open(datagram: frame.bytes + [0]) }
        // A frame of ours that comes back to us.
        let own = try pair.gateway.seal([5])
        let reflected = Array(own.bytes.prefix(1)) + [5] + own.bytes.dropFirst()
        #expect(throws: WireSession.Refusal.forged) { try pair.gateway.open(datagram: reflected) }
        #expect(pair.gateway.failures > failures + 100)
        var copy = pair.gateway
        #expect(WireSession(decoding: before)?.received == copy.received)
        #expect(WireSession(decoding: before)?.receiving.epoch == copy.receiving.epoch)
        #expect(try copy.open(datagram: frame.bytes) == .fresh(number: 3, plaintext: [1, 2, 3, 4]))
    }

    @Test("numbers that are forged far ahead are refused without a step of the keys")
    func farAhead() throws {
        var pair = try Pair()
        _ = try pair.gateway.open(datagram: try pair.device.seal([1]).bytes)
        for number: UInt64 in [.max, .max - 1, .max - 16, .max - 17, 1 << 40, 65 * 1024] {
            let forged =
                FrameHeader.write(number: number, form: .long, device: pair.device.device)
                + [UInt8](repeating: 0, count: 20)
            #expect(throws: WireSession.Refusal.tooFarAhead, "\(number)") { try pair.gateway.open(datagram: forged) }
        }
        #expect(pair.gateway.failures == 0)
        let within =
            FrameHeader.write(number: 65 * 1024 - 1, form: .long, device: pair.device.device)
            + [UInt8](repeating: 0, count: 20)
        #expect(throws: WireSession.Refusal.forged) { try pair.gateway.open(datagram: within) }
        #expect(pair.gateway.failures == 1)
        #expect(pair.gateway.receiving.epoch == 0)
        #expect(pair.gateway.received.highest == 0)
    }

    @Test("losses in a row: the form that the sender chooses is understood, with no confirmation or with many")
    func lossRuns() throws {
        for run in [1, 14, 15, 16, 31, 33, 100, 1_000, 2_047, 5_000] {
            var pair = try Pair()
            _ = try pair.gateway.open(datagram: try pair.device.seal([0]).bytes)
            pair.device.confirm(0)
            for _ in 0..<run { _ = try pair.device.seal([]) }
            let frame = try pair.device.seal([7])
            #expect(frame.number == UInt64(run) + 1)
            #expect(
                try pair.gateway.open(datagram: frame.bytes) == .fresh(number: frame.number, plaintext: [7]), "\(run)")
        }
    }

    @Test("a run of losses is understood wherever in an epoch it begins: no short form leads two epochs ahead")
    func lossRunsAcrossEpochs() throws {
        for begin in [0, 500, 1_000, 1_023, 1_024] {
            var pair = try Pair()
            for _ in 0...begin {
                let frame = try pair.device.seal([0])
                _ = try pair.gateway.open(datagram: frame.bytes)
                pair.device.confirm(frame.number)
            }
            var wrong: [UInt64] = []
            for _ in 0..<3_200 {
                let frame = try pair.device.seal([7])
                var gateway = pair.gateway
                if (try? gateway.open(datagram: frame.bytes)) != .fresh(number: frame.number, plaintext: [7]) {
                    wrong.append(frame.number)
                }
            }
            #expect(wrong == [], "after \(begin)")
        }
    }

    @Test(
        "whatever is lost, a frame that arrives is read rightly, as long as confirmations are true",
        arguments: [10, 30, 50, 70, 95])
    func randomLoss(loss: Int) throws {
        var random = SplitMix64(seed: UInt64(loss))
        var pair = try Pair()
        var wrong: [UInt64] = []
        var arrived = 0
        // Up to eight frames are on their way, and overtake one another by up to 20 numbers.
        var underWay: [(number: UInt64, bytes: [UInt8])] = []
        for _ in 0..<4_000 {
            let frame = try pair.device.seal([7])
            if !random.chance(loss) { underWay.append((frame.number, frame.bytes)) }
            while let first = underWay.first,
                underWay.count > 8 || first.number + 20 < frame.number || random.chance(30)
            {
                let isLate = first.number + 20 < frame.number
                let (number, bytes) = underWay.remove(at: isLate ? 0 : random.below(underWay.count))
                arrived += 1
                let opened = try? pair.gateway.open(datagram: bytes)
                if opened != .fresh(number: number, plaintext: [7]) { wrong.append(number) }
                if !random.chance(loss) { pair.device.confirm(number) }
            }
        }
        #expect(wrong == [])
        #expect(arrived > (100 - loss) * 36)
    }

    @Test("the next window of numbers is tried where that is asked for, and nowhere else")
    func furtherWindow() throws {
        var pair = try Pair()
        // A sender that believes to be understood, 40 numbers ahead of the receiver.
        for number in 0..<140 {
            let frame = try pair.device.seal([1])
            if number < 100 { _ = try pair.gateway.open(datagram: frame.bytes) }
            pair.device.confirm(frame.number)
        }
        let frame = try pair.device.seal([2])
        #expect(frame.bytes.count == 2 + 1 + 16)
        var strict = pair.gateway
        #expect(throws: WireSession.Refusal.forged) { try strict.open(datagram: frame.bytes) }
        #expect(try pair.gateway.open(datagram: frame.bytes, tryFurther: true) == .fresh(number: 140, plaintext: [2]))
        // Two windows further it is lost: the sender's form adapts before that.
        #expect(throws: WireSession.Refusal.forged) {
            var behind = try Pair().gateway
            _ = try behind.open(datagram: try Pair().firstFrame())
            return try behind.open(datagram: frame.bytes, tryFurther: true)
        }
    }

    @Test("keys step every 1,024 numbers in both directions, over 3,500 numbers and a third of them lost")
    func epochs() throws {
        var pair = try Pair()
        var random = SplitMix64(seed: 13)
        var wrong: [String] = []
        var late: [(Bool, [UInt8], UInt64)] = []
        for round in UInt64(0)..<3_500 {
            let payload = [UInt8(round & 0xFF)]
            for isUp in [true, false] {
                let frame = isUp ? try pair.device.seal(payload) : try pair.gateway.seal(payload)
                if frame.number != round { wrong.append("number \(frame.number)") }
                if random.chance(30) { continue }
                if random.chance(10) {
                    late.append((isUp, frame.bytes, frame.number))
                    continue
                }
                let opened =
                    isUp ? try? pair.gateway.open(datagram: frame.bytes) : try? pair.device.open(datagram: frame.bytes)
                if opened != .fresh(number: round, plaintext: payload) { wrong.append("\(isUp) \(round)") }
                if random.chance(30) { if isUp { pair.device.confirm(round) } else { pair.gateway.confirm(round) } }
            }
            // What was overtaken comes later, also across the step of the keys.
            if let (isUp, bytes, number) = late.first, round > number + 5 {
                late.removeFirst()
                let opened = isUp ? try? pair.gateway.open(datagram: bytes) : try? pair.device.open(datagram: bytes)
                if opened != .fresh(number: number, plaintext: [UInt8(number & 0xFF)]) {
                    wrong.append("late \(number)")
                }
            }
        }
        #expect(wrong == [])
        #expect(pair.gateway.receiving.epoch == 3)
        #expect(pair.device.sending.epoch == 3)
        #expect(pair.device.receiving.epoch == 3)
        #expect(pair.gateway.sending.epoch == 3)
    }

    @Test("the key of an epoch is REKEY of the one before, and of two epochs ago nothing opens")
    func epochKeys() throws {
        let first = CipherKey<WireSuite>([UInt8](repeating: 1, count: 32))
        var keys = EpochKeys<WireSuite>(EpochKey(key: first))
        func key(_ number: UInt64, reach: UInt64) -> [UInt8]? { keys.key(for: number, reach: reach)?.bytes }
        let second = first.rekeyed()
        #expect(key(1023, reach: 0) == first.bytes)
        #expect(key(1024, reach: 0) == nil)
        #expect(key(1024, reach: 1) == second.bytes)
        #expect(key(2048, reach: 1) == nil)
        #expect(key(2048, reach: 2) == second.rekeyed().bytes)
        // Asking is no step.
        #expect(keys.epoch == 0)
        keys.advance(to: 1024)
        #expect(keys.epoch == 1)
        #expect(key(5, reach: 1) == first.bytes)
        #expect(key(1024, reach: 0) == second.bytes)
        keys.advance(to: 2048)
        #expect(key(5, reach: 64) == nil)
        #expect(key(1025, reach: 64) == second.bytes)
        keys.forgetBelow(2047)
        #expect(key(2047, reach: 1) == second.bytes)
        keys.forgetBelow(2048)
        #expect(key(2047, reach: 1) == nil)
    }

    @Test("the key of the epoch before is gone once none of its numbers can be accepted any more")
    func previousKeyGoes() throws {
        var pair = try Pair()
        func exchange(_ count: Int) throws {
            for _ in 0..<count {
                let frame = try pair.device.seal([1])
                _ = try pair.gateway.open(datagram: frame.bytes)
                pair.device.confirm(frame.number)
            }
        }
        try exchange(1024 + Int(ReplayWindow.size) - 1)
        #expect(pair.gateway.receiving.previousKey != nil)
        try exchange(1)
        #expect(pair.gateway.receiving.previousKey == nil)
    }

    @Test("a short form reaches one epoch ahead, the whole number 64; a sender stops at 60")
    func epochReach() throws {
        var pair = try Pair()
        _ = try pair.gateway.open(datagram: try pair.device.seal([1]).bytes)
        pair.device.confirm(0)
        for _ in 0..<59 * 1024 { _ = try pair.device.seal([]) }
        let frame = try pair.device.seal([7])
        #expect(try pair.gateway.open(datagram: frame.bytes) == .fresh(number: 59 * 1024 + 1, plaintext: [7]))
        #expect(pair.gateway.receiving.epoch == 59)
        // Without a confirmation.
        for _ in 0..<1022 { _ = try pair.device.seal([]) }
        #expect(throws: WireSession.SendError.exhausted) { try pair.device.seal([]) }
        pair.device.confirm(59 * 1024 + 1)
        #expect(try pair.device.seal([]).number == 60 * 1024)
    }

    @Test("what is too long for UDP is refused, and costs no number")
    func tooLong() throws {
        var pair = try Pair()
        let longest = 65_507 - 12 - 16
        #expect(throws: WireSession.SendError.tooLong) {
            try pair.device.seal([UInt8](repeating: 0, count: longest + 1))
        }
        let most = [UInt8](repeating: 7, count: longest)
        let frame = try pair.device.seal(most)
        #expect(frame.number == 0)
        #expect(frame.bytes.count <= 65_507)
        #expect(try pair.gateway.open(datagram: frame.bytes) == .fresh(number: 0, plaintext: most))
    }

    @Test("a confirmation counts only for what was sent, and never goes back")
    func confirmations() throws {
        var pair = try Pair()
        pair.device.confirm(0)
        #expect(pair.device.confirmed == nil)
        for _ in 0..<10 { _ = try pair.device.seal([]) }
        pair.device.confirm(10)
        #expect(pair.device.confirmed == nil)
        pair.device.confirm(7)
        pair.device.confirm(3)
        #expect(pair.device.confirmed == 7)
    }

    // MARK: Storing

    @Test("a stored session goes on: window, keys of both epochs, confirmations, at any moment of its life")
    func storedAndRestored() throws {
        var pair = try Pair(number: 70_000)
        var random = SplitMix64(seed: 14)
        var opened: [[UInt8]] = []
        for round in 0..<2_300 {
            let frame = try pair.device.seal([UInt8(round & 0xFF)])
            if random.chance(60) {
                _ = try pair.gateway.open(datagram: frame.bytes)
                opened.append(frame.bytes)
                if random.chance(50) { pair.device.confirm(frame.number) }
            }
            guard round % 23 == 0 else { continue }
            let stored = pair.gateway.encoded()
            var restored = try #require(WireSession(decoding: stored))
            #expect(restored.encoded() == stored)
            #expect(restored.received == pair.gateway.received)
            #expect(restored.confirmed == pair.gateway.confirmed)
            #expect(restored.id == pair.gateway.id)
            #expect(restored.role == .gateway)
            #expect(restored.device.rawValue == 70_000)
            if let last = opened.last, let first = try? pair.gateway.open(datagram: last) {
                #expect(try restored.open(datagram: last) == first)
            }
            pair.gateway = restored
            // The device comes back too: with a number that it has not used.
            let next = pair.device.nextNumber
            pair.device = try #require(WireSession(decoding: pair.device.encoded()))
            #expect(pair.device.nextNumber >= next)
        }
    }

    @Test("no number is used twice, whichever stored state a session comes back from")
    func leases() throws {
        for seed in 0..<60 {
            var random = SplitMix64(seed: UInt64(seed))
            var session = try Pair().device
            var stored = session.encoded()
            var used: Set<UInt64> = []
            var storedLease = session.leaseEnd
            var twice = 0
            for _ in 0..<300 {
                let frame = try session.seal([])
                // The owner stores the session before a frame leaves wherever the lease has moved; else only sometimes.
                if session.leaseEnd != storedLease || random.chance(10) {
                    stored = session.encoded()
                    storedLease = session.leaseEnd
                }
                // A crash before the frame leaves: it was never on the air, and its number may be lost.
                if random.chance(90), !used.insert(frame.number).inserted { twice += 1 }
                if random.chance(10) { session = try #require(WireSession(decoding: stored)) }
                session.confirm(session.nextNumber - 1)
            }
            #expect(twice == 0, "seed \(seed)")
            #expect(used.count > 200)
        }
    }

    @Test("a lease covers 16 numbers: that often the state has to be written")
    func leaseSize() throws {
        var session = try Pair().device
        #expect(session.leaseEnd == 0)
        var leases: [UInt64] = []
        for _ in 0..<40 {
            _ = try session.seal([])
            if leases.last != session.leaseEnd { leases.append(session.leaseEnd) }
            #expect(session.nextNumber <= session.leaseEnd)
        }
        #expect(leases == [16, 32, 48])
    }

    @Test("a stored session that was cut, lengthened or spoilt in a field is refused")
    func spoiltState() throws {
        var pair = try Pair()
        for _ in 0..<1_030 { _ = try pair.gateway.open(datagram: try pair.device.seal([]).bytes) }
        let stored = pair.gateway.encoded()
        #expect(WireSession(decoding: stored) != nil)
        for length in 0..<stored.count { #expect(WireSession(decoding: Array(stored.prefix(length))) == nil) }
        #expect(WireSession(decoding: stored + [0]) == nil)
        // Version, role, length of the id, the device number's top bytes.
        for (index, value) in [
            (0, UInt8(0)), (0, 2), (0, 4), (1, 2), (2, 31), (2, 33), (2, 255), (35, 1), (39, 1), (40, 0x21),
        ] {
            var spoilt = stored
            spoilt[index] = value
            #expect(WireSession(decoding: spoilt) == nil, "byte \(index)")
        }
        // The flag that tells whether a key of the epoch before follows is 0 or 1.
        let flag = 3 + 32 + 8 * 7 + 2 * (8 + 32)
        #expect(stored[flag] == 1)
        var spoilt = stored
        spoilt[flag] = 2
        #expect(WireSession(decoding: spoilt) == nil)
    }
}
