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
                let device = role == .device ? sender.device : nil
                let header = 1 + (device == nil ? 0 : 1)
                let whole =
                    FrameHeader.write(number: old, form: .long, device: device) + bytes.dropFirst(header)
                if try receiver.open(datagram: whole) != .duplicate(number: old, plaintext: [UInt8(old)]) {
                    wrong.append("\(old) at \(number)")
                }
            }
        }
        #expect(wrong == [])
    }

    @Test("the newest 16 accepted frames are compared, with whatever number a run of the receiver begins")
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
                others.append(try copy.seal([2]).bytes)
                copy.confirm(number)
                for other in others.suffix(16) {
                    #expect(throws: WireSession.Refusal.copied, "from \(begin) at \(number)") {
                        try receiver.open(datagram: other)
                    }
                }
            }
        }
    }

    @Test("what was accepted before a restart cannot be compared any more: it is a repetition, and has no effect")
    func beforeRestart() throws {
        var (receiver, original) = try copied(.device)
        var copy = original
        _ = try receiver.open(datagram: try original.seal([1]).bytes)
        receiver = try #require(WireSession(decoding: receiver.encoded()))
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
