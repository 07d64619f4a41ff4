internal import CoAP
internal import CompactMatrix
internal import DeviceClient
internal import GatewayCore
public import LinkModel
internal import Links
internal import NoiseSodium
internal import SecureDatagram

/// Devices, their links, gateways and a homeserver in virtual time: the machines are those that real devices and the real
/// gateway run. Same scenario and seed, same records, byte for byte.
public final class Simulation {
    public let scenario: Scenario
    public private(set) var now: Int64 = 0
    /// Events so far: a measure of the work done.
    public private(set) var events = 0
    public internal(set) var summary: Summary
    var agenda = EventHeap<Happening>()
    var devices: [DeviceNode] = []
    var gateways: [GatewayNode] = []
    var links: [LinkNode] = []
    var homeserver = ModelledHomeserver()
    var homeserverJitter: SeededStream
    var pushIsPlanned = false
    var messages: [MessageState] = []
    var frames: [UInt64: FrameState] = [:]
    var nextFrame: UInt64 = 1
    let record: ((Record) -> Void)?
    let capture: ((Capture) -> Void)?

    /// A datagram with its bytes, and what became of it.
    public struct Capture {
        /// When its first bit left; where none did, when it was handed over.
        public var time: Int64
        public var device: Int
        public var link: Int
        public var heading: Heading
        public var frame: UInt64
        public var bytes: [UInt8]
        /// Arrived, lost, dropped, or under way when the run ended.
        public var fate: String
    }

    enum Happening {
        case start(Int)
        case device(Int)
        case traffic(device: Int, kind: Int)
        case plainTimer(Int)
        case gateway(Int)
        case link(Int)
        case call(gateway: Int, Actions.Call)
        case answer(gateway: Int, UInt64, Result<HomeserverReply, HomeserverFailure>)
        case push
        case say(Int)
        case outage(isBegin: Bool)
    }

    /// A datagram under way.
    struct FrameState {
        var bytes: [UInt8]
        var length: Int
        var device: Int
        var heading: Heading
        var message: Int?
        /// Without protocols: it wants an answer, or is one.
        var isConfirmed = false
        var leftAt: Int64
    }

    final class LinkNode {
        var machine: LinkMachine
        var timer: Int64 = .max
        var isSettling = false
        /// Frames that have arrived in this turn; a copy of one comes in the same turn.
        var arrived: [UInt64] = []
        /// By place on the link.
        var devices: [Int] = []

        init(_ machine: LinkMachine) { self.machine = machine }
    }

    final class GatewayNode {
        let machine: Gateway<WireSuite>
        let publicKey: [UInt8]
        var timer: Int64 = .max
        /// Which message stands under a request's id.
        var requests: [String: Int] = [:]
        /// By the gateway's number.
        var nodes: [UInt32: DeviceNode] = [:]

        init(_ machine: Gateway<WireSuite>, publicKey: [UInt8]) {
            self.machine = machine
            self.publicKey = publicKey
        }
    }

    static let unixMillisecondsAtZero: Int64 = 1_800_000_000_000

    /// - Parameters:
    ///   - record: is told of everything, in order; nil: nothing is told.
    ///   - capture: is told of every datagram once its fate is known.
    public init(
        _ scenario: Scenario, record: ((Record) -> Void)? = nil, capture: ((Capture) -> Void)? = nil
    ) throws(ScenarioProblem) {
        self.scenario = scenario
        self.record = record
        self.capture = capture
        homeserverJitter = SeededStream(seed: scenario.seed, purpose: 0x3_0000_0000)
        summary = Summary(scenario)
        try makeGateways()
        try makeDevices()
        try checkWhatCannotWork()
        for outage in scenario.homeserver.outages {
            agenda.add(outage.lowerBound, .outage(isBegin: true))
            agenda.add(outage.upperBound, .outage(isBegin: false))
        }
        for (index, message) in scenario.roomMessages.enumerated() { agenda.add(message.time, .say(index)) }
    }

    private func makeGateways() throws(ScenarioProblem) {
        for (index, named) in scenario.links.enumerated() {
            let seed = scenario.seed &+ UInt64(index) &* 0x9E37_79B9
            links.append(LinkNode(LinkMachine(named.link, seed: seed)))
            let entropy = SeededEntropy(seed: seed, purpose: 0x4_0000_0000)
            let key = entropy.bytes(32)
            let configuration = Gateway<WireSuite>.Configuration(
                privateKeys: [key], serverName: ModelledHomeserver.serverName,
                userPrefix: ModelledHomeserver.userPrefix, link: named.link.timing,
                // There is no store to fetch them from.
                uplinksInMemory: .max)
            let machine = Gateway<WireSuite>(
                configuration: configuration, state: StoredState(), now: moment, random: { entropy.bytes($0) })
            machine.start(now: moment)
            gateways.append(GatewayNode(machine, publicKey: WireSuite.publicKey(of: key)))
            settle(gateway: index)
        }
    }

