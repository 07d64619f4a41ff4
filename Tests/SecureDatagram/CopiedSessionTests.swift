import NoiseSodium
import TestSupport
import Testing

@testable import SecureDatagram

@Suite("Two senders with the keys of one session")
struct CopiedSessionTests {
    /// A session, and the copy of one end of it; each frame of the copy's is another than the original's.
    private func copied(_ role: WireSession.Role) throws -> (receiver: WireSession, sender: WireSession) {
        let pair = try Pair()
        return role == .device ? (pair.gateway, pair.device) : (pair.device, pair.gateway)
    }

    /// A frame in short form, in the form that has the whole number.
    private func whole(_ number: UInt64, _ bytes: [UInt8], by sender: WireSession) -> [UInt8] {
        let device = sender.role == .device ? sender.device : nil
        let header = 1 + (device?.encodedCount ?? 0)
        return FrameHeader.write(number: number, form: .long, device: device) + bytes.dropFirst(header)
    }

    @Test(
        "another frame under a number that was accepted stops the session",
        arguments: [
            WireSession.Role.device, .gateway,
        ])
    func noticed(sender role: WireSession.Role) throws {
        var (receiver, original) = try copied(role)
        var copy = original
        for number in UInt64(0)..<40 {
            let frame = try original.seal([1])
            _ = try receiver.open(datagram: frame.bytes)
            original.confirm(number)
            let other = try copy.seal([2])
            copy.confirm(number)
            #expect(frame.number == other.number)
            #expect(throws: WireSession.Refusal.copied, "\(number)") { try receiver.open(datagram: other.bytes) }
        }
    }

    @Test(
        "the frame that was accepted itself never does, however late, in whatever form, also after a restart",
        arguments: [
            WireSession.Role.device, .gateway,
        ])
    func replays(sender role: WireSession.Role) throws {
        var (receiver, sender) = try copied(role)
        var sent: [(number: UInt64, bytes: [UInt8])] = []
        var wrong: [String] = []
        for number in UInt64(0)..<120 {
            let frame = try sender.seal([UInt8(number)])
            sent.append((frame.number, frame.bytes))
            _ = try receiver.open(datagram: frame.bytes)
            sender.confirm(number)
            if number % 30 == 29 { receiver = try #require(WireSession(decoding: receiver.encoded())) }
            for (old, bytes) in sent {
                // Its short form would name another number by now.
                if try receiver.open(datagram: whole(old, bytes, by: sender))
                    != .duplicate(number: old, plaintext: [UInt8(old)])
                {
                    wrong.append("\(old) at \(number)")
                }
            }
        }
        #expect(wrong == [])
    }

    @Test("the frames under the newest 32 numbers are compared, from before a restart of the receiver too")
    func newest() throws {
        for begin in UInt64(0)..<33 {
            var (receiver, original) = try copied(.device)
            for number in 0..<begin {
                _ = try receiver.open(datagram: try original.seal([1]).bytes)
                original.confirm(number)
            }
            receiver = try #require(WireSession(decoding: receiver.encoded()))
            var copy = original
            var others: [[UInt8]] = []
            for number in begin..<begin + 50 {
                _ = try receiver.open(datagram: try original.seal([1]).bytes)
                original.confirm(number)
                others.append(whole(number, try copy.seal([2]).bytes, by: copy))
                copy.confirm(number)
                for other in others.suffix(32) {
                    #expect(throws: WireSession.Refusal.copied, "from \(begin) at \(number)") {
                        try receiver.open(datagram: other)
                    }
                }
            }
        }
    }

    @Test(
        "a copy that goes on at the end of its lease, with the original at its side, is noticed by the original's frames"
    )
    func aheadByALease() throws {
        var (receiver, original) = try copied(.device)
        _ = try receiver.open(datagram: try original.seal([1]).bytes)
        original.confirm(0)
        var copy = try #require(WireSession(decoding: original.encoded()))
        #expect(copy.nextNumber == original.nextNumber + 15)
        var noticed: UInt64?
        for _ in 0..<16 where noticed == nil {
            _ = try receiver.open(datagram: try copy.seal([2]).bytes)
            let frame = try original.seal([1])
            do { _ = try receiver.open(datagram: frame.bytes) } catch WireSession.Refusal.copied {
                noticed = frame.number
            }
            receiver = try #require(WireSession(decoding: receiver.encoded()))
        }
        #expect(noticed == 16)
    }

    @Test("a frame that overtook others, or came after a gap, is compared with the right one")
    func gaps() throws {
        for gap in [1, 5, 31, 32, 33, 64, 100] {
            var (receiver, original) = try copied(.device)
            var frames: [[UInt8]] = []
            for number in UInt64(0)..<140 {
                frames.append(whole(number, try original.seal([1]).bytes, by: original))
                original.confirm(number)
            }
            for index in [0, gap, gap + 3, gap + 1] {
                #expect(try receiver.open(datagram: frames[index]) == .fresh(number: UInt64(index), plaintext: [1]))
            }
            // Skipped so far: nothing of the number 32 lower is taken for theirs.
            #expect(try receiver.open(datagram: frames[gap + 2]) == .fresh(number: UInt64(gap + 2), plaintext: [1]))
            for index in [gap, gap + 1, gap + 2, gap + 3] {
                #expect(try receiver.open(datagram: frames[index]) == .duplicate(number: UInt64(index), plaintext: [1]))
            }
        }
    }

    @Test("a session that was stored without the ends of its frames takes them for repetitions")
    func storedBefore() throws {
        var (receiver, original) = try copied(.device)
        var copy = original
        _ = try receiver.open(datagram: try original.seal([1]).bytes)
        receiver = try #require(WireSession(decoding: [2] + receiver.encoded().dropFirst().dropLast(64)))
        #expect(try receiver.open(datagram: try copy.seal([2]).bytes) == .duplicate(number: 0, plaintext: [2]))
        _ = try receiver.open(datagram: try original.seal([1]).bytes)
        let other = try copy.seal([2]).bytes
        #expect(throws: WireSession.Refusal.copied) { try receiver.open(datagram: other) }
    }

    @Test("a stranger's frame under such a number is forged, and stops nothing")
    func strangers() throws {
        var (receiver, original) = try copied(.device)
        let frame = try original.seal([1]).bytes
        _ = try receiver.open(datagram: frame)
        for bit in 16..<frame.count * 8 {
            var forged = frame
            forged[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(throws: WireSession.Refusal.forged) { try receiver.open(datagram: forged) }
        }
        #expect(try receiver.open(datagram: frame) == .duplicate(number: 0, plaintext: [1]))
    }

    @Test("the gateway's channel lets go of that session alone, and says so once")
    func channel() throws {
        let device = try #require(DeviceNumber(5))
        var gateway = try Gatehouse()
        var first = try gateway.shakeHands(device, counter: 1)
        _ = gateway.receive(try first.seal([1]).bytes)
        var second = try gateway.shakeHands(device, counter: 2)
        var copy = second
        _ = gateway.receive(try second.seal([1]).bytes)
        let other = try copy.seal([2]).bytes
        #expect(gateway.receive(other) == .dropped(.copied))
        #expect(gateway.channels[device]?[.current] == nil)
        #expect(gateway.channels[device]?[.previous]?.id == first.id)
        #expect(gateway.receive(other) == .dropped(.forged))
        #expect(gateway.receive(try first.seal([3]).bytes) == .frame(.init(source: first.id, number: 1), [3]))
    }
}
