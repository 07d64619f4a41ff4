internal import Links
internal import NIOCore
internal import NIOPosix

/// The relay's work, all of it on the event loop of the socket that devices send to.
final class RelayHandler: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    typealias OutboundOut = AddressedEnvelope<ByteBuffer>

    /// A device, by its address: its socket towards the gateway.
    private final class Peer {
        let channel: EventLoopFuture<any Channel>
        var usedAt: NIODeadline

        init(channel: EventLoopFuture<any Channel>, usedAt: NIODeadline) {
            self.channel = channel
            self.usedAt = usedAt
        }
    }

    /// Devices at once; the one that was silent for longest makes room.
    private static let mostPeers = 4096

    private var up: LinkDirection
    private var down: LinkDirection
    private let gateway: SocketAddress
    private let handle: @Sendable (LinkRelay.Event) -> Void
    private var peers: [SocketAddress: Peer] = [:]

    init(link: Link, seed: UInt64, gateway: SocketAddress, handle: @escaping @Sendable (LinkRelay.Event) -> Void) {
        up = LinkDirection(link.up, seed: seed, isUp: true)
        down = LinkDirection(link.down, seed: seed, isUp: false)
        self.gateway = gateway
        self.handle = handle
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let envelope = unwrapInboundIn(data)
        let peer = peer(at: envelope.remoteAddress, context)
        pass(envelope.data.readableBytes, .up, context) {
            peer.channel.assumeIsolated().whenSuccess { $0.writeAndFlush(envelope.data, promise: nil) }
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        for peer in peers.values { peer.channel.assumeIsolated().whenSuccess { $0.close(promise: nil) } }
        peers = [:]
    }

    /// The kernel reports a closed port of a device that has gone: no reason to stop for the others.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {}

    private func receiveFromGateway(_ datagram: ByteBuffer, to device: SocketAddress, _ context: ChannelHandlerContext)
    {
        pass(datagram.readableBytes, .down, context) {
            guard context.channel.isActive else { return }
            let envelope = AddressedEnvelope(remoteAddress: device, data: datagram)
            context.writeAndFlush(self.wrapOutboundOut(envelope), promise: nil)
        }
    }

    private func pass(
        _ bytes: Int, _ direction: LinkRelay.Event.Direction, _ context: ChannelHandlerContext,
        deliver: @escaping () -> Void
    ) {
        let now = Int64(clamping: NIODeadline.now().uptimeNanoseconds)
        let fate = direction == .up ? up.send(bytes, now: now) : down.send(bytes, now: now)
        handle(LinkRelay.Event(direction: direction, bytes: bytes, fate: fate, cameAt: now))
        guard case .delivered(_, let arrives) = fate else { return }
        context.eventLoop.assumeIsolated().scheduleTask(deadline: .uptimeNanoseconds(UInt64(arrives)), deliver)
    }

    private func peer(at address: SocketAddress, _ context: ChannelHandlerContext) -> Peer {
        if let known = peers[address] {
            known.usedAt = .now()
            return known
        }
        if peers.count >= Self.mostPeers, let oldest = peers.min(by: { $0.value.usedAt < $1.value.usedAt }) {
            peers[oldest.key] = nil
            oldest.value.channel.assumeIsolated().whenSuccess { $0.close(promise: nil) }
        }
        let isolated = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let channel = DatagramBootstrap(group: context.eventLoop)
            .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 65_536))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let receiver = UpstreamReceiver { datagram in
                        let (relay, context) = isolated.value
                        relay.receiveFromGateway(datagram, to: address, context)
                    }
                    try channel.pipeline.syncOperations.addHandler(receiver)
                }
            }
            .connect(to: gateway)
        let peer = Peer(channel: channel, usedAt: .now())
        peers[address] = peer
        return peer
    }
}

/// Reads one device's socket towards the gateway.
private final class UpstreamReceiver: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>

    private let receive: (ByteBuffer) -> Void

    init(receive: @escaping (ByteBuffer) -> Void) {
        self.receive = receive
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        receive(unwrapInboundIn(data).data)
    }

    /// A gateway that is being restarted.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {}
}
