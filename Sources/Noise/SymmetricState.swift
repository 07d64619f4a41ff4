/// The chaining key and the handshake hash (section 5.2).
struct SymmetricState<Suite: NoiseSuite>: Sendable {
    private(set) var chainingKey: [UInt8]
    private(set) var handshakeHash: [UInt8]
    private var cipher: CipherState<Suite>?

    init(protocolName: [UInt8]) {
        if protocolName.count <= Suite.hashLength {
            handshakeHash = protocolName + [UInt8](repeating: 0, count: Suite.hashLength - protocolName.count)
        } else {
            handshakeHash = Suite.hash(protocolName)
        }
        chainingKey = handshakeHash
    }

    var hasKey: Bool { cipher != nil }

    mutating func mixHash(_ data: [UInt8]) {
        handshakeHash = Suite.hash(handshakeHash + data)
    }

    mutating func mixKey(_ input: [UInt8]) {
        let (chain, key, _) = derive(input, outputs: 2)
        chainingKey = chain
        cipher = CipherState(keyBytes: Array(key[0..<32]))
    }

    mutating func mixKeyAndHash(_ input: [UInt8]) {
        let (chain, hash, key) = derive(input, outputs: 3)
        chainingKey = chain
        mixHash(hash)
        cipher = CipherState(keyBytes: Array(key[0..<32]))
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
        let (first, second, _) = derive([], outputs: 2)
        return (CipherState(keyBytes: Array(first[0..<32])), CipherState(keyBytes: Array(second[0..<32])))
    }

    /// HKDF (section 4.3); the third output is empty where two are asked for.
    private func derive(_ input: [UInt8], outputs: Int) -> ([UInt8], [UInt8], [UInt8]) {
        let temporary = Suite.hmac(key: chainingKey, input)
        let first = Suite.hmac(key: temporary, [1])
        let second = Suite.hmac(key: temporary, first + [2])
        guard outputs == 3 else { return (first, second, []) }
        return (first, second, Suite.hmac(key: temporary, second + [3]))
    }
}
