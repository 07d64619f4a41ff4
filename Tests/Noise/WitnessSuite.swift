import Noise
import NoiseSodium
import Synchronization

/// The wire's suite, which notes every secret that passes through it and every wipe, each with the place in memory.
/// For one test at a time.
enum WitnessSuite: NoiseSuite {
    struct Place: Hashable {
        var address: UInt
        var bytes: [UInt8]
    }

    struct Notes {
        var secrets: Set<Place> = []
        var wiped: Set<Place> = []
    }

    static let notes = Mutex(Notes())

    private static func place(_ bytes: [UInt8]) -> Place {
        // A copy of the contents: the array itself would stay alive, and shared.
        bytes.withUnsafeBufferPointer { Place(address: UInt(bitPattern: $0.baseAddress), bytes: Array($0)) }
    }

    private static func note(_ secret: [UInt8]) {
        let place = place(secret)
        notes.withLock { _ = $0.secrets.insert(place) }
    }

    static func wipe(_ bytes: inout [UInt8]) {
        let place = place(bytes)
        WireSuite.wipe(&bytes)
        // Somebody else held it: what was overwritten is a copy.
        guard bytes.withUnsafeBufferPointer({ UInt(bitPattern: $0.baseAddress) }) == place.address else { return }
        guard bytes.allSatisfy({ $0 == 0 }) else { return }
        notes.withLock { _ = $0.wiped.insert(place) }
    }

    static var name: StaticString { WireSuite.name }
    static var hashLength: Int { WireSuite.hashLength }
    static func hash(_ data: [UInt8]) -> [UInt8] { WireSuite.hash(data) }

    static func hmac(key: [UInt8], _ data: [UInt8]) -> [UInt8] {
        note(key)
        let output = WireSuite.hmac(key: key, data)
        note(output)
        return output
    }

    static func publicKey(of privateKey: [UInt8]) -> [UInt8] {
        note(privateKey)
        return WireSuite.publicKey(of: privateKey)
    }

    static func sharedSecret(privateKey: [UInt8], publicKey: [UInt8]) -> [UInt8]? {
        note(privateKey)
        let secret = WireSuite.sharedSecret(privateKey: privateKey, publicKey: publicKey)
        if let secret { note(secret) }
        return secret
    }

    static func seal(_ plaintext: [UInt8], key: [UInt8], nonce: UInt64, associatedData: [UInt8]) -> [UInt8] {
        note(key)
        let sealed = WireSuite.seal(plaintext, key: key, nonce: nonce, associatedData: associatedData)
        // What REKEY is made of.
        if nonce == .max { note(sealed) }
        return sealed
    }

    static func open(
        _ ciphertext: ArraySlice<UInt8>, key: [UInt8], nonce: UInt64, associatedData: [UInt8]
    ) -> [UInt8]? {
        note(key)
        return WireSuite.open(ciphertext, key: key, nonce: nonce, associatedData: associatedData)
    }
}
