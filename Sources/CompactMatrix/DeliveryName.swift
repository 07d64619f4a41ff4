/// Names what arrives at a device by the frame that first brought it, in every session: 32 bits of the session's id and 24 of
/// the frame's number.
///
/// Whoever is pushed the same once more, in another frame or another session, finds the name in an ETag and hears nothing
/// twice.
public struct DeliveryName: Equatable, Sendable {
    public var rawValue: UInt64

    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// - Parameter frame: its number, of which an Observe option says the 24 low bits.
    public init(session: [UInt8], frame: UInt64) {
        var value: UInt64 = 0
        for byte in session.prefix(4) { value = value << 8 | UInt64(byte) }
        rawValue = value << 24 | frame & 0xFF_FFFF
    }

    /// nil: no such name.
    public init?(tag: [UInt8]) {
        guard tag.count == 7 else { return nil }
        rawValue = 0
        for byte in tag { rawValue = rawValue << 8 | UInt64(byte) }
    }

    /// 7 bytes.
    public var tag: [UInt8] {
        var bytes: [UInt8] = []
        var shift: UInt64 = 56
        while shift > 0 {
            shift -= 8
            bytes.append(UInt8(truncatingIfNeeded: rawValue >> shift))
        }
        return bytes
    }
}
