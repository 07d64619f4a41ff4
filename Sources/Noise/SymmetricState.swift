/// The chaining key and the handshake hash (section 5.2).
struct SymmetricState<Suite: NoiseSuite>: Sendable {
    private var chainingKey: Secret<Suite>
    private(set) var handshakeHash: [UInt8]
    private var cipher: CipherState<Suite>?

    init(protocolName: [UInt8]) {
        if protocolName.count <= Suite.hashLength {
            handshakeHash = protocolName + [UInt8](repeating: 0, count: Suite.hashLength - protocolName.count)
        } else {
            handshakeHash = Suite.hash(protocolName)
        }
        chainingKey = Secret(handshakeHash)
    }

    var hasKey: Bool { cipher != nil }

    mutating func mixHash(_ data: [UInt8]) {
        handshakeHash = Suite.hash(handshakeHash + data)
    }

    mutating func mixKey(_ input: [UInt8]) {
        var outputs = Suite.hkdf(chainingKey: chainingKey.bytes, input: input, outputs: 2)
        chainingKey = Secret(Self.output(0, of: outputs, length: Suite.hashLength))
        cipher = CipherState(key: CipherKey(Self.output(1, of: outputs, length: 32)))
        Suite.wipe(&outputs)
    }

    mutating func mixKeyAndHash(_ input: [UInt8]) {
        var outputs = Suite.hkdf(chainingKey: chainingKey.bytes, input: input, outputs: 3)
        chainingKey = Secret(Self.output(0, of: outputs, length: Suite.hashLength))
        mixHash(Self.output(1, of: outputs, length: Suite.hashLength))
        cipher = CipherState(key: CipherKey(Self.output(2, of: outputs, length: 32)))
        Suite.wipe(&outputs)
    }

    mutating func encryptAndHash(_ plaintext: [UInt8]) throws(NoiseError) -> [UInt8] {
        let ciphertext = try cipher?.encrypt(plaintext, associatedData: handshakeHash) ?? plaintext
        mixHash(ciphertext)
        return ciphertext
    }

    mutating func decryptAndHash(_ ciphertext: ArraySlice<UInt8>) throws(NoiseError) -> [UInt8] {
        let plaintext = try cipher?.decrypt(ciphertext, associatedData: handshakeHash) ?? Array(ciphertext)
        mixHash(Array(ciphertext))
        return plaintext
    }

    func split() -> (CipherState<Suite>, CipherState<Suite>) {
        var outputs = Suite.hkdf(chainingKey: chainingKey.bytes, input: [], outputs: 2)
        defer { Suite.wipe(&outputs) }
        return (
            CipherState(key: CipherKey(Self.output(0, of: outputs, length: 32))),
            CipherState(key: CipherKey(Self.output(1, of: outputs, length: 32)))
        )
    }

    /// An output of HKDF, or as much of its start as a key needs (section 5.2).
    private static func output(_ index: Int, of outputs: [UInt8], length: Int) -> [UInt8] {
        let start = index * Suite.hashLength
        return Array(outputs[start..<start + length])
    }
}
