import Noise
import NoiseSodium
import TestSupport
import Testing

/// Every handshake of the protocol, fed with what must not be taken. After each hostile message the very same state has to
/// take the true one: a refused message leaves nothing behind.
@Suite("A hostile message of a handshake", .serialized)
struct HostileHandshakeTests {
    typealias State = HandshakeState<WireSuite>

    /// Feeds the messages that `hostile` makes of each true one, and ends the handshake all the same.
    private func refuses(
        _ name: String, from first: Int? = nil, _ hostile: (_ step: Int, _ message: [UInt8]) -> [[UInt8]]
    ) throws {
        let parties = try Parties(name)
        let undisturbed = try parties.shakeHands { _, _, _ in }
        var count = 0
        let ends = try parties.shakeHands { step, message, reader in
            guard step >= first ?? parties.firstAuthenticated else { return }
            let knownBefore = reader.remoteStaticPublicKey
            for bytes in hostile(step, message) {
                count += 1
                #expect(throws: NoiseError.invalidMessage, "message \(step + 1): \(hex(bytes))") {
                    try reader.readMessage(bytes)
                }
            }
            #expect(reader.remoteStaticPublicKey == knownBefore)
        }
        #expect(count > 0)
        for end in [ends.initiator, ends.responder] {
            #expect(try end.split().handshakeHash == undisturbed.initiator.split().handshakeHash)
        }
    }

    @Test("with any bit changed is refused", arguments: Parties.patterns)
    func anyBit(name: String) throws {
        try refuses(name) { _, message in
            (0..<message.count * 8).map { bit in
                var damaged = message
                damaged[bit / 8] ^= 1 << UInt8(bit % 8)
                return damaged
            }
        }
    }

    @Test("cut anywhere, or longer by a byte, is refused", arguments: Parties.patterns)
    func anyLength(name: String) throws {
        try refuses(name) { _, message in
            (0..<message.count).map { Array(message.prefix($0)) } + [message + [0], [0] + message]
        }
        // Without its key even a message without a tag is none.
        try refuses(name, from: 0) { _, message in (0..<32).map { Array(message.prefix($0)) } }
    }

    @Test("made of zeros, ones or chance, of any length up to 200, is refused", arguments: Parties.patterns)
    func noise(name: String) throws {
        var random = SplitMix64(seed: 7)
        try refuses(name) { _, _ in
            (0...200).flatMap { length in
                [
                    [UInt8](repeating: 0, count: length), [UInt8](repeating: 0xFF, count: length),
                    random.bytes(length),
                ]
            }
        }
    }

    @Test("with any key of low order in place of its own is refused", arguments: Parties.patterns)
    func lowOrderPasted(name: String) throws {
        try refuses(name) { _, message in LyingSuite.lowOrderKeys.map { $0 + message.dropFirst(32) } }
    }

    @Test("sent back to its writer, or of another handshake, is refused", arguments: Parties.patterns)
    func reflection(name: String) throws {
        let parties = try Parties(name)
        var initiator: State = try parties.initiator()
        var responder: State = try parties.responder()
        var other: State = try parties.initiator()
        let first = try initiator.writeMessage(payload: [7], ephemeralPrivateKey: Parties.ephemeral(0))
        #expect(throws: NoiseError.invalidMessage) { try initiator.readMessage(first) }
        _ = try other.writeMessage(payload: [7], ephemeralPrivateKey: Parties.ephemeral(9))
        _ = try responder.readMessage(first)
        let second = try responder.writeMessage(payload: [8], ephemeralPrivateKey: Parties.ephemeral(1))
        #expect(throws: NoiseError.invalidMessage) { try other.readMessage(second) }
        #expect(try initiator.readMessage(second) == [8])
    }

    @Test("out of turn, too long, or after the end is refused", arguments: Parties.patterns)
    func outOfTurn(name: String) throws {
        let parties = try Parties(name)
        let ends = try parties.shakeHands { step, message, reader in
            #expect(throws: NoiseError.outOfTurn) {
                try reader.writeMessage(payload: [], ephemeralPrivateKey: Parties.ephemeral(5))
            }
            #expect(throws: NoiseError.outOfTurn) { try reader.split() }
            #expect(throws: NoiseError.messageTooLong) {
                try reader.readMessage(message + [UInt8](repeating: 0, count: 65_536 - message.count))
            }
        }
        for var end in [ends.initiator, ends.responder] {
            #expect(throws: NoiseError.outOfTurn) { try end.readMessage([UInt8](repeating: 0, count: 48)) }
            #expect(throws: NoiseError.outOfTurn) {
                try end.writeMessage(payload: [], ephemeralPrivateKey: Parties.ephemeral(5))
            }
        }
        var initiator: State = try parties.initiator()
        #expect(throws: NoiseError.outOfTurn) { try initiator.readMessage([UInt8](repeating: 0, count: 48)) }
        _ = try initiator.writeMessage(payload: [], ephemeralPrivateKey: Parties.ephemeral(0))
        #expect(throws: NoiseError.outOfTurn) {
            try initiator.writeMessage(payload: [], ephemeralPrivateKey: Parties.ephemeral(0))
        }
    }

    /// Runs until somebody refuses a message: that message's index, or nil.
    private func refusedMessage(_ parties: Parties) throws -> Int? {
        var ends: [State] = [try parties.initiator(), try parties.responder()]
        for step in 0..<parties.pattern.messages.count {
            let message = try ends[step % 2].writeMessage(
                payload: [], ephemeralPrivateKey: Parties.ephemeral(step))
            do {
                _ = try ends[1 - step % 2].readMessage(message)
            } catch NoiseError.invalidMessage {
                return step
            }
        }
        return nil
    }

    @Test("under another prologue, psk or static key is refused at the first tag", arguments: Parties.patterns)
    func mismatches(name: String) throws {
        let parties = try Parties(name)
        #expect(try refusedMessage(parties) == nil)
        for prologue: [UInt8] in [[], [1], [1, 3], [1, 2, 0]] {
            var other = parties
            other.prologues[1] = prologue
            #expect(try refusedMessage(other) == parties.firstAuthenticated)
        }
        if name.contains("psk") {
            var other = parties
            other.psks[1][31] ^= 1
            #expect(try refusedMessage(other) == 0)
        }
        let stranger = WireSuite.publicKey(of: [UInt8](repeating: 77, count: 32))
        if parties.pattern.initiatorIsKnown {
            var other = parties
            other.knownInitiator = stranger
            #expect(try refusedMessage(other) == 0)
        }
        if parties.pattern.responderIsKnown {
            var other = parties
            other.knownResponder = stranger
            #expect(try refusedMessage(other) == 0)
        }
    }

    @Test("a change in a message 1 without a tag shows in message 2, and the true message 2 is taken afterwards")
    func untaggedMessage() throws {
        let parties = try Parties("XX")
        var initiator: State = try parties.initiator()
        let responder: State = try parties.responder()
        let first = try initiator.writeMessage(payload: [7], ephemeralPrivateKey: Parties.ephemeral(0))
        for bit in stride(from: 0, to: first.count * 8, by: 5) {
            var damaged = first
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            var deceived = responder
            _ = try deceived.readMessage(damaged)
            let second = try deceived.writeMessage(payload: [8], ephemeralPrivateKey: Parties.ephemeral(1))
            #expect(throws: NoiseError.invalidMessage) { try initiator.readMessage(second) }
        }
        for key in LyingSuite.lowOrderKeys {
            var deceived = responder
            _ = try deceived.readMessage(key)
            #expect(throws: NoiseError.invalidMessage) {
                try deceived.writeMessage(payload: [], ephemeralPrivateKey: Parties.ephemeral(1))
            }
        }
        var undeceived = responder
        _ = try undeceived.readMessage(first)
        let second = try undeceived.writeMessage(payload: [8], ephemeralPrivateKey: Parties.ephemeral(1))
        #expect(try initiator.readMessage(second) == [8])
    }
}
