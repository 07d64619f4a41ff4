/// A key and its nonce (section 5.1).
///
/// For datagrams, which get lost and overtake one another, `seal` and `open` take the number of the datagram and leave
/// the state alone (section 11.4); a stream uses `encrypt` and `decrypt`. The key is overwritten in memory when the last
/// copy of the state is gone.
public struct CipherState<Suite: NoiseSuite>: Sendable {
    public static var tagLength: Int { 16 }
    /// 2^64-1 is reserved for REKEY.
    static var reservedNonce: UInt64 { .max }

    private let key: Secret<Suite>
    public internal(set) var nonce: UInt64

    public init(keyBytes: [UInt8], nonce: UInt64 = 0) {
        key = Secret(keyBytes)
        self.nonce = nonce
    }

    /// 32 bytes. Whoever takes them out holds them beyond the life of this state.
    public var keyBytes: [UInt8] { key.bytes }

    /// ENCRYPT under a number of the caller's, which must never repeat.
    public func seal(_ plaintext: [UInt8], number: UInt64) -> [UInt8] {
        Suite.seal(plaintext, key: key.bytes, nonce: number, associatedData: [])
    }

    /// DECRYPT under a number of the caller's; nil where the tag is wrong.
    public func open(_ ciphertext: ArraySlice<UInt8>, number: UInt64) -> [UInt8]? {
        guard number != Self.reservedNonce else { return nil }
        return Suite.open(ciphertext, key: key.bytes, nonce: number, associatedData: [])
    }

    /// EncryptWithAd.
    public mutating func encrypt(_ plaintext: [UInt8], associatedData: [UInt8] = []) throws(NoiseError) -> [UInt8] {
        guard nonce != Self.reservedNonce else { throw .exhausted }
        let ciphertext = Suite.seal(plaintext, key: key.bytes, nonce: nonce, associatedData: associatedData)
        nonce += 1
        return ciphertext
    }

    /// DecryptWithAd; on failure the nonce stays.
    public mutating func decrypt(
        _ ciphertext: ArraySlice<UInt8>, associatedData: [UInt8] = []
    ) throws(NoiseError) -> [UInt8] {
        guard nonce != Self.reservedNonce else { throw .exhausted }
        guard
            let plaintext = Suite.open(ciphertext, key: key.bytes, nonce: nonce, associatedData: associatedData)
        else { throw .invalidMessage }
        nonce += 1
        return plaintext
    }

    /// REKEY (section 4.2 and 11.3): the key that follows. The nonce goes on.
    public func rekeyed() -> CipherState {
        var bytes = Suite.seal(
            [UInt8](repeating: 0, count: 32), key: key.bytes, nonce: Self.reservedNonce, associatedData: [])
        defer { Suite.wipe(&bytes) }
        return CipherState(keyBytes: Array(bytes[0..<32]), nonce: nonce)
    }
}
