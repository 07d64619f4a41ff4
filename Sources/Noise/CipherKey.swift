/// A key by itself, for datagrams, which get lost and overtake one another: each call takes the number of its datagram as
/// the nonce (section 11.4). The key is overwritten in memory when the last copy is gone.
public struct CipherKey<Suite: NoiseSuite>: Sendable {
    /// 2^64-1 is reserved for REKEY.
    static var reservedNonce: UInt64 { .max }

    private let secret: Secret<Suite>

    /// - Parameter bytes: 32 of them.
    public init(_ bytes: [UInt8]) {
        secret = Secret(bytes)
    }

    /// 32 bytes. Whoever takes them out holds them beyond the life of this key.
    public var bytes: [UInt8] { secret.bytes }

    /// ENCRYPT under a number of the caller's, which must never repeat.
    public func seal(_ plaintext: [UInt8], number: UInt64, associatedData: [UInt8] = []) -> [UInt8] {
        Suite.seal(plaintext, key: secret.bytes, nonce: number, associatedData: associatedData)
    }

    /// DECRYPT under a number of the caller's; nil where the tag is wrong.
    public func open(_ ciphertext: ArraySlice<UInt8>, number: UInt64, associatedData: [UInt8] = []) -> [UInt8]? {
        guard number != Self.reservedNonce else { return nil }
        return Suite.open(ciphertext, key: secret.bytes, nonce: number, associatedData: associatedData)
    }

    /// REKEY (section 4.2 and 11.3): the key that follows.
    public func rekeyed() -> CipherKey {
        var bytes = Suite.seal(
            [UInt8](repeating: 0, count: 32), key: secret.bytes, nonce: Self.reservedNonce, associatedData: [])
        defer { Suite.wipe(&bytes) }
        return CipherKey(Array(bytes[0..<32]))
    }
}
