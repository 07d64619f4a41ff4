public import LinkModel
public import NIOCore
internal import NIOPosix

/// A link in real time: takes the devices' datagrams on one UDP address and passes them on to the gateway as late, and as
/// incompletely, as the link would; and the gateway's the other way. The link is the one that the simulator runs.
///
/// Each device gets a socket of its own towards the gateway, as behind a NAT, so that the gateway tells them apart.
public final class LinkRelay: Sendable {
    /// What happened to one datagram.
    public struct Event: Sendable {
        public enum What: Sendable {
            /// It came in.
            case came([UInt8])
            case link(LinkEvent.Kind)
        }

        /// Rises with each datagram.
        public var id: UInt64
        public var heading: Heading
        /// By first appearance, from 0; an address that was silent for long may have made room for another.
        public var device: Int
        /// UDP payload.
        public var bytes: Int
        /// Of the monotonic clock, nanoseconds.
        public var time: Int64
        public var what: What
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
        link: RadioLink, seed: UInt64, listen: SocketAddress, gateway: SocketAddress, group: any EventLoopGroup,
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
