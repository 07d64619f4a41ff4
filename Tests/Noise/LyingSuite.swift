import Noise
import NoiseSodium

/// The wire's suite in the hands of an insider who sends public keys of his choice. Certain private keys stand for them:
/// what he writes is right in everything but the key, so that only a check of the key itself can refuse it.
enum LyingSuite: NoiseSuite {
    /// Every encoding of the seven low-order values of X25519 (0, 1, two of order 8, p-1, p, p+1), without and with
    /// the top bit, which RFC 7748 masks.
    static let lowOrderKeys: [[UInt8]] = {
        let zeros = [UInt8](repeating: 0, count: 32)
        let nearP = { (last: UInt8) in [last] + [UInt8](repeating: 0xFF, count: 30) + [0x7F] }
        let values = [
            zeros, [1] + zeros.dropFirst(),
            hex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
            hex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
            nearP(0xEC), nearP(0xED), nearP(0xEE),
        ]
        return values + values.map { $0.dropLast() + [$0[31] | 0x80] }
    }()

    /// Stands for a public key of low order. Every DH with it gives zeros, as both sides can compute.
    static func lowOrder(_ index: Int) -> [UInt8] {
        [0xEE, UInt8(index)] + [UInt8](repeating: 0xEE, count: 30)
    }

    /// An honest key whose public key travels with the top bit set: not canonical, the same point.
    static func topBitSet(_ seed: UInt8) -> [UInt8] {
        [0xEF, seed] + [UInt8](repeating: 0xEF, count: 30)
    }

    static var name: StaticString { WireSuite.name }
    static var hashLength: Int { WireSuite.hashLength }
    static func hash(_ data: [UInt8]) -> [UInt8] { WireSuite.hash(data) }
    static func hmac(key: [UInt8], _ data: [UInt8]) -> [UInt8] { WireSuite.hmac(key: key, data) }

    static func publicKey(of privateKey: [UInt8]) -> [UInt8] {
        if privateKey == lowOrder(Int(privateKey[1])) { return lowOrderKeys[Int(privateKey[1])] }
        let key = WireSuite.publicKey(of: privateKey)
        return privateKey == topBitSet(privateKey[1]) ? key.dropLast() + [key[31] | 0x80] : key
    }

    static func sharedSecret(privateKey: [UInt8], publicKey: [UInt8]) -> [UInt8]? {
        if privateKey == lowOrder(Int(privateKey[1])) { return [UInt8](repeating: 0, count: 32) }
        return WireSuite.sharedSecret(privateKey: privateKey, publicKey: publicKey)
    }

    static func seal(_ plaintext: [UInt8], key: [UInt8], nonce: UInt64, associatedData: [UInt8]) -> [UInt8] {
        WireSuite.seal(plaintext, key: key, nonce: nonce, associatedData: associatedData)
    }

    static func open(
        _ ciphertext: ArraySlice<UInt8>, key: [UInt8], nonce: UInt64, associatedData: [UInt8]
    ) -> [UInt8]? {
        WireSuite.open(ciphertext, key: key, nonce: nonce, associatedData: associatedData)
    }
}
