internal import GatewayCore
internal import Glibc
internal import NIOCore
internal import NIOPosix

/// The UDP sockets that devices reach the gateway by.
final class DatagramSockets: Sendable {
    private let channels: [any Channel]

    /// Binds them all, or none.
    init(_ addresses: [HostPort], inputs: InputQueue, group: any EventLoopGroup) async throws {
        var bound: [any Channel] = []
        for (index, address) in addresses.enumerated() {
            do {
                let resolved = try SocketAddress.makeAddressResolvingHost(address.host, port: address.port)
                var bootstrap = DatagramBootstrap(group: group)
                    .channelOption(.datagramVectorReadMessageCount, value: 32)
                    .channelOption(
                        .recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 32 * 2048)
                    )
                    .channelInitializer { channel in
                        channel.eventLoop.makeCompletedFuture {
                            try channel.pipeline.syncOperations.addHandler(Receiver(inputs: inputs, socket: index))
                        }
                    }
                if case .v6 = resolved {
                    // 0.0.0.0 and [::] are two sockets, each for its own family.
                    bootstrap = bootstrap.channelOption(
                        ChannelOptions.Types.SocketOption(level: .ipv6, name: .ipv6_v6only), value: 1)
                }
                bound.append(try await bootstrap.bind(to: resolved).get())
            } catch {
                for channel in bound { try? await channel.close().get() }
                throw Self.failure(error, address)
            }
        }
        channels = bound
    }

    /// Where they are bound, in the order given; the port is the one that the system chose where 0 was asked for.
    var addresses: [String] {
        channels.map { channel in
            guard let address = channel.localAddress, let ip = address.ipAddress, let port = address.port else {
                return "?"
            }
            return HostPort(host: ip, port: port).description
        }
    }

    /// Sends a datagram from a socket of the address's family. Lost like any other where the system has no room.
    func send(_ datagram: Actions.Datagram) {
        guard let address = datagram.to.socketAddress,
            let channel = channels.first(where: { $0.localAddress?.protocol == address.protocol })
        else { return }
        var buffer = channel.allocator.buffer(capacity: datagram.bytes.count)
        buffer.writeBytes(datagram.bytes)
        channel.writeAndFlush(AddressedEnvelope(remoteAddress: address, data: buffer), promise: nil)
    }

    func close() async {
        for channel in channels { try? await channel.close().get() }
    }

    private static func failure(_ error: any Error, _ address: HostPort) -> Failure {
        if let error = error as? IOError, error.errnoCode == EADDRINUSE {
            return Failure(.portInUse, "UDP \(address) is in use by another program")
        }
        return Failure(.badConfiguration, "UDP \(address) cannot be used: \(error)")
    }

    private final class Receiver: ChannelInboundHandler {
        typealias InboundIn = AddressedEnvelope<ByteBuffer>

        private let inputs: InputQueue
        private let socket: Int

        init(inputs: InputQueue, socket: Int) {
            self.inputs = inputs
            self.socket = socket
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let envelope = unwrapInboundIn(data)
            guard let from = PeerAddress(envelope.remoteAddress) else { return }
            inputs.put(InputQueue.Datagram(bytes: Array(envelope.data.readableBytesView), from: from, socket: socket))
        }
    }
}

extension HostPort {
    init(host: String, port: Int) {
        self.host = host
        self.port = port
    }
}

extension PeerAddress {
    /// nil for what is no internet address.
    init?(_ address: SocketAddress) {
        switch address {
        case .v4(let v4):
            let ip = withUnsafeBytes(of: v4.address.sin_addr.s_addr) { Array($0) }
            self.init(ip: ip, port: UInt16(bigEndian: v4.address.sin_port))
        case .v6(let v6):
            let ip = withUnsafeBytes(of: v6.address.sin6_addr) { Array($0) }
            self.init(ip: ip, port: UInt16(bigEndian: v6.address.sin6_port), scope: v6.address.sin6_scope_id)
        case .unixDomainSocket:
            return nil
        }
    }

    var socketAddress: SocketAddress? {
        guard ip.count == 16, scope != 0 else {
            return try? SocketAddress(packedIPAddress: ByteBuffer(bytes: ip), port: Int(port))
        }
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_port = port.bigEndian
        address.sin6_scope_id = scope
        withUnsafeMutableBytes(of: &address.sin6_addr) { $0.copyBytes(from: ip) }
        return SocketAddress(address, host: "")
    }
}
