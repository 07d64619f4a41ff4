public import Links
public import NIOCore
internal import NIOPosix

/// A slow link in real time: takes the devices' datagrams on one UDP address and passes them on to the gateway as late, and
/// as incompletely, as the link would; and the gateway's the other way. Each direction has its rate once, shared by all
/// devices behind it.
///
/// Each device gets a socket of its own towards the gateway, as behind a NAT, so that the gateway tells them apart.
public final class LinkRelay: Sendable {
    /// What happened to one datagram.
    public struct Event: Sendable {
        public enum Direction: String, Sendable { case up, down }

        public var direction: Direction
        /// UDP payload.
        public var bytes: Int
        public var fate: LinkDirection.Fate
        /// When it came in, on the clock of the fate.
        public var cameAt: Int64
    }

    public enum StartError: Error {
        case cannotListen(any Error)
    }

    /// Where devices send to.
    public let localAddress: SocketAddress
    private let channel: any Channel

    private init(channel: any Channel, localAddress: SocketAddress) {
        self.channel = channel
        self.localAddress = localAddress
    }

    /// - Parameters:
    ///   - seed: decides which datagrams get lost.
    ///   - handle: is told of each datagram, on the relay's thread.
    public static func start(
        link: Link, seed: UInt64, listen: SocketAddress, gateway: SocketAddress, group: any EventLoopGroup,
        handle: @escaping @Sendable (Event) -> Void
    ) async throws(StartError) -> LinkRelay {
        do {
            let channel = try await DatagramBootstrap(group: group)
                .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 65_536))
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let relaying = RelayHandler(link: link, seed: seed, gateway: gateway, handle: handle)
                        try channel.pipeline.syncOperations.addHandler(relaying)
                    }
                }
                .bind(to: listen).get()
            guard let address = channel.localAddress else { throw ChannelError.unknownLocalAddress }
            return LinkRelay(channel: channel, localAddress: address)
        } catch {
            throw .cannotListen(error)
        }
    }

    /// Stops; what is under way is lost.
    public func close() async {
        try? await channel.close().get()
    }
}
