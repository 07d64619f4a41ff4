internal import CSodium

/// A hash of libsodium with its HMAC, to make a suite with.
public protocol SodiumHash: Sendable {
    static var suiteName: StaticString { get }
    static var length: Int { get }
    static func hash(_ data: [UInt8]) -> [UInt8]
    static func hmac(key: [UInt8], _ data: [UInt8]) -> [UInt8]
    /// HKDF (Noise section 4.3) with fewer steps than by `hmac`: `outputs` (2 or 3) of `length` bytes, one behind the
    /// other. nil: there is none.
    static func hkdf(chainingKey: [UInt8], input: [UInt8], outputs: Int) -> [UInt8]?
}

public enum SHA256: SodiumHash {
    public static var suiteName: StaticString { "25519_ChaChaPoly_SHA256" }
    public static var length: Int { 32 }

    public static func hash(_ data: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 32)
        crypto_hash_sha256(&digest, data, UInt64(data.count))
        return digest
    }

    public static func hmac(key: [UInt8], _ data: [UInt8]) -> [UInt8] {
        var state = crypto_auth_hmacsha256_state()
        var digest = [UInt8](repeating: 0, count: 32)
        crypto_auth_hmacsha256_init(&state, key, key.count)
        crypto_auth_hmacsha256_update(&state, data, UInt64(data.count))
        crypto_auth_hmacsha256_final(&state, &digest)
        return digest
    }

    /// The suite of the wire: a handshake is five of these, so the key of the outputs is set up once for all of them.
    public static func hkdf(chainingKey: [UInt8], input: [UInt8], outputs: Int) -> [UInt8]? {
        [UInt8](unsafeUninitializedCapacity: outputs * 32) { buffer, count in
            guard var output = buffer.baseAddress else { return }
            var state = crypto_auth_hmacsha256_state()
            withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 32) { temporary in
                guard let key = temporary.baseAddress else { return }
                crypto_auth_hmacsha256_init(&state, chainingKey, chainingKey.count)
                crypto_auth_hmacsha256_update(&state, input, UInt64(input.count))
                crypto_auth_hmacsha256_final(&state, key)
                crypto_auth_hmacsha256_init(&state, key, 32)
                sodium_memzero(key, 32)
            }
            for index in 1...outputs {
                var keyed = state
                if index > 1 { crypto_auth_hmacsha256_update(&keyed, output - 32, 32) }
                var number = UInt8(truncatingIfNeeded: index)
                crypto_auth_hmacsha256_update(&keyed, &number, 1)
                crypto_auth_hmacsha256_final(&keyed, output)
                sodium_memzero(&keyed, MemoryLayout.size(ofValue: keyed))
                output += 32
            }
            sodium_memzero(&state, MemoryLayout.size(ofValue: state))
            count = outputs * 32
        }
    }
}

extension SodiumHash {
    public static func hkdf(chainingKey: [UInt8], input: [UInt8], outputs: Int) -> [UInt8]? { nil }
}

public enum SHA512: SodiumHash {
    public static var suiteName: StaticString { "25519_ChaChaPoly_SHA512" }
    public static var length: Int { 64 }

    public static func hash(_ data: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 64)
        crypto_hash_sha512(&digest, data, UInt64(data.count))
        return digest
    }

    public static func hmac(key: [UInt8], _ data: [UInt8]) -> [UInt8] {
        var state = crypto_auth_hmacsha512_state()
        var digest = [UInt8](repeating: 0, count: 64)
        crypto_auth_hmacsha512_init(&state, key, key.count)
        crypto_auth_hmacsha512_update(&state, data, UInt64(data.count))
        crypto_auth_hmacsha512_final(&state, &digest)
        return digest
    }
}

public enum BLAKE2b: SodiumHash {
    public static var suiteName: StaticString { "25519_ChaChaPoly_BLAKE2b" }
    public static var length: Int { 64 }

    public static func hash(_ data: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 64)
        crypto_generichash(&digest, 64, data, UInt64(data.count), nil, 0)
        return digest
    }

    /// RFC 2104 by hand: libsodium has keyed BLAKE2b, which is another function.
    public static func hmac(key: [UInt8], _ data: [UInt8]) -> [UInt8] {
        let blockLength = 128
        let short = key.count > blockLength ? hash(key) : key
        let padded = short + [UInt8](repeating: 0, count: blockLength - short.count)
        let inner = hash(padded.map { $0 ^ 0x36 } + data)
        return hash(padded.map { $0 ^ 0x5C } + inner)
    }
}
