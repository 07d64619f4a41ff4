import CoAP
import CompactMatrix
import DeviceClient
import GatewayCore
import Links
import NoiseSodium
import SecureDatagram

/// A device that enrols itself, a gateway with its store, and the air between them, in virtual time.
final class EnrolmentAir {
    typealias Machine = Gateway<WireSuite>

    /// When a datagram arrives after it was sent: once, not at all, or more than once.
    typealias Fate = (_ index: Int, _ isUp: Bool) -> [Int64]

    static func unchanged(_ index: Int, _ isUp: Bool) -> [Int64] { [second / 2] }
    static let room = "!room:example.org"

    let link = Link.slow(bitsPerSecond: 1000)
    let entropy = SeededEntropy(seed: 9, purpose: 70)
    let configuration: Machine.Configuration
    private(set) var gateway: Machine
    private(set) var store = MemoryStore()
    var now: Int64 = 0
    private(set) var sent: (up: [[UInt8]], down: [[UInt8]]) = ([], [])
    private var address = PeerAddress(ip: [127, 0, 0, 1], port: 1)
    let gatewayKey: [UInt8]
    let deviceKey: [UInt8]
    private var underWay: [(time: Int64, isUp: Bool, bytes: [UInt8])] = []

    init() {
        let privateKey = entropy.bytes(32)
        gatewayKey = WireSuite.publicKey(of: privateKey)
        deviceKey = entropy.bytes(32)
        configuration = Machine.Configuration(privateKeys: [privateKey], serverName: "example.org", link: link)
        let entropy = entropy
        gateway = Machine(
            configuration: configuration, state: StoredState(), now: Moment(monotonic: 0, unixMilliseconds: 0),
            random: { entropy.bytes($0) })
    }

    /// By how many milliseconds the gateway's clock of the day is wrong.
    var clockError: Int64 = 0
    var moment: Moment {
        Moment(monotonic: now, unixMilliseconds: 1_800_000_000_000 + now / 1_000_000 + clockError)
    }

    /// The gateway is killed, and another begins from what it had stored.
    func restart() {
        let entropy = entropy
        gateway = Machine(
            configuration: configuration, state: store.state, now: moment, random: { entropy.bytes($0) })
    }

    /// The gateway is started on a store that was put back.
    func restore() {
        store.forgetSessions()
        restart()
    }

    /// Lets `use` act on the gateway, then stores what it wants stored and sends what it wants sent.
    @discardableResult
    func perform<T>(_ use: (Machine) throws -> T, fate: Fate = unchanged) rethrows -> T {
        let result = try use(gateway)
        let actions = gateway.takeActions()
        store.commit(actions.writes)
        for datagram in actions.datagrams {
            for delay in fate(sent.down.count, false) { underWay.append((now + delay, false, datagram.bytes)) }
            sent.down.append(datagram.bytes)
        }
        return result
    }

    /// Runs an enrolment until it has ended.
    ///
    /// - Parameter restarts: before the gateway takes datagrams of these indices it is killed.
    func run(
        _ machine: inout Enrolment<WireSuite>, fate: Fate = unchanged, restarts: Set<Int> = []
    ) -> Enrolment<WireSuite>.Outcome {
        var taken = 0
        for _ in 0..<10_000 {
            while let datagram = machine.nextDatagram() {
                for delay in fate(sent.up.count, true) { underWay.append((now + delay, true, datagram)) }
                sent.up.append(datagram)
            }
            guard machine.outcome == .waiting else { return machine.outcome }
            let next = underWay.indices.min { underWay[$0].time < underWay[$1].time }
            if let next, underWay[next].time <= machine.deadline ?? .max {
                let arrival = underWay.remove(at: next)
                now = max(now, arrival.time)
                if arrival.isUp {
                    if restarts.contains(taken) { restart() }
                    taken += 1
                    perform({ $0.receive(arrival.bytes, from: address, now: moment) }, fate: fate)
                } else {
                    machine.receive(arrival.bytes, now: now)
                }
            } else if let deadline = machine.deadline {
                now = max(now, deadline)
                machine.handleTimeout(now: now)
            } else {
                return machine.outcome
            }
        }
        return machine.outcome
    }

    /// Whether what an enrolment left serves: a message is sent and answered in two datagrams, without a handshake.
    func canSpeak(_ outcome: Enrolment<WireSuite>.Outcome, privateKey: [UInt8]? = nil) throws -> Bool {
        guard case .enrolled(let number, let gatewayKey, let state) = outcome, let number = DeviceNumber(number) else {
            return false
        }
        return try canSpeak(
            DeviceIdentity(number: number, privateKey: privateKey ?? deviceKey, gatewayKey: gatewayKey), state)
    }

    func canSpeak(_ identity: DeviceIdentity, _ state: [UInt8]) throws -> Bool {
        var device = try DeviceClient<WireSuite, SeededEntropy>(
            identity: identity, link: link, state: state, entropy: entropy, now: now)
        _ = try device.send(.text("hello"), now: now)
        let up = device.takeActions().datagrams
        guard up.count == 1, up[0][0] >= 0xA0 else { return false }
        let before = sent.down.count
        perform { $0.receive(up[0], from: address, now: moment) }
        guard sent.down.count == before + 1 else { return false }
        device.receive(sent.down[before], now: now)
        while let event = device.nextEvent() {
            if case .answered(_, let response) = event { return response.code.isSuccess }
        }
        return false
    }
}
