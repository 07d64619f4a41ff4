import CSodium

/// libsodium's own primitives with buffers that are used again: what everything here is measured against.
struct Bare {
    private var key = [UInt8](repeating: 1, count: 32)
    private var nonce = [UInt8](repeating: 0, count: 12)
    private var plaintext = [UInt8](repeating: 7, count: 32)
    private var ciphertext = [UInt8](repeating: 0, count: 48)
    private var shared = [UInt8](repeating: 0, count: 32)
    private var publicKey = [UInt8](repeating: 0, count: 32)

    init() {
        precondition(sodium_init() >= 0)
        _ = crypto_scalarmult_base(&publicKey, key)
    }

    mutating func exchange() {
        precondition(crypto_scalarmult(&shared, key, publicKey) == 0)
    }

    mutating func seal() {
        crypto_aead_chacha20poly1305_ietf_encrypt(
            &ciphertext, nil, plaintext, UInt64(plaintext.count), nil, 0, nil, nonce, key)
    }

    /// Whether the tag is right.
    mutating func open() -> Bool {
        crypto_aead_chacha20poly1305_ietf_decrypt(
            &plaintext, nil, nil, ciphertext, UInt64(ciphertext.count), nil, 0, nonce, key) == 0
    }

    mutating func damage() {
        ciphertext[40] ^= 1
    }
}
