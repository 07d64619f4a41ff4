import Noise
import NoiseSodium
import Testing

/// Public keys that a holder of all the secrets sends on purpose. His tags are right: what is refused here is the key.
@Suite("An insider's public key")
struct InsiderTests {
    typealias State = HandshakeState<WireSuite>
    typealias Liar = HandshakeState<LyingSuite>

    /// What an honest responder makes of a liar's messages: whether it ever refuses, at the latest where it answers.
    private func responderRefuses(_ parties: Parties, liarEphemeral: [UInt8]) throws -> Bool {
        var liar: Liar = try parties.initiator()
        var honest: State = try parties.responder()
        do {
            for step in 0..<parties.pattern.messages.count {
                if step % 2 == 0 {
                    _ = try honest.readMessage(try liar.writeMessage(payload: [1], ephemeralPrivateKey: liarEphemeral))
                } else {
                    let answer = try honest.writeMessage(payload: [2], ephemeralPrivateKey: Parties.ephemeral(step))
                    _ = try liar.readMessage(answer)
                }
            }
        } catch {
            #expect(error == NoiseError.invalidMessage)
            return true
        }
        #expect(try liar.split().handshakeHash == honest.split().handshakeHash)
        return false
    }

    @Test("an ephemeral key of low order never leads to a session", arguments: Parties.patterns)
    func lowOrderEphemeral(name: String) throws {
        for index in LyingSuite.lowOrderKeys.indices {
            let key = LyingSuite.lowOrder(index)
            #expect(try responderRefuses(Parties(name), liarEphemeral: key), "\(LyingSuite.lowOrderKeys[index])")

            // And the other way round: the responder's in message 2.
            let parties = try Parties(name)
            var honest: State = try parties.initiator()
            var liar: Liar = try parties.responder()
            var true2: State = try parties.responder()
            let first = try honest.writeMessage(payload: [], ephemeralPrivateKey: Parties.ephemeral(0))
            _ = try liar.readMessage(first)
            _ = try true2.readMessage(first)
            let answer = try liar.writeMessage(payload: [], ephemeralPrivateKey: key)
            #expect(throws: NoiseError.invalidMessage) { try honest.readMessage(answer) }
            let trueAnswer = try true2.writeMessage(payload: [5], ephemeralPrivateKey: Parties.ephemeral(1))
            #expect(try honest.readMessage(trueAnswer) == [5])
        }
    }

    @Test("a static key of low order never leads to a session", arguments: Parties.patterns.filter { $0 != "NNpsk0" })
    func lowOrderStatic(name: String) throws {
        for (index, key) in LyingSuite.lowOrderKeys.enumerated() {
            var parties = try Parties(name)
            parties.staticKeys[0] = LyingSuite.lowOrder(index)
            // Also where it was registered beforehand.
            parties.knownInitiator = key
            #expect(try responderRefuses(parties, liarEphemeral: Parties.ephemeral(0)), "\(key)")
        }
    }

    @Test("an ephemeral key that is not canonical is the same point: the handshake ends", arguments: Parties.patterns)
    func topBit(name: String) throws {
        #expect(try !responderRefuses(Parties(name), liarEphemeral: LyingSuite.topBitSet(4)))
    }

    @Test("what the liar's suite claims is what libsodium finds")
    func lowOrderKeys() {
        #expect(LyingSuite.lowOrderKeys.count == 14)
        #expect(Set(LyingSuite.lowOrderKeys).count == 14)
        for key in LyingSuite.lowOrderKeys { #expect(!Sodium.isUsablePublicKey(key)) }
        #expect(Sodium.isUsablePublicKey(LyingSuite.publicKey(of: LyingSuite.topBitSet(4))))
        #expect(LyingSuite.publicKey(of: LyingSuite.topBitSet(4))[31] & 0x80 != 0)
    }
}
