/// Makes and checks values of the Echo option without keeping them: 32 bits of time and 64 bits of a keyed hash over time
/// and address (RFC 9175 section 2.3 and appendix A, item 2).
public struct EchoMint: Equatable, Sendable {
    private let key0: UInt64
    private let key1: UInt64
    /// Seconds for which a value proves that the peer receives at its address.
    private static var lifetime: UInt32 { 300 }

    /// - Parameters: 128 random bits, drawn anew at each start.
    public init(key0: UInt64, key1: UInt64) {
        self.key0 = key0
        self.key1 = key1
    }

    /// - Parameter address: what tells the peer's address from all others.
    public func value(for address: [UInt8], now: Int64) -> [UInt8] {
        let time = Self.seconds(now)
        return Self.bytes(UInt64(time)).suffix(4) + Self.bytes(hash(time, address))
    }

    public func accepts(_ value: [UInt8], from address: [UInt8], now: Int64) -> Bool {
        guard value.count == 12 else { return false }
        var time: UInt32 = 0
        for byte in value.prefix(4) { time = time << 8 | UInt32(byte) }
        guard Self.seconds(now) &- time <= Self.lifetime else { return false }
        // All bytes are compared, so that the time taken says nothing of where they differ.
        var difference: UInt8 = 0
        for (a, b) in zip(value.suffix(8), Self.bytes(hash(time, address))) { difference |= a ^ b }
        return difference == 0
    }

    private static func seconds(_ now: Int64) -> UInt32 { UInt32(truncatingIfNeeded: now / 1_000_000_000) }

    private static func bytes(_ value: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        var shift: UInt64 = 64
        while shift > 0 {
            shift -= 8
            bytes.append(UInt8(truncatingIfNeeded: value >> shift))
        }
        return bytes
    }

    private func hash(_ time: UInt32, _ address: [UInt8]) -> UInt64 {
        Self.hash(key0: key0, key1: key1, Self.bytes(UInt64(time)).suffix(4) + address)
    }

    /// SipHash-2-4 (Aumasson, Bernstein 2012): a keyed hash that holds against forgery at 64 bits.
    public static func hash(key0: UInt64, key1: UInt64, _ message: [UInt8]) -> UInt64 {
        var v0 = key0 ^ 0x736F_6D65_7073_6575
        var v1 = key1 ^ 0x646F_7261_6E64_6F6D
        var v2 = key0 ^ 0x6C79_6765_6E65_7261
        var v3 = key1 ^ 0x7465_6462_7974_6573
        func rotate(_ x: UInt64, _ by: UInt64) -> UInt64 { x << by | x >> (64 - by) }
        func round() {
            v0 = v0 &+ v1
            v1 = rotate(v1, 13) ^ v0
            v0 = rotate(v0, 32)
            v2 = v2 &+ v3
            v3 = rotate(v3, 16) ^ v2
            v0 = v0 &+ v3
            v3 = rotate(v3, 21) ^ v0
            v2 = v2 &+ v1
            v1 = rotate(v1, 17) ^ v2
            v2 = rotate(v2, 32)
        }
        func absorb(_ word: UInt64) {
            v3 ^= word
            round()
            round()
            v0 ^= word
        }
        var index = 0
        var word: UInt64 = 0
        for byte in message {
            word |= UInt64(byte) << UInt64(8 * (index & 7))
            index += 1
            if index & 7 == 0 {
                absorb(word)
                word = 0
            }
        }
        absorb(word | UInt64(message.count & 0xFF) << 56)
        v2 ^= 0xFF
        for _ in 0..<4 { round() }
        return v0 ^ v1 ^ v2 ^ v3
    }
}
