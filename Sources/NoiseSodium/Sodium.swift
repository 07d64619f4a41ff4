internal import CSodium

/// What every use of libsodium here shares.
public enum Sodium {
    /// sodium_init succeeded: its random generator and CPU detection are ready.
    static let isReady: Bool = sodium_init() >= 0

    /// Unpredictable bytes from the operating system. libsodium ends the process where the system has none: there is no
    /// safe way on.
    public static func randomBytes(_ count: Int) -> [UInt8] {
        precondition(isReady, "libsodium cannot be initialised")
        var bytes = [UInt8](repeating: 0, count: count)
        randombytes_buf(&bytes, count)
        return bytes
    }

    /// Whether two byte strings are equal, in a time that depends on their length only.
    public static func areEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool {
        a.count == b.count && sodium_memcmp(a, b, a.count) == 0
    }

    /// Whether a public key can serve: X25519 with one of low order gives zeros whatever the secret.
    public static func isUsablePublicKey(_ publicKey: [UInt8]) -> Bool {
        guard publicKey.count == 32 else { return false }
        var scalar = [UInt8](repeating: 0, count: 32)
        scalar[0] = 8
        var shared = [UInt8](repeating: 0, count: 32)
        return crypto_scalarmult(&shared, scalar, publicKey) == 0
    }
}
