import Noise
import NoiseSodium
import Synchronization
import Testing

@Suite("Keys in memory", .serialized)
struct MemoryTests {
    /// A handshake with hostile messages in it, then frames before and after a REKEY. Everything is let go of at the end.
    private func converse(_ parties: Parties) throws {
        var ends: [HandshakeState<WitnessSuite>] = [try parties.initiator(), try parties.responder()]
        for step in 0..<parties.pattern.messages.count {
            let message = try ends[step % 2].writeMessage(
                payload: Parties.payload(step), ephemeralPrivateKey: Parties.ephemeral(step))
            if step >= parties.firstAuthenticated {
                #expect(throws: NoiseError.invalidMessage) {
                    try ends[1 - step % 2].readMessage(message.dropLast() + [message[message.count - 1] ^ 1])
                }
            }
            _ = try ends[1 - step % 2].readMessage(message)
        }
        let (first, second) = (try ends[0].split(), try ends[1].split())
        let sealed = first.initiatorToResponder.key.seal([1], number: 3)
        #expect(second.initiatorToResponder.key.open(sealed[...], number: 3) == [1])
        let rekeyed = second.responderToInitiator.key.rekeyed().seal([2], number: 4)
        #expect(first.responderToInitiator.key.rekeyed().open(rekeyed[...], number: 4) == [2])
    }

    @Test("whatever a handshake derives is overwritten, in its place, once it is over", arguments: Parties.patterns)
    func wiped(name: String) throws {
        WitnessSuite.notes.withLock { $0 = WitnessSuite.Notes() }
        let parties = try Parties(name)
        try converse(parties)
        let notes = WitnessSuite.notes.withLock { $0 }
        // The callers' own, and the first chaining key, which is the protocol's name or its hash.
        let protocolName = Array("Noise_\(name)_25519_ChaChaPoly_SHA256".utf8)
        let others = parties.staticKeys + parties.psks + [protocolName, WireSuite.hash(protocolName)]
        let secrets = notes.secrets.filter { !others.contains($0.bytes) }
        #expect(secrets.count > 20)
        let left = secrets.subtracting(notes.wiped)
        #expect(left.isEmpty, "\(left.count) of \(secrets.count) are left in memory")
    }

    @Test("a key that another state still holds is not overwritten under it")
    func shared() throws {
        let copy: CipherKey<WireSuite>
        do {
            let key = CipherKey<WireSuite>([UInt8](repeating: 4, count: 32))
            copy = key
            _ = key.rekeyed()
        }
        #expect(copy.bytes == [UInt8](repeating: 4, count: 32))
        let taken = CipherKey<WireSuite>([UInt8](repeating: 5, count: 32)).bytes
        #expect(taken == [UInt8](repeating: 5, count: 32))
    }

    @Test("a wipe leaves zeros, whichever suite does it")
    func zeros() {
        var bytes = Sodium.randomBytes(100)
        WireSuite.wipe(&bytes)
        #expect(bytes == [UInt8](repeating: 0, count: 100))
        var others = Sodium.randomBytes(100)
        LyingSuite.wipe(&others)
        #expect(others == [UInt8](repeating: 0, count: 100))
        var none: [UInt8] = []
        WireSuite.wipe(&none)
        #expect(none == [])
    }
}
