internal import Foundation
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOPosix

/// A device's socket towards its gateway, and the timer of the machine that uses it, as one stream of what happens.
final class DeviceSocket: Sendable {
    enum Arrival: Sendable {
        case datagram([UInt8])
        case timer
        case interrupted
    }

    let arrivals: AsyncStream<Arrival>
    private let continuation: AsyncStream<Arrival>.Continuation
    private let channel: any Channel
    private let timer = NIOLockedValueBox<Scheduled<Void>?>(nil)

    init(_ address: HostPort) async throws {
        let (stream, continuation) = AsyncStream<Arrival>.makeStream()
        arrivals = stream
        self.continuation = continuation
        do {
            let resolved = try SocketAddress.makeAddressResolvingHost(address.host, port: address.port)
            channel = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(Receiver(continuation: continuation))
                    }
                }
                .connect(to: resolved).get()
        } catch {
            throw Failure(.noAnswer, "the gateway's address \(address) cannot be used: \(error)")
        }
    }

    func send(_ datagram: [UInt8]) {
        channel.writeAndFlush(ByteBuffer(bytes: datagram), promise: nil)
    }

    /// Makes a `.timer` at that time of the monotonic clock, instead of what was asked for before; nil: none.
    func wake(at deadline: Int64?) {
        let next = deadline.map { deadline in
            channel.eventLoop.scheduleTask(deadline: .uptimeNanoseconds(UInt64(max(0, deadline)))) { [continuation] in
                _ = continuation.yield(.timer)
            }
        }
        timer.withLockedValue { timer in
            timer?.cancel()
            timer = next
        }
    }

    func interrupt() { continuation.yield(.interrupted) }

    func close() async {
        wake(at: nil)
        try? await channel.close().get()
    }

    private final class Receiver: ChannelInboundHandler {
        typealias InboundIn = AddressedEnvelope<ByteBuffer>

        private let continuation: AsyncStream<Arrival>.Continuation

        init(continuation: AsyncStream<Arrival>.Continuation) {
            self.continuation = continuation
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            continuation.yield(.datagram(Array(unwrapInboundIn(data).data.readableBytesView)))
        }

        // A gateway that is being restarted: the kernel reports its closed port. Repetitions go on.
        func errorCaught(context: ChannelHandlerContext, error: any Error) {}
    }
}
