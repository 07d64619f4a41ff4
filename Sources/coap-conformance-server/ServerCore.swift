import ConformanceSite
import NIOCore

/// The server, its sockets and its one timer, all on one event loop.
final class ServerCore: @unchecked Sendable {
    // Everything here is touched on `loop` only, which the preconditions of its callers hold to.
    private var server: ConformanceServer<PeerAddress>
    private let loop: any EventLoop
    private var timer: Scheduled<Void>?
    private var timerAt: Int64 = .max
    private var channels: (v4: (any Channel)?, v6: (any Channel)?)

    init(_ server: ConformanceServer<PeerAddress>, loop: any EventLoop) {
        self.server = server
        self.loop = loop
    }

    func add(_ channel: any Channel) {
        loop.preconditionInEventLoop()
        if case .v6 = channel.localAddress { channels.v6 = channel } else { channels.v4 = channel }
        schedule()
    }

    /// Takes a datagram, and writes what is to be sent without flushing it.
    func receive(_ envelope: AddressedEnvelope<ByteBuffer>) {
        guard let address = PeerAddress(envelope.remoteAddress) else { return }
        let datagram = Array(envelope.data.readableBytesView)
        let timersChanged = server.receive(datagram, from: address, now: Self.now)
        write(answeringTo: address, at: envelope.remoteAddress)
        if timersChanged { schedule() }
    }

    func flush() {
        channels.v4?.flush()
        channels.v6?.flush()
    }

    private static var now: Int64 { Int64(NIODeadline.now().uptimeNanoseconds) }

    private func write(answeringTo known: PeerAddress?, at socketAddress: SocketAddress?) {
        guard !server.outgoing.isEmpty else { return }
        defer { server.outgoing.removeAll(keepingCapacity: true) }
        for (bytes, address) in server.outgoing {
            guard let channel = address.isOfIPv6 ? channels.v6 : channels.v4,
                let target = address == known ? socketAddress : address.socketAddress
            else { continue }
            var buffer = channel.allocator.buffer(capacity: bytes.count)
            buffer.writeBytes(bytes)
            channel.write(AddressedEnvelope(remoteAddress: target, data: buffer), promise: nil)
        }
    }

    private func schedule() {
        let deadline = server.deadline
        guard deadline != timerAt else { return }
        timer?.cancel()
        timerAt = deadline
        timer = loop.scheduleTask(deadline: .uptimeNanoseconds(UInt64(max(0, deadline)))) {
            self.timerAt = .max
            self.server.handleTimeout(now: Self.now)
            self.write(answeringTo: nil, at: nil)
            self.flush()
            self.schedule()
        }
    }
}

/// Hands datagrams to the core, and flushes once for each batch that was read.
final class DatagramHandler: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>

    private let core: ServerCore

    init(_ core: ServerCore) {
        self.core = core
    }

    func channelActive(context: ChannelHandlerContext) {
        core.add(context.channel)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        core.receive(unwrapInboundIn(data))
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        core.flush()
    }
}
