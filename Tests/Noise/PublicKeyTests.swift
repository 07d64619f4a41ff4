import TestSupport
import Testing

@testable import NoiseSodium

@Suite("Public keys")
struct PublicKeyTests {
    /// X25519 of the base point by the ladder, which is another way than that of `publicKey(of:)`.
    private func byLadder(_ privateKey: [UInt8]) -> [UInt8]? {
        WireSuite.sharedSecret(privateKey: privateKey, publicKey: [9] + [UInt8](repeating: 0, count: 31))
    }

    @Test("the key pairs of RFC 7748, section 6.1")
    func standard() {
        let pairs = [
            (
                "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
                "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
            ),
            (
                "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
                "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
            ),
        ]
        for (privateKey, publicKey) in pairs {
            #expect(hex(WireSuite.publicKey(of: bytes(hex: privateKey))) == publicKey)
        }
    }

    @Test("are the base point times the private key, whichever way it is multiplied")
    func ladder() {
        let edges = [0, 1, 7, 8, 0x7F, 0x80, 0xFF].map { [UInt8](repeating: $0, count: 32) }
        let zerosButOne = (0..<32).map { index in (0..<32).map { UInt8($0 == index ? 0x40 : 0) } }
        let random = (0..<2000).map { _ in Sodium.randomBytes(32) }
        for privateKey in edges + zerosButOne + random {
            #expect(WireSuite.publicKey(of: privateKey) == byLadder(privateKey))
        }
    }

    @Test("coordinates at the ends of the field are turned rightly")
    func coordinates() {
        func number(_ lowest: UInt8, _ others: UInt8 = 0, _ highest: UInt8 = 0) -> [UInt8] {
            [lowest] + [UInt8](repeating: others, count: 30) + [highest]
        }
        // p - 1 is -1, and the sign of x does not count.
        #expect(MontgomeryCoordinate.u(ofEdwards: number(0xEC, 0xFF, 0x7F)) == number(0))
        #expect(MontgomeryCoordinate.u(ofEdwards: number(0xEC, 0xFF, 0xFF)) == number(0))
        #expect(MontgomeryCoordinate.u(ofEdwards: number(0)) == number(1))
        #expect(MontgomeryCoordinate.u(ofEdwards: number(2)) == number(0xEA, 0xFF, 0x7F))
        // p is 0, and what it leads to in four steps is what it was.
        #expect(MontgomeryCoordinate.u(ofEdwards: number(0xED, 0xFF, 0x7F)) == number(1))
        for lowest: UInt8 in 2...0xEB {
            for y in [number(lowest), number(lowest, 0xFF, 0x7F)] {
                #expect((0..<4).reduce(y) { u, _ in MontgomeryCoordinate.u(ofEdwards: u) } == y)
            }
        }
    }
}
