/// Where a datagram came from.
public struct PeerAddress: Equatable, Hashable, Sendable {
    /// 4 or 16 bytes.
    public var ip: [UInt8]
    public var port: UInt16
    /// The interface of an IPv6 link-local address, otherwise 0.
    public var scope: UInt32

    public init(ip: [UInt8], port: UInt16, scope: UInt32 = 0) {
        self.ip = ip
        self.port = port
        self.scope = scope
    }

    /// All of it, to be hashed.
    var bytes: [UInt8] {
        ip + [UInt8(port >> 8), UInt8(port & 0xFF)] + (0..<4).map { UInt8(truncatingIfNeeded: scope >> ($0 * 8)) }
    }

    /// Tells addresses apart where a mistake does no harm.
    var digest: UInt64 { Self.digest(bytes) }

    /// The same for the network that it belongs to: an IPv4 address, the first half of an IPv6 address.
    var prefixDigest: UInt64 { Self.digest(Array(ip.count == 16 ? ip.prefix(8) : ip[...])) }

    /// FNV-1a.
    private static func digest(_ bytes: [UInt8]) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return hash
    }
}