    private func makeDevices() throws(ScenarioProblem) {
        for (number, group) in scenario.devices.enumerated() {
            guard scenario.links.indices.contains(group.link) else {
                throw ScenarioProblem(group, "its link does not exist")
            }
            for copy in 0..<group.count {
                let name = group.count == 1 ? group.name : "\(group.name)-\(copy + 1)"
                let link = links[group.link]
                let node = DeviceNode(
                    index: devices.count, name: name, group: number, link: group.link,
                    place: link.machine.addDevice(), seed: scenario.seed)
                link.devices.append(node.index)
                devices.append(node)
                if group.stack == .sotto { try introduce(node) }
                let start =
                    group.start
                    + (copy == 0 ? 0 : Int64(node.traffic.next(below: UInt64(max(0, group.spread)) + 1)))
                agenda.add(start, .start(node.index))
            }
        }
    }

    private func introduce(_ node: DeviceNode) throws(ScenarioProblem) {
        let gateway = gateways[node.link]
        let isProvisioned = scenario.devices[node.group].isProvisioned(on: scenario.links[node.link].link)
        do {
            let record: DeviceRecord
            if isProvisioned {
                let made = try gateway.machine.provision(name: node.name, room: node.room, now: moment)
                record = made.record
                guard let number = DeviceNumber(record.number) else { return }
                node.identity = DeviceIdentity(provisioned: number)
                node.state = try ProvisionedState.begin(with: made.session, WireSuite.self)
            } else {
                let key = node.entropy.bytes(32)
                record = try gateway.machine.addDevice(
                    name: node.name, publicKey: WireSuite.publicKey(of: key), room: node.room, now: moment)
                guard let number = DeviceNumber(record.number) else { return }
                node.identity = DeviceIdentity(number: number, privateKey: key, gatewayKey: gateway.publicKey)
            }
            gateway.nodes[record.number] = node
            if let template = scenario.devices[node.group].template {
                _ = try gateway.machine.setTemplate(of: node.name, template)
            }
        } catch {
            throw ScenarioProblem(
                scenario.devices[node.group], "the gateway does not take the device \(node.name): \(error)")
        }
        settle(gateway: node.link)
    }

    // MARK: Time

    var moment: Moment {
        Moment(monotonic: now, unixMilliseconds: Self.unixMillisecondsAtZero + now / 1_000_000)
    }

    /// When a device's link is bad, as far as that is a matter of time.
    public func badTimes(device index: Int, _ heading: Heading, until end: Int64) -> [Range<Int64>] {
        guard devices.indices.contains(index) else { return [] }
        let node = devices[index]
        return links[node.link].machine.badTimes(heading, device: node.place, until: end)
    }

    /// From creation until it was in the room (without protocols: at the gateway), of each message that a device had to say
    /// until `time`, in order; nil: it has not come there.
    public func latencies(ofMessagesUntil time: Int64) -> [Int64?] {
        messages.filter { !$0.isSaid && $0.created <= time }.map { message in
            let end =
                message.inRoom >= 0 || devices[Int(message.device)].identity != nil ? message.inRoom : message.arrived
            return end >= 0 ? end - message.created : nil
        }
    }

    public func deviceName(_ index: Int) -> String { devices[index].name }
    public var deviceCount: Int { devices.count }

    /// Lets time pass, until `time` or the scenario's end. False: `stops` said so before.
    @discardableResult
    public func run(until time: Int64, unless stops: () -> Bool = { false }) -> Bool {
        let end = min(time, scenario.duration)
        while let next = agenda.nextTime, next <= end, let due = agenda.popFirst() {
            now = due.time
            handle(due.event)
            events += 1
            if events & 1023 == 0, stops() { return false }
        }
        now = max(now, end)
        return true
    }

    private func handle(_ happening: Happening) {
        switch happening {
        case .start(let index): start(devices[index])
        case .device(let index): wake(devices[index])
        case .traffic(let device, let kind): speak(devices[device], kind)
        case .plainTimer(let index): repeatDatagrams(of: devices[index])
        case .gateway(let index):
            // A timer that was set to an earlier time meanwhile has been dealt with.
            guard gateways[index].timer <= now else { return }
            gateways[index].timer = .max
            if let deadline = gateways[index].machine.deadline, deadline <= now {
                gateways[index].machine.handleTimeout(now: moment)
            }
            settle(gateway: index)
        case .link(let index):
            guard links[index].timer <= now else { return }
            links[index].timer = .max
            links[index].machine.advance(to: now)
            settle(link: index)
        case .call(let gateway, let call): carryOut(call, of: gateway)
        case .answer(let gateway, let id, let result):
            gateways[gateway].machine.finished(id, result, now: moment)
            settle(gateway: gateway)
        case .push: push()
        case .say(let index): say(scenario.roomMessages[index])
        case .outage(let isBegin):
            tell(-1, nil, .homeserver(isUp: !isBegin))
            if !isBegin { planPush(after: 0) }
        }
    }

    func tell(_ device: Int, _ message: Int?, _ event: Record.Event) {
        guard let record else { return }
        record(Record(time: now, device: device, message: message, event: event))
    }

    /// What is still under way counts as such.
    public func finish() {
        for (frame, state) in frames.sorted(by: { $0.key < $1.key }) { captured(frame, state, "under way") }
        summary.finish(self)
    }
}
