/// Datagrams in pcapng (draft-ietf-opsawg-pcapng): one interface for each direction of each link, times in nanoseconds, the
/// fate of a datagram as a comment. Each is shown in an IPv4 and UDP header that it does not have on the air.
public struct PacketCapture {
    public private(set) var bytes: [UInt8] = []

    /// LINKTYPE_RAW: the packet begins with an IP header.
    private static let linkType: UInt16 = 101

    /// - Parameter interfaces: their names, in the order of their numbers.
    public init(interfaces: [String]) {
        var header: [UInt8] = []
        append(0x1A2B_3C4D as UInt32, to: &header)
        append(1 as UInt16, to: &header)
        append(0 as UInt16, to: &header)
        append(UInt64.max, to: &header)
        block(0x0A0D_0D0A, header)
        for name in interfaces {
            var interface: [UInt8] = []
            append(Self.linkType, to: &interface)
            append(0 as UInt16, to: &interface)
            append(0 as UInt32, to: &interface)
            option(2, Array(name.utf8), &interface)
            // if_tsresol: 10^-9.
            option(9, [9], &interface)
            option(0, [], &interface)
            block(1, interface)
        }
    }

    /// - Parameters:
    ///   - nanoseconds: of Unix time.
    ///   - host: tells devices apart: 10.x.y.z.
    public mutating func add(
        _ payload: [UInt8], nanoseconds: UInt64, interface: Int, isUp: Bool, host: Int, comment: String = ""
    ) {
        let packet = Self.wrapped(payload, isUp: isUp, host: host)
        var body: [UInt8] = []
        append(UInt32(truncatingIfNeeded: interface), to: &body)
        append(UInt32(truncatingIfNeeded: nanoseconds >> 32), to: &body)
        append(UInt32(truncatingIfNeeded: nanoseconds), to: &body)
        append(UInt32(truncatingIfNeeded: packet.count), to: &body)
        append(UInt32(truncatingIfNeeded: packet.count), to: &body)
        body += padded(packet)
        if !comment.isEmpty { option(1, Array(comment.utf8), &body) }
        // epb_flags: inbound is 1, outbound 2, as the gateway sees it.
        option(2, [isUp ? 1 : 2, 0, 0, 0], &body)
        option(0, [], &body)
        block(6, body)
    }

    /// What has been written leaves.
    public mutating func take() -> [UInt8] {
        defer { bytes.removeAll(keepingCapacity: true) }
        return bytes
    }

    private static func wrapped(_ payload: [UInt8], isUp: Bool, host: Int) -> [UInt8] {
        let device: [UInt8] = [
            10, UInt8(truncatingIfNeeded: host >> 16), UInt8(truncatingIfNeeded: host >> 8),
            UInt8(truncatingIfNeeded: host),
        ]
        let gateway: [UInt8] = [10, 255, 255, 254]
        let total = UInt16(truncatingIfNeeded: payload.count + 28)
        var packet: [UInt8] = [0x45, 0, UInt8(total >> 8), UInt8(total & 0xFF), 0, 0, 0x40, 0, 64, 17, 0, 0]
        packet += isUp ? device + gateway : gateway + device
        var sum: UInt32 = 0
        for index in stride(from: 0, to: 20, by: 2) { sum += UInt32(packet[index]) << 8 | UInt32(packet[index + 1]) }
        while sum > 0xFFFF { sum = (sum & 0xFFFF) + sum >> 16 }
        packet[10] = UInt8(~sum >> 8 & 0xFF)
        packet[11] = UInt8(~sum & 0xFF)
        // Port 5683 at both ends, and no checksum (RFC 768).
        let length = UInt16(truncatingIfNeeded: payload.count + 8)
        packet += [0x16, 0x33, 0x16, 0x33, UInt8(length >> 8), UInt8(length & 0xFF), 0, 0]
        return packet + payload
    }

    private mutating func block(_ type: UInt32, _ body: [UInt8]) {
        let length = UInt32(truncatingIfNeeded: body.count + 12)
        append(type, to: &bytes)
        append(length, to: &bytes)
        bytes += body
        append(length, to: &bytes)
    }

    private func option(_ code: UInt16, _ value: [UInt8], _ body: inout [UInt8]) {
        append(code, to: &body)
        append(UInt16(truncatingIfNeeded: value.count), to: &body)
        body += padded(value)
    }

    private func padded(_ bytes: [UInt8]) -> [UInt8] {
        bytes + [UInt8](repeating: 0, count: (4 - bytes.count % 4) % 4)
    }

    private func append(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
}
