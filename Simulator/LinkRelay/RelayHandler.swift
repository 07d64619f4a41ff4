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
    /// Datagrams, and what to do with each when it arrives.
    private var underWay: [UInt64: (ByteBuffer, (ByteBuffer) -> Void)] = [:]
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
        pass(envelope.data, .up, peer.place, context) { datagram in
            peer.channel.assumeIsolated().whenSuccess { $0.writeAndFlush(datagram, promise: nil) }
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
        pass(datagram, .down, peer.place, context) { arriving in
            guard context.channel.isActive else { return }
            let envelope = AddressedEnvelope(remoteAddress: device, data: arriving)
            context.writeAndFlush(self.wrapOutboundOut(envelope), promise: nil)
        }
    }

    private static var now: Int64 { Int64(clamping: NIODeadline.now().uptimeNanoseconds) }

    private func pass(
        _ datagram: ByteBuffer, _ heading: Heading, _ place: Int, _ context: ChannelHandlerContext,
        deliver: @escaping (ByteBuffer) -> Void
    ) {
        let id = nextID
        nextID += 1
        underWay[id] = (datagram, deliver)
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
        var arrived: [UInt64] = []
        while let event = machine.nextEvent() {
            handle(
                LinkRelay.Event(
                    id: event.id, heading: event.heading, device: event.device, bytes: event.bytes, time: event.time,
                    what: .link(event.kind)))
            switch event.kind {
            case .started: break
            case .dropped, .lost: underWay[event.id] = nil
            case .arrived(let isCopy, let flippedBit):
                if let (datagram, deliver) = underWay[event.id] {
                    deliver(flippedBit.map { datagram.withFlipped(bit: $0) } ?? datagram)
                }
                if !isCopy { arrived.append(event.id) }
            }
        }
        // A copy comes in the same turn, or not at all.
        for id in arrived { underWay[id] = nil }
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

extension ByteBuffer {
    /// With one bit of what is readable the other way round; bit 0 is the lowest of the first byte.
    fileprivate func withFlipped(bit: Int) -> ByteBuffer {
        var changed = self
        let index = readerIndex + bit / 8
        if let byte = getInteger(at: index, as: UInt8.self) {
            changed.setInteger(byte ^ 1 << UInt8(bit % 8), at: index)
        }
        return changed
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
