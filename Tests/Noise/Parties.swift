import Noise
import NoiseSodium
import TestSupport

/// The two ends of a handshake of one pattern, each with the keys that the pattern gives it. Deterministic.
struct Parties {
    typealias State = HandshakeState<WireSuite>

    static let patterns = ["KK", "IK", "XX", "NNpsk0", "KKpsk0", "XXpsk0"]

    let pattern: HandshakePattern
    let name: String
    /// The initiator's and the responder's.
    var staticKeys = [[UInt8](repeating: 1, count: 32), [UInt8](repeating: 2, count: 32)]
    var psks = [[UInt8](repeating: 3, count: 32), [UInt8](repeating: 3, count: 32)]
    var prologues: [[UInt8]] = [[1, 2], [1, 2]]
    /// What the responder and the initiator take for the other's static key, where they know one beforehand.
    var knownInitiator: [UInt8]?
    var knownResponder: [UInt8]?

    init(_ name: String) throws {
        self.name = name
        pattern = try HandshakePattern(name: Array(name.utf8))
    }

    /// Message 1 of XX carries no tag: nothing in it can be found out before message 2.
    var firstAuthenticated: Int { name == "XX" ? 1 : 0 }

    func initiator<S: NoiseSuite>() throws -> HandshakeState<S> {
        try HandshakeState(
            pattern: pattern, role: .initiator, prologue: prologues[0], staticPrivateKey: privateKey(0),
            remoteStaticPublicKey: pattern.responderIsKnown
                ? knownResponder ?? WireSuite.publicKey(of: staticKeys[1]) : [],
            presharedKeys: name.contains("psk") ? [psks[0]] : [])
    }

    func responder<S: NoiseSuite>() throws -> HandshakeState<S> {
        try HandshakeState(
            pattern: pattern, role: .responder, prologue: prologues[1], staticPrivateKey: privateKey(1),
            remoteStaticPublicKey: pattern.initiatorIsKnown
                ? knownInitiator ?? WireSuite.publicKey(of: staticKeys[0]) : [],
            presharedKeys: name.contains("psk") ? [psks[1]] : [])
    }

    private func privateKey(_ side: Int) -> [UInt8] { name.hasPrefix("NN") ? [] : staticKeys[side] }

    static func ephemeral(_ step: Int) -> [UInt8] { [UInt8](repeating: UInt8(100 + step), count: 32) }

    static func payload(_ step: Int) -> [UInt8] { [UInt8](repeating: UInt8(step), count: 5) }

    /// Lets both ends shake hands. `intrude` sees each true message, and the reader before it gets it.
    func shakeHands(_ intrude: (_ step: Int, _ message: [UInt8], _ reader: inout State) throws -> Void) throws
        -> (initiator: State, responder: State)
    {
        var ends: [State] = [try initiator(), try responder()]
        for step in 0..<pattern.messages.count {
            let message = try ends[step % 2].writeMessage(
                payload: Self.payload(step), ephemeralPrivateKey: Self.ephemeral(step))
            try intrude(step, message, &ends[1 - step % 2])
            guard try ends[1 - step % 2].readMessage(message) == Self.payload(step) else {
                throw NoiseError.invalidMessage
            }
        }
        return (ends[0], ends[1])
    }
}
