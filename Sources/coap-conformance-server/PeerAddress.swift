import NIOCore

/// An address of IPv4 or IPv6 with its port, small enough to be kept for each of a hundred thousand peers.
struct PeerAddress: Hashable, Sendable {
    private var high: UInt64
    private var low: UInt64
    private var port: UInt16
    private var isIPv6: Bool

    /// nil for a socket address that is not of the Internet.
    init?(_ address: SocketAddress) {
        switch address {
        case .v4: isIPv6 = false
        case .v6: isIPv6 = true
        case .unixDomainSocket: return nil
        }
        let isIPv6 = isIPv6
        (high, low, port) = address.withSockAddr { pointer, size in
            // sockaddr_in: port at 2, address at 4; sockaddr_in6: port at 2, address at 8; all big-endian.
            let raw = UnsafeRawBufferPointer(start: pointer, count: size)
            let port = UInt16(bigEndian: raw.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
            guard isIPv6 else {
                return (0, UInt64(UInt32(bigEndian: raw.loadUnaligned(fromByteOffset: 4, as: UInt32.self))), port)
            }
            return (
                UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self)),
                UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: 16, as: UInt64.self)), port
            )
        }
    }

    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        for word in [high, low] {
            for shift in stride(from: 56, through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(shift)))
            }
        }
        return bytes + [UInt8(port >> 8), UInt8(port & 0xFF)]
    }

    var isOfIPv6: Bool { isIPv6 }

    var socketAddress: SocketAddress? {
        let packed = isIPv6 ? Array(bytes[0..<16]) : Array(bytes[12..<16])
        return try? SocketAddress(packedIPAddress: ByteBuffer(bytes: packed), port: Int(port))
    }
}
