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
}
