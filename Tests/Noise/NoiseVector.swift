import Foundation
import Noise
import NoiseSodium

/// One handshake of a vector file, in either of the two shapes that are about (noise-c writes `name` where cacophony
/// writes `protocol_name`).
struct NoiseVector: Decodable {
    struct Message: Decodable {
        var payload: String
        var ciphertext: String
    }

    struct Mismatch: Error, CustomStringConvertible {
        var description: String

        init(_ description: String) {
            self.description = description
        }
    }

    var protocol_name: String?
    var name: String?
    var init_prologue: String?
    var init_static: String?
    var init_ephemeral: String?
    var init_remote_static: String?
    var init_psks: [String]?
    var resp_prologue: String?
    var resp_static: String?
    var resp_ephemeral: String?
    var resp_remote_static: String?
    var resp_psks: [String]?
    var handshake_hash: String?
    var messages: [Message]

    var fullName: String { protocol_name ?? name ?? "" }

    /// Runs both roles; throws where a byte differs.
    func check<S: NoiseSuite>(pattern patternName: String, _ suite: S.Type) throws {
        let pattern = try HandshakePattern(name: Array(patternName.utf8))
        var initiator = try HandshakeState<S>(
            pattern: pattern, role: .initiator, prologue: hex(init_prologue), staticPrivateKey: hex(init_static),
            remoteStaticPublicKey: hex(init_remote_static), presharedKeys: (init_psks ?? []).map(hex))
        var responder = try HandshakeState<S>(
            pattern: pattern, role: .responder, prologue: hex(resp_prologue), staticPrivateKey: hex(resp_static),
            remoteStaticPublicKey: hex(resp_remote_static), presharedKeys: (resp_psks ?? []).map(hex))
        let isOneWay = pattern.messages.count == 1
        var keys: (sender: HandshakeState<S>.Keys, receiver: HandshakeState<S>.Keys)?
        for (index, message) in messages.enumerated() {
            let fromInitiator = isOneWay || index % 2 == 0
            let payload = hex(message.payload)
            let written: [UInt8]
            let read: [UInt8]
            if var transport = keys {
                let path: WritableKeyPath<HandshakeState<S>.Keys, CipherState<S>> =
                    fromInitiator ? \.initiatorToResponder : \.responderToInitiator
                written = try transport.sender[keyPath: path].encrypt(payload)
                read = try transport.receiver[keyPath: path].decrypt(written[...])
                keys = transport
            } else if fromInitiator {
                written = try initiator.writeMessage(payload: payload, ephemeralPrivateKey: hex(init_ephemeral))
                read = try responder.readMessage(written)
            } else {
                written = try responder.writeMessage(payload: payload, ephemeralPrivateKey: hex(resp_ephemeral))
                read = try initiator.readMessage(written)
            }
            guard written == hex(message.ciphertext) else { throw Mismatch("message \(index) is written otherwise") }
            guard read == payload else { throw Mismatch("message \(index) is read otherwise") }
            guard keys == nil, initiator.isOver else { continue }
            let ends = (try initiator.split(), try responder.split())
            guard ends.0.handshakeHash == ends.1.handshakeHash else { throw Mismatch("the ends' hashes differ") }
            if let hash = handshake_hash, ends.0.handshakeHash != hex(hash) { throw Mismatch("another hash") }
            keys = ends
        }
        guard keys != nil else { throw Mismatch("the handshake does not end") }
    }
}

/// What became of the vectors of some files.
struct VectorTally {
    private struct File: Decodable {
        var vectors: [NoiseVector]
    }

    private(set) var passed = 0
    /// Why, and how many: never counted as passed.
    private(set) var skipped: [String: Int] = [:]
    private(set) var failed: [String] = []

    mutating func run(_ file: URL) throws {
        for vector in try JSONDecoder().decode(File.self, from: Data(contentsOf: file)).vectors { run(vector) }
    }

    private mutating func run(_ vector: NoiseVector) {
        // Noise, pattern, DH, cipher, hash.
        let parts = vector.fullName.split(separator: "_").map(String.init)
        guard parts.count == 5, parts[0] == "Noise", parts[2] == "25519", parts[3] == "ChaChaPoly" else {
            skipped["another suite", default: 0] += 1
            return
        }
        guard !parts[1].contains("fallback"), !parts[1].contains("hfs") else {
            skipped["fallback and hybrid patterns", default: 0] += 1
            return
        }
        do {
            switch parts[4] {
            case "SHA256": try vector.check(pattern: parts[1], SodiumSuite<SHA256>.self)
            case "SHA512": try vector.check(pattern: parts[1], SodiumSuite<SHA512>.self)
            case "BLAKE2b": try vector.check(pattern: parts[1], SodiumSuite<BLAKE2b>.self)
            default:
                skipped["hash \(parts[4])", default: 0] += 1
                return
            }
            passed += 1
        } catch {
            failed.append("\(vector.fullName): \(error)")
        }
    }
}

func hex(_ text: String?) -> [UInt8] {
    let digits = Array((text ?? "").utf8)
    return stride(from: 0, to: digits.count - digits.count % 2, by: 2).map { index in
        UInt8(String(decoding: digits[index..<index + 2], as: UTF8.self), radix: 16) ?? 0
    }
}
