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

    /// The moment at which one of the two is killed.
    enum Death: CaseIterable {
        /// The gateway: what it has made of a datagram is neither stored nor sent; or stored, and not sent.
        case gatewayBeforeStoring, gatewayBeforeSending
        /// The device: it does not send what it was about to, or does not hear what arrives; or dies right after either. It
        /// begins again with the keys that it has kept.
        case deviceBefore, deviceAfter
    }

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
    func perform<T>(_ use: (Machine) throws -> T, fate: Fate = unchanged, death: Death? = nil) rethrows -> T {
        let result = try use(gateway)
        let actions = gateway.takeActions()
        if death == .gatewayBeforeStoring { return result }
        store.commit(actions.writes)
        if death == .gatewayBeforeSending { return result }
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

    /// The same, where each of the two is killed at some of its steps.
    ///
    /// - Parameters:
    ///   - deaths: by what has happened before: datagrams that the gateway has taken, or that the device has sent or heard.
    ///   - remake: the device's machine after its death.
    func run(
        _ machine: inout Enrolment<WireSuite>, deaths: [(step: Int, Death)],
        remake: () throws -> Enrolment<WireSuite>
    ) throws -> Enrolment<WireSuite>.Outcome {
        var steps = (gateway: 0, device: 0)
        /// What the device's next step is cut short by.
        func deviceDeath() -> Death? {
            defer { steps.device += 1 }
            return deaths.first {
                $0.step == steps.device && ($0.1 == .deviceBefore || $0.1 == .deviceAfter)
            }?.1
        }
        while machine.outcome == .waiting, sent.up.count < 100 {
            if let datagram = machine.nextDatagram() {
                let death = deviceDeath()
                if death != .deviceBefore {
                    sent.up.append(datagram)
                    underWay.append((now + second / 2, true, datagram))
                }
                if death != nil { machine = try remake() }
                continue
            }
            let next = underWay.indices.min { underWay[$0].time < underWay[$1].time }
            guard let next, underWay[next].time <= machine.deadline ?? .max else {
                guard let deadline = machine.deadline else { break }
                now = max(now, deadline)
                machine.handleTimeout(now: now)
                continue
            }
            let arrival = underWay.remove(at: next)
            now = max(now, arrival.time)
            if arrival.isUp {
                let death = deaths.first {
                    $0.step == steps.gateway && ($0.1 == .gatewayBeforeStoring || $0.1 == .gatewayBeforeSending)
                }?.1
                steps.gateway += 1
                perform({ $0.receive(arrival.bytes, from: address, now: moment) }, death: death)
                if death != nil { restart() }
            } else {
                let death = deviceDeath()
                if death != .deviceBefore { machine.receive(arrival.bytes, now: now) }
                if death != nil { machine = try remake() }
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
