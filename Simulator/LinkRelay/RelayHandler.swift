internal import LinkModel
internal import NIOCore
internal import NIOPosix

/// The relay's work, all of it on the event loop of the socket that devices send to.
final class RelayHandler: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    typealias OutboundOut = AddressedEnvelope<ByteBuffer>

    /// A device, by its address: its socket towards the gateway.
    private final class Peer {
        let channel: EventLoopFuture<any Channel>
        /// On the link.
        let place: Int
        var usedAt: NIODeadline

        init(channel: EventLoopFuture<any Channel>, place: Int, usedAt: NIODeadline) {
            self.channel = channel
            self.place = place
            self.usedAt = usedAt
        }
    }

    /// Devices at once; the one that was silent for longest makes room.
    private static let mostPeers = 4096

    private var machine: LinkMachine
    private var nextID: UInt64 = 1
    /// What to do with a datagram when it arrives.
    private var underWay: [UInt64: () -> Void] = [:]
    private var freePlaces: [Int] = []
    private var timer: (at: Int64, scheduled: Scheduled<Void>)?
    private let gateway: SocketAddress
    private let handle: @Sendable (LinkRelay.Event) -> Void
    private var peers: [SocketAddress: Peer] = [:]

    init(link: RadioLink, seed: UInt64, gateway: SocketAddress, handle: @escaping @Sendable (LinkRelay.Event) -> Void) {
        machine = LinkMachine(link, seed: seed)
        self.gateway = gateway
        self.handle = handle
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let envelope = unwrapInboundIn(data)
        let peer = peer(at: envelope.remoteAddress, context)
        pass(envelope.data, .up, peer.place, context) {
            peer.channel.assumeIsolated().whenSuccess { $0.writeAndFlush(envelope.data, promise: nil) }
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        for peer in peers.values { peer.channel.assumeIsolated().whenSuccess { $0.close(promise: nil) } }
        peers = [:]
        timer?.scheduled.cancel()
        timer = nil
        underWay = [:]
    }

    /// The kernel reports a closed port of a device that has gone: no reason to stop for the others.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {}

    private func receiveFromGateway(_ datagram: ByteBuffer, to device: SocketAddress, _ context: ChannelHandlerContext)
    {
        guard let peer = peers[device] else { return }
        pass(datagram, .down, peer.place, context) {
            guard context.channel.isActive else { return }
            let envelope = AddressedEnvelope(remoteAddress: device, data: datagram)
            context.writeAndFlush(self.wrapOutboundOut(envelope), promise: nil)
        }
    }

    private static var now: Int64 { Int64(clamping: NIODeadline.now().uptimeNanoseconds) }

    private func pass(
        _ datagram: ByteBuffer, _ heading: Heading, _ place: Int, _ context: ChannelHandlerContext,
        deliver: @escaping () -> Void
    ) {
        let id = nextID
        nextID += 1
        underWay[id] = deliver
        let now = Self.now
        handle(
            LinkRelay.Event(
                id: id, heading: heading, device: place, bytes: datagram.readableBytes, time: now,
                what: .came(Array(datagram.readableBytesView))))
        machine.send(id, bytes: datagram.readableBytes, heading, device: place, now: now)
        settle(context)
    }

    /// Carries out what has happened on the link, and sets the timer to what comes next.
    private func settle(_ context: ChannelHandlerContext) {
        while let event = machine.nextEvent() {
            handle(
                LinkRelay.Event(
                    id: event.id, heading: event.heading, device: event.device, bytes: event.bytes, time: event.time,
                    what: .link(event.kind)))
            switch event.kind {
            case .started: break
            case .dropped, .lost: underWay[event.id] = nil
            case .arrived(let isCopy, _):
                underWay[event.id]?()
                // A copy comes at once after the first, or not at all.
                if isCopy || !copies(event.heading) { underWay[event.id] = nil }
            }
        }
        guard let deadline = machine.deadline, timer.map({ deadline < $0.at }) ?? true else { return }
        timer?.scheduled.cancel()
        let scheduled = context.eventLoop.assumeIsolated().scheduleTask(
            deadline: .uptimeNanoseconds(UInt64(max(0, deadline)))
        ) { [self] in
            timer = nil
            machine.advance(to: Self.now)
            settle(context)
        }
        timer = (deadline, scheduled)
    }

    private func copies(_ heading: Heading) -> Bool {
        (heading == .up ? machine.link.up : machine.link.down).duplicationPerMillion > 0
    }

    private func peer(at address: SocketAddress, _ context: ChannelHandlerContext) -> Peer {
        if let known = peers[address] {
            known.usedAt = .now()
            return known
        }
        if peers.count >= Self.mostPeers, let oldest = peers.min(by: { $0.value.usedAt < $1.value.usedAt }) {
            peers[oldest.key] = nil
            freePlaces.append(oldest.value.place)
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
        let place = freePlaces.popLast() ?? machine.addDevice()
        let peer = Peer(channel: channel, place: place, usedAt: .now())
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
