import Noise
import NoiseSodium
import TestSupport
import Testing

/// Live, over UDP, against an implementation that shares no code with ours (noiseprotocol, with OpenSSL's primitives).
@Suite(
    "A handshake with another implementation",
    .enabled(if: NoisePeer.isInstalled, "no live peer: .build/venv is absent (Scripts/setup makes it)"))
struct PeerTests {
    typealias State = HandshakeState<WireSuite>

    static let nonces: [UInt64] = [3, 0, 70_000, 1, 1 << 33, 2]

    let device = Sodium.randomBytes(32)
    let gateway = Sodium.randomBytes(32)
    let psk = Sodium.randomBytes(32)
    let prologue: [UInt8] = [0x53, 0x6F, 0x74, 0x74, 0x6F]

    @Test(
        "payloads, handshake hash, frames out of order and a REKEY agree, whichever side begins",
        arguments: ["KK", "IK", "XX", "NNpsk0", "KKpsk0", "XXpsk0"], [State.Role.initiator, .responder])
    func agrees(name: String, role: State.Role) throws {
        let pattern = try HandshakePattern(name: Array(name.utf8))
        let weBegin = role == .initiator
        let (ours, theirs) = weBegin ? (device, gateway) : (gateway, device)
        let hasStatic = !name.hasPrefix("NN")
        let weKnowThem = weBegin ? pattern.responderIsKnown : pattern.initiatorIsKnown
        let theyKnowUs = weBegin ? pattern.initiatorIsKnown : pattern.responderIsKnown
        let psks = name.contains("psk") ? [psk] : []
        var state = try State(
            pattern: pattern, role: role, prologue: prologue, staticPrivateKey: hasStatic ? ours : [],
            remoteStaticPublicKey: weKnowThem ? WireSuite.publicKey(of: theirs) : [], presharedKeys: psks)
        let peerPayloads: [[UInt8]] = [[1, 2, 3], [], [UInt8](repeating: 9, count: 300)]
        let peer = try NoisePeer(
            NoisePeer.Task(
                name: "Noise_\(name)_25519_ChaChaPoly_SHA256", role: weBegin ? "responder" : "initiator",
                prologue: hex(prologue), psks: psks.map { hex($0) }, static: hasStatic ? hex(theirs) : "",
                remoteStatic: theyKnowUs ? hex(WireSuite.publicKey(of: ours)) : "",
                payloads: peerPayloads.map { hex($0) }, port: 0))

        var sent: [[UInt8]] = []
        var received: [[UInt8]] = []
        var isOurTurn = weBegin
        while !state.isOver {
            if isOurTurn {
                let payload = Sodium.randomBytes(sent.isEmpty ? 40 : 0)
                try peer.send(state.writeMessage(payload: payload, ephemeralPrivateKey: Sodium.randomBytes(32)))
                sent.append(payload)
            } else {
                received.append(try state.readMessage(try peer.receive()))
            }
            isOurTurn.toggle()
        }
        #expect(received == Array(peerPayloads.prefix(received.count)))
        #expect(sent.count + received.count == pattern.messages.count)

        var keys = try state.split()
        var frames = try exchange(&keys, weBegin, peer, label: "ours")
        keys.initiatorToResponder.key = keys.initiatorToResponder.key.rekeyed()
        keys.responderToInitiator.key = keys.responderToInitiator.key.rekeyed()
        frames += try exchange(&keys, weBegin, peer, label: "ours, rekeyed")
        #expect(frames == expectedFrames("peer") + expectedFrames("peer, rekeyed"))

        let report = try peer.report()
        #expect(report.hash == hex(keys.handshakeHash))
        #expect(report.payloads == sent.map { hex($0) })
        #expect(report.frames == Self.nonces.map { "ours \($0)" } + Self.nonces.map { "ours, rekeyed \($0)" })
    }

    /// What noise_peer.py sends, in its order.
    private func expectedFrames(_ label: String) -> [String] {
        let nonces: [UInt64] = [7, 3, 0, 1000, 1 << 40 + 1, 8]
        return nonces.map { "\(label) \($0)" }
    }

    private func exchange(
        _ keys: inout State.Keys, _ weBegin: Bool, _ peer: NoisePeer, label: String
    ) throws -> [String] {
        let sending = (weBegin ? keys.initiatorToResponder : keys.responderToInitiator).key
        let receiving = (weBegin ? keys.responderToInitiator : keys.initiatorToResponder).key
        for nonce in Self.nonces {
            let number = (0..<8).map { UInt8(truncatingIfNeeded: nonce >> (56 - 8 * UInt64($0))) }
            try peer.send(number + sending.seal(Array("\(label) \(nonce)".utf8), number: nonce))
        }
        return try Self.nonces.map { _ in
            let datagram = try peer.receive()
            let nonce = datagram.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            let plaintext = try #require(receiving.open(datagram.dropFirst(8), number: nonce))
            return String(decoding: plaintext, as: UTF8.self)
        }
    }
}
