internal import DeviceClient
internal import Foundation
internal import NIOCore
internal import NIOPosix
internal import NoiseSodium

typealias SoftwareDevice = DeviceClient<WireSuite, SystemEntropy>

/// Runs a device's machine on a UDP socket, its state in a file.
final class DeviceRunner {
    private(set) var machine: SoftwareDevice
    private let file: DeviceFile
    private let lock: FileLock
    private let storage: DeviceState
    private let channel: any Channel
    private let arrivals: AsyncStream<Arrival>
    private let continuation: AsyncStream<Arrival>.Continuation
    private var timer: Scheduled<Void>?

    private enum Arrival: Sendable {
        case datagram([UInt8])
        case timer
        case interrupted
    }

    init(_ file: DeviceFile) async throws {
        self.file = file
        let (identity, address) = try file.identity()
        lock = try FileLock(file.lockFile) { holder in
            "\(file.path) is in use by another sotto device\(holder.map { " (process \($0))" } ?? "")"
        }
        let (storage, state) = try DeviceState.open(file)
        self.storage = storage
        machine = try Self.machine(file, identity, state)
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

    private static func machine(_ file: DeviceFile, _ identity: DeviceIdentity, _ state: [UInt8]?) throws
        -> SoftwareDevice
    {
        do {
            return try SoftwareDevice(
                identity: identity, link: file.link, state: state, entropy: SystemEntropy(), now: Clock.monotonic)
        } catch {
            throw Failure(
                .newerStore,
                "\(file.stateFile) is damaged, or was written by a newer version of sotto. If it cannot be had back, delete "
                    + "it: the device then makes a new session")
        }
    }

    /// Lets `use` act on the machine, then carries out what the machine wants.
    func perform<T>(_ use: (inout SoftwareDevice, Int64) throws -> T) throws -> T {
        let result = try use(&machine, Clock.monotonic)
        try carryOut()
        return result
    }

    /// Runs until `handle`, which sees each event, returns false; or until interrupted, which returns false.
    func run(_ handle: (SoftwareDevice.Event) throws -> Bool) async throws -> Bool {
        let signals = Interruption.observe { [continuation] in continuation.yield(.interrupted) }
        defer { for signal in signals { signal.cancel() } }
        while let event = machine.nextEvent() {
            guard try handle(event) else { return true }
        }
        schedule()
        for await arrival in arrivals {
            switch arrival {
            case .datagram(let bytes): machine.receive(bytes, now: Clock.monotonic)
            case .timer: machine.handleTimeout(now: Clock.monotonic)
            case .interrupted: return false
            }
            // What has arrived is handed over before it is acknowledged: it may come twice, never not at all.
            var isDone = false
            while !isDone, let event = machine.nextEvent() { isDone = try !handle(event) }
            try carryOut()
            if isDone { return true }
            schedule()
        }
        return false
    }

    /// Stops in order.
    func close() async throws {
        timer?.cancel()
        try storage.write(machine.finish())
        try? await channel.close().get()
    }

    /// The state is on disk before a datagram leaves that depends on it.
    private func carryOut() throws {
        let actions = machine.takeActions()
        if let state = actions.state { try storage.write(state) }
        for datagram in actions.datagrams {
            channel.writeAndFlush(ByteBuffer(bytes: datagram), promise: nil)
        }
    }

    private func schedule() {
        timer?.cancel()
        guard let deadline = machine.deadline else { return }
        let continuation = continuation
        timer = channel.eventLoop.scheduleTask(deadline: .uptimeNanoseconds(UInt64(max(0, deadline)))) {
            continuation.yield(.timer)
        }
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
