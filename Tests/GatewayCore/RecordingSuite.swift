import Noise
import NoiseSodium
import SecureDatagram

/// The wire's suite, which tells a recorder what is encrypted under which key and nonce.
enum RecordingSuite: NoiseSuite {
    @TaskLocal static var recorder: SealRecorder?

    static var name: StaticString { WireSuite.name }
    static var hashLength: Int { WireSuite.hashLength }
    static func hash(_ data: [UInt8]) -> [UInt8] { WireSuite.hash(data) }
    static func hmac(key: [UInt8], _ data: [UInt8]) -> [UInt8] { WireSuite.hmac(key: key, data) }
    static func publicKey(of privateKey: [UInt8]) -> [UInt8] { WireSuite.publicKey(of: privateKey) }

    static func sharedSecret(privateKey: [UInt8], publicKey: [UInt8]) -> [UInt8]? {
        WireSuite.sharedSecret(privateKey: privateKey, publicKey: publicKey)
    }

    static func seal(_ plaintext: [UInt8], key: [UInt8], nonce: UInt64, associatedData: [UInt8]) -> [UInt8] {
        let ciphertext = WireSuite.seal(plaintext, key: key, nonce: nonce, associatedData: associatedData)
        recorder?.sealed(ciphertext, key: key, nonce: nonce)
        return ciphertext
    }

    static func open(
        _ ciphertext: ArraySlice<UInt8>, key: [UInt8], nonce: UInt64, associatedData: [UInt8]
    ) -> [UInt8]? {
        WireSuite.open(ciphertext, key: key, nonce: nonce, associatedData: associatedData)
    }
}

/// Knows of each datagram that left which key and nonce it was encrypted under, and notices when one pair served twice.
///
/// What was encrypted and then lost with the memory of a killed machine never left, and does not count.
final class SealRecorder: @unchecked Sendable {
    // Unchecked: a world and its recorder live on one thread.
    private struct Use: Hashable {
        var key: [UInt8]
        var nonce: UInt64
    }

    private var uses: [[UInt8]: (use: Use, length: Int)] = [:]
    private var left: [Use: [UInt8]] = [:]
    private(set) var problems: [String] = []

    func sealed(_ ciphertext: [UInt8], key: [UInt8], nonce: UInt64) {
        uses[Array(ciphertext.suffix(16))] = (Use(key: key, nonce: nonce), ciphertext.count)
    }

    func leaves(_ datagram: [UInt8]) {
        // In clear by their nature.
        if let parsed = FrameHeader.parse(datagram, fromDevice: false), [.hint, .retry].contains(parsed.header) {
            return
        }
        // Behind a message 1 with a cookie stand its 8 bytes.
        let datagram = datagram[0] & 0xF3 == 0x83 ? datagram.dropLast(8) : datagram
        guard let (use, length) = uses[Array(datagram.suffix(16))] else {
            problems.append("a datagram left that nobody encrypted")
            return
        }
        let ciphertext = Array(datagram.suffix(length))
        if let earlier = left[use], earlier != ciphertext {
            problems.append("frame number \(use.nonce) left with two different ciphertexts under one key")
        }
        left[use] = ciphertext
    }
}
