/// A key and its nonce (section 5.1), for messages that all arrive, in order: those of a handshake, or of a stream.
public struct CipherState<Suite: NoiseSuite>: Sendable {
    public static var tagLength: Int { 16 }

    /// By itself for datagrams; replaced by `rekeyed()` of it, the nonce goes on.
    public var key: CipherKey<Suite>
    public internal(set) var nonce: UInt64

    public init(key: CipherKey<Suite>, nonce: UInt64 = 0) {
        self.key = key
        self.nonce = nonce
    }

    /// EncryptWithAd.
    public mutating func encrypt(_ plaintext: [UInt8], associatedData: [UInt8] = []) throws(NoiseError) -> [UInt8] {
        guard nonce != CipherKey<Suite>.reservedNonce else { throw .exhausted }
        let ciphertext = key.seal(plaintext, number: nonce, associatedData: associatedData)
        nonce += 1
        return ciphertext
    }

    /// DecryptWithAd; on failure the nonce stays.
    public mutating func decrypt(
        _ ciphertext: ArraySlice<UInt8>, associatedData: [UInt8] = []
    ) throws(NoiseError) -> [UInt8] {
        guard nonce != CipherKey<Suite>.reservedNonce else { throw .exhausted }
        guard let plaintext = key.open(ciphertext, number: nonce, associatedData: associatedData) else {
            throw .invalidMessage
        }
        nonce += 1
        return plaintext
    }
}
