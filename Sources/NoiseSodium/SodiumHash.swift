internal import CSodium

/// A hash of libsodium with its HMAC, to make a suite with.
public protocol SodiumHash: Sendable {
    static var suiteName: StaticString { get }
    static var length: Int { get }
    static func hash(_ data: [UInt8]) -> [UInt8]
    static func hmac(key: [UInt8], _ data: [UInt8]) -> [UInt8]
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
