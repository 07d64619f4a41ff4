internal import DeviceClient
internal import Foundation
internal import NoiseSodium

typealias SoftwareDevice = DeviceClient<WireSuite, SystemEntropy>

/// Runs a device's machine on a UDP socket, its state in a file.
final class DeviceRunner {
    private(set) var machine: SoftwareDevice
    private let file: DeviceFile
    private let lock: FileLock
    private let socket: DeviceSocket
    private let storage: DeviceState

    init(_ file: DeviceFile) async throws {
        self.file = file
        let (identity, address) = try file.identity()
        lock = try file.lock()
        let (storage, state) = try DeviceState.open(file)
        self.storage = storage
        machine = try Self.machine(file, identity, state)
        guard !machine.isWithoutSession else {
            throw Failure(
                .key,
                "\(file.path) has no session any more and cannot make one: provision it again, beside the gateway, with "
                    + "sotto device rotate NAME --session FILE")
        }
        machine.considerAge(unixMilliseconds: Clock.unixMilliseconds)
        socket = try await DeviceSocket(address)
    }

    static let copied = Failure(
        .key,
        "two different frames came under one number: somebody has a copy of the gateway's data or keys. The session is over"
    )

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
        let signals = Interruption.observe { [socket] in socket.interrupt() }
        defer { for signal in signals { signal.cancel() } }
        while let event = machine.nextEvent() {
            guard try handle(event) else { return true }
        }
        socket.wake(at: machine.deadline)
        for await arrival in socket.arrivals {
            switch arrival {
            case .datagram(let bytes): machine.receive(bytes, now: Clock.monotonic)
            case .timer:
                machine.considerAge(unixMilliseconds: Clock.unixMilliseconds)
                machine.handleTimeout(now: Clock.monotonic)
            case .interrupted: return false
            }
            // What has arrived is handed over before it is acknowledged: it may come twice, never not at all.
            var isDone = false
            while !isDone, let event = machine.nextEvent() { isDone = try !handle(event) }
            try carryOut()
            if isDone { return true }
            socket.wake(at: machine.deadline)
        }
        return false
    }

    /// Stops in order.
    func close() async throws {
        try storage.write(machine.finish())
        await socket.close()
    }

    /// The state is on disk before a datagram leaves that depends on it.
    private func carryOut() throws {
        let actions = machine.takeActions()
        if let state = actions.state { try storage.write(state) }
        for datagram in actions.datagrams { socket.send(datagram) }
    }
}
