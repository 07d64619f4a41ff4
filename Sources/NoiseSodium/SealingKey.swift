internal import CSodium

/// Seals what is stored: XChaCha20-Poly1305, whose nonces are long enough to be drawn at random for ever.
///
/// The key lies in memory of libsodium's own: not written to swap, and zeroed when this goes.
public final class SealingKey: @unchecked Sendable {
    public static var length: Int { 32 }
    /// What a sealed value is longer by: its nonce and its tag.
    public static var overhead: Int { nonceLength + tagLength }
    private static var nonceLength: Int { 24 }
    private static var tagLength: Int { 16 }

    // Written in `init` only.
    private let key: UnsafeMutableRawPointer

    /// nil: not 32 bytes, or no memory that can be kept out of swap.
    public init?(_ bytes: [UInt8]) {
        guard Sodium.isReady, bytes.count == Self.length, let memory = sodium_malloc(Self.length) else { return nil }
        memory.copyMemory(from: bytes, byteCount: Self.length)
        sodium_mprotect_readonly(memory)
        key = memory
    }

    deinit { sodium_free(key) }

    /// Nonce, ciphertext, tag.
    public func seal(_ plaintext: [UInt8], associatedData: [UInt8]) -> [UInt8] {
        let nonce = Sodium.randomBytes(Self.nonceLength)
        let key = key.assumingMemoryBound(to: UInt8.self)
        let sealed = [UInt8](unsafeUninitializedCapacity: plaintext.count + Self.tagLength) { buffer, count in
            guard let output = buffer.baseAddress else { return }
            _ = crypto_aead_xchacha20poly1305_ietf_encrypt(
                output, nil, plaintext, UInt64(plaintext.count), associatedData, UInt64(associatedData.count), nil,
                nonce, key)
            count = plaintext.count + Self.tagLength
        }
        return nonce + sealed
    }

    /// nil: another key, other associated data, or not what was sealed.
    public func open(_ sealed: [UInt8], associatedData: [UInt8]) -> [UInt8]? {
        guard sealed.count >= Self.overhead else { return nil }
        let nonce = Array(sealed[..<Self.nonceLength])
        let ciphertext = Array(sealed[Self.nonceLength...])
        let key = key.assumingMemoryBound(to: UInt8.self)
        var isAuthentic = false
        // The buffer has room for a byte more than nothing: an empty array may have no address.
        let plaintext = [UInt8](unsafeUninitializedCapacity: ciphertext.count - Self.tagLength + 1) { buffer, count in
            guard let output = buffer.baseAddress else { return }
            isAuthentic =
                crypto_aead_xchacha20poly1305_ietf_decrypt(
                    output, nil, nil, ciphertext, UInt64(ciphertext.count), associatedData,
                    UInt64(associatedData.count), nonce, key) == 0
            count = isAuthentic ? ciphertext.count - Self.tagLength : 0
        }
        return isAuthentic ? plaintext : nil
    }
}
