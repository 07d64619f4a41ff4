internal import CSodium
public import Noise

/// X25519 and ChaCha20-Poly1305 of libsodium with one of its hashes.
public enum SodiumSuite<Hash: SodiumHash>: NoiseSuite {
    public static var name: StaticString { Hash.suiteName }
    public static var hashLength: Int { Hash.length }

    public static func hash(_ data: [UInt8]) -> [UInt8] { Hash.hash(data) }

    public static func hmac(key: [UInt8], _ data: [UInt8]) -> [UInt8] { Hash.hmac(key: key, data) }

    public static func hkdf(chainingKey: [UInt8], input: [UInt8], outputs: Int) -> [UInt8] {
        Hash.hkdf(chainingKey: chainingKey, input: input, outputs: outputs)
            ?? hkdfByHMAC(chainingKey: chainingKey, input: input, outputs: outputs)
    }

    public static func publicKey(of privateKey: [UInt8]) -> [UInt8] {
        precondition(privateKey.count == 32)
        var key = [UInt8](repeating: 0, count: 32)
        // Faster than crypto_scalarmult_base, with the same bits set and cleared; it refuses a private key of zeros.
        if crypto_scalarmult_ed25519_base(&key, privateKey) == 0 { return MontgomeryCoordinate.u(ofEdwards: key) }
        _ = crypto_scalarmult_base(&key, privateKey)
        return key
    }

    public static func sharedSecret(privateKey: [UInt8], publicKey: [UInt8]) -> [UInt8]? {
        precondition(privateKey.count == 32 && publicKey.count == 32)
        var secret = [UInt8](repeating: 0, count: 32)
        return crypto_scalarmult(&secret, privateKey, publicKey) == 0 ? secret : nil
    }

    public static func seal(
        _ plaintext: [UInt8], key: [UInt8], nonce: UInt64, associatedData: [UInt8]
    ) -> [UInt8] {
        precondition(key.count == 32)
        return [UInt8](unsafeUninitializedCapacity: plaintext.count + 16) { buffer, count in
            guard let output = buffer.baseAddress else { return }
            withNonce(nonce) { nonce in
                _ = crypto_aead_chacha20poly1305_ietf_encrypt(
                    output, nil, plaintext, UInt64(plaintext.count), associatedData,
                    UInt64(associatedData.count), nil, nonce, key)
            }
            count = plaintext.count + 16
        }
    }

    public static func open(
        _ ciphertext: ArraySlice<UInt8>, key: [UInt8], nonce: UInt64, associatedData: [UInt8]
    ) -> [UInt8]? {
        precondition(key.count == 32)
        let length = ciphertext.count - 16
        guard length >= 0 else { return nil }
        // On the stack at first: forgeries, of which there may be many, cost no heap. One byte at least, for an address.
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: max(length, 1)) { plaintext -> [UInt8]? in
            let isAuthentic = ciphertext.withUnsafeBufferPointer { input in
                guard let source = input.baseAddress else { return false }
                return withNonce(nonce) { nonce in
                    crypto_aead_chacha20poly1305_ietf_decrypt(
                        plaintext.baseAddress, nil, nil, source, UInt64(input.count), associatedData,
                        UInt64(associatedData.count), nonce, key) == 0
                }
            }
            return isAuthentic ? Array(plaintext[0..<length]) : nil
        }
    }

    public static func wipe(_ bytes: inout [UInt8]) {
        bytes.withUnsafeMutableBytes { buffer in
            if let address = buffer.baseAddress { sodium_memzero(address, buffer.count) }
        }
    }

    /// Section 12.3: four zero bytes, then the number, little-endian.
    private static func withNonce<Result>(_ number: UInt64, _ body: (UnsafePointer<UInt8>) -> Result) -> Result {
        var nonce = (UInt32(0), UInt32(truncatingIfNeeded: number).littleEndian, UInt32(number >> 32).littleEndian)
        return withUnsafeBytes(of: &nonce) { bytes in
            // Twelve bytes of the stack: they have an address.
            bytes.withMemoryRebound(to: UInt8.self) { buffer in
                guard let address = buffer.baseAddress else { preconditionFailure("no nonce") }
                return body(address)
            }
        }
    }
}

/// The one suite of this project's protocol.
public typealias WireSuite = SodiumSuite<SHA256>
