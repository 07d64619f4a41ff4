import CoAP
import CompactMatrix
import DeviceClient
import GatewayCore
import Links
import SecureDatagram
import TestSupport

/// Runs the device machine as its owner must, with an application that sends its messages one by one.
final class DeviceHost {
    typealias Machine = DeviceClient<RecordingSuite, SeededEntropy>

    enum Outcome: Equatable {
        case answered(Code)
        /// It may have arrived or not.
        case unknown
    }

    /// What the application remembers of its messages; on the device's flash together with the machine's state.
    private struct Ledger {
        var next = 0
        var outcomes: [Int: Outcome] = [:]
        var underWay: Int?
    }

    private unowned let world: World
    let index: Int
    let name: String
    var number: UInt32 = 0
    let privateKey: [UInt8]
    let publicKey: [UInt8]
    let entropy: SeededEntropy
    var address = PeerAddress(ip: [], port: 0)
    var up: LinkDirection
    var down: LinkDirection
    private(set) var machine: Machine?
    private var flash: [UInt8]?
    private(set) var flashWrites = 0
    private var deafUntil: Int64 = 0
    private var durable = Ledger()
    private var ledger = Ledger()
    private var handle: Machine.RequestID?
    private var wake = 0
    var wantsWatch = false
    /// What the application sends, in this order.
    private(set) var messages: [Uplink] = []
    private(set) var deliveries: [Delivery] = []
    private(set) var watchings = 0
    private(set) var postponements = 0
    private(set) var reports: [DatagramReport] = []
    private(set) var deaths = 0
    private(set) var problems: [String] = []

    init(world: World, index: Int, name: String, seed: UInt64, link: Link) {
        self.world = world
        self.index = index
        self.name = name
        entropy = SeededEntropy(seed: seed, purpose: 60)
        privateKey = entropy.bytes(32)
        publicKey = RecordingSuite.publicKey(of: privateKey)
        up = LinkDirection(link.up, seed: seed, isUp: true)
        down = LinkDirection(link.down, seed: seed, isUp: false)
    }

    var userID: String { "@\(World.userPrefix)\(name):example.org" }
    var outcomes: [Int: Outcome] { durable.outcomes }
    var hasSentAll: Bool { durable.next == messages.count && durable.underWay == nil }

    /// The messages answered 2.04.
    var accepted: [Int] {
        durable.outcomes.filter { $0.value == .answered(.changed) }.keys.sorted()
    }

    /// The texts that arrived, commands as `verb`.
    var heard: [String] {
        deliveries.map { delivery in
            switch delivery.content {
            case .message(let text): text
            case .command(let verb, _): verb
            }
        }
    }

    // MARK: Life and death

    func start() {
        guard machine == nil, let number = DeviceNumber(number) else { return }
        ledger = durable
        let identity = DeviceIdentity(
            number: number, privateKey: privateKey, gatewayKey: world.gateway.publicKey)
        do {
            machine = try Machine(
                identity: identity, link: world.told, state: flash, entropy: entropy, now: world.now)
        } catch {
            problems.append("the device cannot read its state: \(error)")
            return
        }
        handle = machine?.resumed
        // Handed over, and neither answered nor on its way: it never left.
        if handle == nil, let lost = ledger.underWay {
            ledger.underWay = nil
            ledger.next = lost
        }
        if wantsWatch { machine?.startWatching(now: world.now) }
        settle()
    }

    func die(for downtime: Int64) {
        machine = nil
        deaths += 1
        world.after(downtime) { [unowned self] in start() }
    }

    /// Its flash is gone, its keys and its application are not.
    func loseState() {
        machine = nil
        flash = nil
        durable.underWay.map { durable.outcomes[$0] = .unknown }
        durable.underWay = nil
        start()
    }

    /// Its address becomes another, and nothing reaches the old one.
    func move() {
        world.forget(address)
        address = world.newAddress(of: self)
    }

    // MARK: What comes in

    func send(_ message: Uplink) {
        messages.append(message)
        settle()
    }

    func watch() {
        wantsWatch = true
        machine?.startWatching(now: world.now)
        settle()
    }

    /// Its receiver is off for a while.
    func loseWhatArrives(for time: Int64) {
        deafUntil = world.now + time
    }

    func receive(_ datagram: [UInt8]) {
        guard world.now >= deafUntil else { return }
        machine?.receive(datagram, now: world.now)
        settle()
    }

    // MARK: What goes out

    private func settle() {
        guard machine != nil else { return }
        repeat {
            drainEvents()
            sendNext()
        } while hasEvents
        guard let actions = machine?.takeActions() else { return }
        var death: Death?
        if actions.state != nil || !actions.datagrams.isEmpty,
            world.happens(world.weather.deviceKills)
        {
            death = Death(rawValue: world.draw(below: 3))
        }
        let downtime = death == nil ? 0 : world.draw(upTo: 20 * second)
        if death == .beforeCommit { return die(for: downtime) }
        if let state = actions.state {
            flash = state
            flashWrites += 1
        }
        durable = ledger
        if death == .afterCommit { return die(for: downtime) }
        for datagram in actions.datagrams { world.send(datagram, from: self) }
        if death == .afterSending { return die(for: downtime) }
        schedule()
    }

    private var pendingEvent: Machine.Event?

    private var hasEvents: Bool {
        if pendingEvent == nil { pendingEvent = machine?.nextEvent() }
        return pendingEvent != nil
    }

    private func drainEvents() {
        while hasEvents, let event = pendingEvent {
            pendingEvent = nil
            switch event {
            case .answered(let id, let response): ended(id, .answered(response.code))
            case .unanswered(let id, _): ended(id, .unknown)
            case .delivery(let delivery, _): deliveries.append(delivery)
            case .watching: watchings += 1
            case .traffic(let report): reports.append(report)
            case .postponed: postponements += 1
            case .watchInterrupted, .watchRefused: break
            case .sessionCopied: problems.append("the session was copied")
            }
        }
    }

    private func ended(_ id: Machine.RequestID, _ outcome: Outcome) {
        guard id == handle else { return }
        guard let index = ledger.underWay else {
            problems.append("an answer came to a message that had its answer before")
            return
        }
        handle = nil
        ledger.underWay = nil
        if outcome == .answered(.serviceUnavailable) {
            ledger.next = index
        } else {
            ledger.outcomes[index] = outcome
        }
    }

    private func sendNext() {
        guard ledger.underWay == nil, handle == nil, ledger.next < messages.count else { return }
        do {
            handle = try machine?.send(messages[ledger.next], now: world.now)
            ledger.underWay = ledger.next
            ledger.next += 1
        } catch {
            problems.append("a message cannot be sent: \(error)")
        }
    }

    private func schedule() {
        wake += 1
        guard let deadline = machine?.deadline else { return }
        let wake = wake
        world.at(deadline) { [unowned self] in
            guard wake == self.wake, machine != nil else { return }
            machine?.handleTimeout(now: world.now)
            settle()
        }
    }
}
