import DeviceClient
import GatewayCore
import Links
import SecureDatagram
import TestSupport
import Testing

/// A gateway, its devices, their links and a homeserver in virtual time: same seed, same world.
final class World {
    let seed: UInt64
    let link: Link
    /// What both machines are told of it.
    let told: Link
    let recorder = SealRecorder()
    let homeserver = ModelHomeserver()
    private(set) var now: Int64 = second
    private var events = EventQueue()
    private var happened = 0
    private var dice: SeededStream
    private(set) lazy var gateway = GatewayHost(
        world: self, uplinkLimit: uplinkLimit, messagesPerHour: messagesPerHour)
    private let uplinkLimit: Int
    private let messagesPerHour: Int?
    private(set) var devices: [DeviceHost] = []
    /// Which device stands behind an address.
    private var places: [PeerAddress: Int] = [:]
    private var nextPort: UInt16 = 20_000
    var weather = Weather.perfect
    var homeserverIsDown = false
    var pushesNothing = false
    /// What becomes of a call, before the weather has its say.
    var fault: (HomeserverCall) -> CallFault? = { _ in nil }
    var homeserverLatency: (HomeserverCall) -> Int64 = { _ in 200_000_000 }
    /// Every datagram that left, up and down.
    private(set) var capture: [(isUp: Bool, device: Int, bytes: [UInt8])] = []
    private var pushScheduled = false
    /// What went wrong that no test may bear.
    private var faults: [String] = []

    /// What may become of a call other than being carried out and answered.
    enum CallFault {
        /// Not carried out.
        case unavailable
        /// Carried out, and the answer lost.
        case unanswered
        case rateLimited(Int64)
        case refused(String)
    }

    static let userPrefix = "sotto_"
    static let unixMillisecondsAtZero: Int64 = 1_800_000_000_000

    private init(seed: UInt64, link: Link, told: Link?, uplinkLimit: Int, messagesPerHour: Int?) {
        self.seed = seed
        self.link = link
        self.told = told ?? link
        dice = SeededStream(seed: seed, purpose: 100)
        self.uplinkLimit = uplinkLimit
        self.messagesPerHour = messagesPerHour
        homeserver.unixMilliseconds = unixMilliseconds
        homeserver.onEvent = { [unowned self] in schedulePush(after: 300_000_000) }
        gateway.start()
    }

    /// Makes a world, lets `body` play with it, and tells of what no world may show.
    static func with<T>(
        seed: UInt64, link: Link = .slow(bitsPerSecond: 20_000), told: Link? = nil, uplinkLimit: Int = 10_000,
        messagesPerHour: Int? = nil, _ body: (World) throws -> T
    ) rethrows -> T {
        let world = World(
            seed: seed, link: link, told: told, uplinkLimit: uplinkLimit, messagesPerHour: messagesPerHour)
        return try RecordingSuite.$recorder.withValue(world.recorder) {
            let result = try body(world)
            let problems = world.problems
            #expect(problems.isEmpty, "seed \(seed): \(problems.prefix(3).joined(separator: "; "))")
            return result
        }
    }

    /// The same for thousands of worlds: returns what is wrong instead of telling it.
    static func collect(seed: UInt64, link: Link, _ body: (World) -> [String]) -> [String] {
        let world = World(seed: seed, link: link, told: nil, uplinkLimit: 10_000, messagesPerHour: nil)
        return RecordingSuite.$recorder.withValue(world.recorder) {
            let found = body(world)
            return world.problems + found
        }
    }

    var problems: [String] {
        faults + recorder.problems + gateway.store.problems + devices.flatMap(\.problems)
    }

    func complain(_ text: String) {
        faults.append(text)
    }

    /// By how many milliseconds the gateway's clock of the day is wrong; the clock of its timers never is.
    var clockError: Int64 = 0
    var unixMilliseconds: Int64 { Self.unixMillisecondsAtZero + now / 1_000_000 + clockError }
    var moment: Moment { Moment(monotonic: now, unixMilliseconds: unixMilliseconds) }

    // MARK: Time

    func at(_ time: Int64, _ action: @escaping () -> Void) {
        events.add(max(time, now), action)
    }

    func after(_ delay: Int64, _ action: @escaping () -> Void) {
        at(now + delay, action)
    }

    /// Lets time pass.
    func run(for duration: Int64) {
        _ = run(for: duration, until: { false })
    }

    /// Lets time pass until something is so. False: it did not become so in time.
    @discardableResult
    func run(for duration: Int64, until isSo: () -> Bool) -> Bool {
        let end = now + duration
        var steps = 0
        while !isSo() {
            guard let time = events.nextTime, time <= end, let next = events.popFirst() else {
                now = end
                homeserver.unixMilliseconds = unixMilliseconds
                return isSo()
            }
            now = next.time
            homeserver.unixMilliseconds = unixMilliseconds
            next.action()
            steps += 1
            guard steps < 300_000 else {
                complain("time does not pass: a machine asks to be woken again and again")
                return false
            }
        }
        return true
    }

    /// True in so many of a thousand cases.
    func happens(_ perThousand: UInt64) -> Bool {
        perThousand > 0 && dice.next(below: 1000) < perThousand
    }

