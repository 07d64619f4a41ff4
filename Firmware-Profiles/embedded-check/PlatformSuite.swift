import CPlatform
import DeviceClient
import Noise

/// The suite over the platform's own primitives.
enum PlatformSuite: NoiseSuite {
    static var name: StaticString { "25519_ChaChaPoly_SHA256" }
    static var hashLength: Int { 32 }

    static func hash(_ data: [UInt8]) -> [UInt8] {
        filled(32) { sotto_sha256(data, data.count, $0) }
    }

    static func hmac(key: [UInt8], _ data: [UInt8]) -> [UInt8] {
        filled(32) { sotto_hmac_sha256(key, key.count, data, data.count, $0) }
    }

    static func publicKey(of privateKey: [UInt8]) -> [UInt8] {
        filled(32) { sotto_x25519_public(privateKey, $0) }
    }

    static func sharedSecret(privateKey: [UInt8], publicKey: [UInt8]) -> [UInt8]? {
        var isUsable: Int32 = 0
        let secret = filled(32) { isUsable = sotto_x25519(privateKey, publicKey, $0) }
        return isUsable == 1 ? secret : nil
    }

    static func seal(
        _ plaintext: [UInt8], key: [UInt8], nonce: UInt64, associatedData: [UInt8]
    ) -> [UInt8] {
        filled(plaintext.count + 16) {
            sotto_seal(key, nonce, associatedData, associatedData.count, plaintext, plaintext.count, $0)
        }
    }

    static func open(
        _ ciphertext: ArraySlice<UInt8>, key: [UInt8], nonce: UInt64, associatedData: [UInt8]
    ) -> [UInt8]? {
        guard ciphertext.count >= 16 else { return nil }
        let input = Array(ciphertext)
        var isAuthentic: Int32 = 0
        let plaintext = filled(input.count - 16) {
            isAuthentic = sotto_open(key, nonce, associatedData, associatedData.count, input, input.count, $0)
        }
        return isAuthentic == 1 ? plaintext : nil
    }

    /// An array whose bytes a C function has written.
    private static func filled(_ count: Int, _ write: (UnsafeMutablePointer<UInt8>) -> Void) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        bytes.withUnsafeMutableBufferPointer { buffer in
            // An empty array may have no address: C gets one that it does not write to.
            var nothing: UInt8 = 0
            if let address = buffer.baseAddress { write(address) } else { write(&nothing) }
        }
        return bytes
    }
}

struct PlatformEntropy: Entropy {
    mutating func next32() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 32)
        sotto_random32(&bytes)
        return bytes
    }
}
