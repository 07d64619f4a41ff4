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
                    // Thousands of devices that speak at once, while a write is made durable; the system grants as much as
                    // net.core.rmem_max allows.
                    .channelOption(.socketOption(.so_rcvbuf), value: 8 << 20)
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

    /// Sends datagrams, each from a socket of its address's family. Lost like any other where the system has no room.
    func send(_ datagrams: [Actions.Datagram]) {
        guard !datagrams.isEmpty else { return }
        for channel in channels {
            guard let family = channel.localAddress?.protocol, let first = first(of: family), first === channel else {
                continue
            }
            // All of them in one visit to the loop, so that they leave by few system calls.
            channel.eventLoop.execute {
                for datagram in datagrams {
                    guard let address = datagram.to.socketAddress, address.protocol == family else { continue }
                    channel.write(
                        AddressedEnvelope(remoteAddress: address, data: ByteBuffer(bytes: datagram.bytes)), promise: nil
                    )
                }
                channel.flush()
            }
        }
    }

    private func first(of family: NIOBSDSocket.ProtocolFamily) -> (any Channel)? {
        channels.first { $0.localAddress?.protocol == family }
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
        private var arrived: [InputQueue.Datagram] = []

        init(inputs: InputQueue, socket: Int) {
            self.inputs = inputs
            self.socket = socket
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let envelope = unwrapInboundIn(data)
            guard let from = PeerAddress(envelope.remoteAddress) else { return }
            arrived.append(
                InputQueue.Datagram(bytes: Array(envelope.data.readableBytesView), from: from, socket: socket))
        }

        func channelReadComplete(context: ChannelHandlerContext) {
            inputs.put(arrived)
            arrived.removeAll(keepingCapacity: true)
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
        guard let port = address.port.flatMap({ UInt16(exactly: $0) }) else { return nil }
        // By their places in the structures of <netinet/in.h>: which module defines their fields depends on the order of
        // imports.
        switch address {
        case .v4(let v4):
            self = withUnsafeBytes(of: v4.address) { PeerAddress(ip: Array($0[4..<8]), port: port) }
        case .v6(let v6):
            self = withUnsafeBytes(of: v6.address) { bytes in
                PeerAddress(
                    ip: Array(bytes[8..<24]), port: port, scope: bytes.load(fromByteOffset: 24, as: UInt32.self))
            }
        case .unixDomainSocket:
            return nil
        }
    }

    var socketAddress: SocketAddress? {
        let plain = try? SocketAddress(packedIPAddress: ByteBuffer(bytes: ip), port: Int(port))
        guard ip.count == 16, scope != 0, let host = plain?.ipAddress else { return plain }
        return try? SocketAddress.makeAddressResolvingHost("\(host)%\(scope)", port: Int(port))
    }
}