    func draw(below bound: UInt64) -> UInt64 {
        dice.next(below: bound)
    }

    func draw(upTo longest: Int64) -> Int64 {
        Int64(dice.next(below: UInt64(max(0, longest)) + 1))
    }

    // MARK: Devices

    /// Makes a device, tells the gateway of it, and switches it on.
    @discardableResult
    func addDevice(
        _ name: String, room: String = "!room:example.org", isOn: Bool = true, watches: Bool = false
    ) -> DeviceHost {
        let host = DeviceHost(
            world: self, index: devices.count, name: name, seed: seed &+ UInt64(devices.count) &* 7919, link: link)
        devices.append(host)
        enrol(host, room: room)
        host.address = newAddress(of: host)
        host.wantsWatch = watches
        if isOn { host.start() }
        return host
    }

    /// Gives a device its number.
    func enrol(_ host: DeviceHost, room: String = "!room:example.org") {
        gateway.perform { [moment] machine in
            do {
                let record = try machine.addDevice(
                    name: host.name, publicKey: host.publicKey, room: room, now: moment)
                host.number = record.number
            } catch {
                complain("a device cannot be added: \(error)")
            }
        }
    }

    func newAddress(of host: DeviceHost) -> PeerAddress {
        nextPort += 1
        let address = PeerAddress(ip: [192, 0, 2, 1], port: nextPort)
        places[address] = host.index
        return address
    }

    /// The path to a device's old address is gone.
    func forget(_ address: PeerAddress) {
        places[address] = nil
    }

    // MARK: Datagrams

    func send(_ bytes: [UInt8], from host: DeviceHost) {
        recorder.leaves(bytes)
        capture.append((true, host.index, bytes))
        let address = host.address
        carry(bytes, over: &host.up) { [unowned self] in gateway.receive($0, from: address) }
    }

    func send(_ datagram: Actions.Datagram) {
        recorder.leaves(datagram.bytes)
        guard let index = places[datagram.to] else { return }
        let host = devices[index]
        capture.append((false, index, datagram.bytes))
        carry(datagram.bytes, over: &host.down) { [unowned self] bytes in
            // An address that was given up meanwhile leads nowhere.
            if places[datagram.to] == index { host.receive(bytes) }
        }
    }

    private func carry(
        _ bytes: [UInt8], over direction: inout LinkDirection, to deliver: @escaping ([UInt8]) -> Void
    ) {
        guard case .delivered(_, let arrives) = direction.send(bytes.count, now: now), !happens(weather.loss) else {
            return
        }
        for _ in 0..<(happens(weather.duplication) ? 2 : 1) {
            var arriving = bytes
            if happens(weather.damage) {
                let bit = Int(draw(below: UInt64(bytes.count * 8)))
                arriving[bit / 8] ^= 1 << UInt8(bit % 8)
            }
            let delay = happens(weather.reordering) ? draw(upTo: weather.longestDelay) : 0
            at(arrives + delay) { deliver(arriving) }
        }
    }

    // MARK: The homeserver

    func carryOut(_ call: Actions.Call, answer: @escaping (Result<HomeserverReply, HomeserverFailure>) -> Void) {
        let latency = homeserverLatency(call.call)
        after(latency / 2) { [unowned self] in
            let result = homeserverIsDown ? Self.noConnection : outcome(of: call.call)
            if case .ping = call.call, !homeserverIsDown { schedulePush(after: 0) }
            after(latency - latency / 2) { answer(result) }
        }
    }

    private static let noConnection = Result<HomeserverReply, HomeserverFailure>.failure(
        .temporary("no connection", retryAfterMilliseconds: nil))

    private func outcome(of call: HomeserverCall) -> Result<HomeserverReply, HomeserverFailure> {
        var wrong = fault(call)
        if wrong == nil, happens(weather.callFaults) {
            wrong = [.unavailable, .unanswered, .rateLimited(1000 + draw(upTo: 9000))][Int(draw(below: 3))]
        }
        switch wrong {
        case nil: return homeserver.carryOut(call)
        case .unavailable: return Self.noConnection
        case .unanswered:
            _ = homeserver.carryOut(call)
            return .failure(.temporary("no answer in time", retryAfterMilliseconds: nil))
        case .rateLimited(let time):
            return .failure(.temporary("rate limited", retryAfterMilliseconds: time))
        case .refused(let errcode):
            return .failure(.refused(errcode: errcode, message: "no"))
        }
    }

    /// Pushes what the homeserver has for the gateway, until it is taken.
    private func schedulePush(after delay: Int64) {
        guard !pushScheduled else { return }
        pushScheduled = true
        after(delay) { [unowned self] in
            pushScheduled = false
            guard !homeserverIsDown, !pushesNothing, let transaction = homeserver.transactionToPush() else {
                if !homeserver.hasNothingToPush { schedulePush(after: 5 * second) }
                return
            }
            if gateway.receive(transaction) { homeserver.taken(transaction.id) }
            if !homeserver.hasNothingToPush { schedulePush(after: 2 * second) }
        }
    }
}
