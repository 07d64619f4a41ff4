/// The number that the gateway gave a device: it names the device's key in a handshake and its session in a transport
/// frame. 1 to 3 bytes on the air, prefix-free: `0xxxxxxx`, `10xxxxxx` + 1, `110xxxxx` + 2.
public struct DeviceNumber: Equatable, Hashable, Comparable, Sendable {
    public static let largest: UInt32 = 128 + 16_384 + 2_097_152 - 1

    public let rawValue: UInt32

    /// nil above `largest`.
    public init?(_ rawValue: UInt32) {
        guard rawValue <= Self.largest else { return nil }
        self.rawValue = rawValue
    }

    /// Reads the number at the start of `bytes[offset...]`. Each form begins where the shorter one ends, so that every
    /// number has exactly one encoding. nil where bytes are missing or the prefix `111` is reserved.
    init?(_ bytes: [UInt8], at offset: Int) {
        guard offset < bytes.count else { return nil }
        let first = bytes[offset]
        switch first >> 5 {
        case 0...3:
            rawValue = UInt32(first)
        case 4, 5:
            guard offset + 1 < bytes.count else { return nil }
            rawValue = 128 + (UInt32(first & 0x3F) << 8 | UInt32(bytes[offset + 1]))
        case 6:
            guard offset + 2 < bytes.count else { return nil }
            rawValue =
                128 + 16_384 + (UInt32(first & 0x1F) << 16 | UInt32(bytes[offset + 1]) << 8 | UInt32(bytes[offset + 2]))
        default:
            return nil
        }
    }

    public var encoded: [UInt8] {
        if rawValue < 128 { return [UInt8(rawValue)] }
        if rawValue < 128 + 16_384 {
            let rest = rawValue - 128
            return [0x80 | UInt8(rest >> 8), UInt8(rest & 0xFF)]
        }
        let rest = rawValue - 128 - 16_384
        return [0xC0 | UInt8(rest >> 16), UInt8(rest >> 8 & 0xFF), UInt8(rest & 0xFF)]
    }

    var encodedCount: Int { rawValue < 128 ? 1 : rawValue < 128 + 16_384 ? 2 : 3 }

    public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}
