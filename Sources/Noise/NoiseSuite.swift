/// The primitives of one Noise suite (rev 34 sections 4 and 12), chosen at compile time: libsodium on a host, Monocypher or
/// hardware on a device. Keys are 32 bytes, tags 16.
public protocol NoiseSuite: Sendable {
    /// The end of the protocol's name, such as `25519_ChaChaPoly_SHA256`.
    static var name: StaticString { get }
    /// HASHLEN: 32 or 64.
    static var hashLength: Int { get }

    static func hash(_ data: [UInt8]) -> [UInt8]
    /// HMAC (RFC 2104) with the suite's hash.
    static func hmac(key: [UInt8], _ data: [UInt8]) -> [UInt8]
    /// HKDF (section 4.3): its `outputs` (2 or 3) of HASHLEN bytes, one behind the other.
    static func hkdf(chainingKey: [UInt8], input: [UInt8], outputs: Int) -> [UInt8]

    static func publicKey(of privateKey: [UInt8]) -> [UInt8]
    /// DH; nil where the result would be all zeros (a public key of low order, section 12.1).
    static func sharedSecret(privateKey: [UInt8], publicKey: [UInt8]) -> [UInt8]?

    /// ENCRYPT: the ciphertext and its tag.
    static func seal(_ plaintext: [UInt8], key: [UInt8], nonce: UInt64, associatedData: [UInt8]) -> [UInt8]
    /// DECRYPT; nil where the tag is wrong or missing.
    static func open(
        _ ciphertext: ArraySlice<UInt8>, key: [UInt8], nonce: UInt64, associatedData: [UInt8]
    ) -> [UInt8]?

    /// Overwrites what will not be used again, in a way that no optimiser takes out. An array that is held elsewhere too
    /// would be copied first (and the other left as it is): the caller holds the only one.
    static func wipe(_ bytes: inout [UInt8])
}

extension NoiseSuite {
    public static func hkdf(chainingKey: [UInt8], input: [UInt8], outputs: Int) -> [UInt8] {
        hkdfByHMAC(chainingKey: chainingKey, input: input, outputs: outputs)
    }

    /// HKDF by its definition.
    public static func hkdfByHMAC(chainingKey: [UInt8], input: [UInt8], outputs: Int) -> [UInt8] {
        var temporary = hmac(key: chainingKey, input)
        var all: [UInt8] = []
        all.reserveCapacity(outputs * hashLength)
        var block: [UInt8] = []
        block.reserveCapacity(hashLength + 1)
        for index in 1...outputs {
            block.append(UInt8(truncatingIfNeeded: index))
            var output = hmac(key: temporary, block)
            all += output
            wipe(&block)
            block.removeAll(keepingCapacity: true)
            block += output
            wipe(&output)
        }
        wipe(&block)
        wipe(&temporary)
        return all
    }

    /// Never inlined: seen from its caller, who lets go of the bytes next, the zeros would serve nothing.
    @inline(never)
    public static func wipe(_ bytes: inout [UInt8]) {
        for index in bytes.indices { bytes[index] = 0 }
    }
}

/// Why a handshake cannot go on, or a message is not accepted.
public enum NoiseError: Error, Equatable, Sendable {
    /// The tag is wrong, bytes are missing, or a public key is of low order. The state is as it was before.
    case invalidMessage
    /// A key of another length than 32 bytes, or one that the pattern needs and that was not given.
    case invalidKey
    /// No pattern of this name.
    case unknownPattern
    /// It is the other side's turn, or the handshake is over, or not over yet.
    case outOfTurn
    /// Over 65,535 bytes (section 3).
    case messageTooLong
    /// All nonces are used (section 5.1).
    case exhausted
}
