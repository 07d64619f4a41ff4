import GatewayCore
import Links

/// Runs the gateway machine as its owner must: writes first, then datagrams and calls; made anew from the store when it dies.
final class GatewayHost {
    typealias Machine = Gateway<RecordingSuite>

    private unowned let world: World
    private(set) var machine: Machine?
    var store = MemoryStore()
    let configuration: Machine.Configuration
    let publicKey: [UInt8]
    private let entropy: SeededEntropy
    /// Which life this is; answers to calls of an earlier one find nobody.
    private var process = 0
    private var wake = 0
    private(set) var notices: [Actions.Notice] = []
    private(set) var deaths = 0
    private var failsToWrite = false
    /// How the machine dies of the next message that it takes, whatever the weather.
    var deathOfNextMessage: Death?

    init(world: World, uplinkLimit: Int, messagesPerHour: Int?) {
        self.world = world
        entropy = SeededEntropy(seed: world.seed, purpose: 50)
        let privateKey = entropy.bytes(32)
        publicKey = RecordingSuite.publicKey(of: privateKey)
        configuration = Machine.Configuration(
            privateKeys: [privateKey], serverName: "example.org", userPrefix: World.userPrefix, link: world.told,
            uplinkLimit: uplinkLimit, uplinksInMemory: 2, messagesPerHour: messagesPerHour)
    }

    // MARK: Life and death

    func start() {
        guard machine == nil else { return }
        let entropy = entropy
        let made = Machine(
            configuration: configuration, state: store.state, now: world.moment, random: { entropy.bytes($0) })
        made.start(now: world.moment)
        machine = made
        settle()
    }

    /// The process ends, and another begins after a while.
    func die(for downtime: Int64) {
        machine = nil
        deaths += 1
        process += 1
        world.after(downtime) { [unowned self] in start() }
    }

    /// The store cannot be written for a moment: the machine is made anew, and answers to earlier calls still arrive.
    private func failToWrite() {
        failsToWrite = false
        machine = nil
        deaths += 1
        world.after(second) { [unowned self] in start() }
    }

    func failNextWrite() {
        failsToWrite = true
    }

    // MARK: What comes in

    /// Lets `use` act on the machine, then carries out what the machine wants. nil: the gateway is not running.
    @discardableResult
    func perform<T>(_ use: (Machine) -> T) -> T? {
        guard let machine else { return nil }
        let result = use(machine)
        settle()
        return result
    }

    func receive(_ datagram: [UInt8], from address: PeerAddress) {
        perform { $0.receive(datagram, from: address, now: world.moment) }
    }

    /// Whether it was taken: its writes are on disk, and the answer left.
    func receive(_ transaction: ModelHomeserver.Transaction) -> Bool {
        guard let machine else { return false }
        let before = deaths
        machine.receive(transaction.events, now: world.moment)
        settle()
        return deaths == before
    }

    // MARK: What goes out

    private func settle() {
        guard let machine else { return }
        let actions = machine.takeActions()
        if failsToWrite, !actions.writes.isEmpty { return failToWrite() }
        var death: Death?
        if !actions.isEmpty, world.happens(world.weather.gatewayKills) {
            death = Death(rawValue: world.draw(below: 3))
        }
        if deathOfNextMessage != nil, actions.writes.contains(where: \.isUplink) {
            death = deathOfNextMessage
            deathOfNextMessage = nil
        }
        let downtime = death == nil ? 0 : world.draw(upTo: 20 * second)
        if death == .beforeCommit {
            if world.draw(below: 3) == 0 { failToWrite() } else { die(for: downtime) }
            return
        }
        store.commit(actions.writes)
        notices += actions.notices
        if death == .afterCommit { return die(for: downtime) }
        for datagram in actions.datagrams { world.send(datagram) }
        for call in actions.calls {
            let process = process
            world.carryOut(call) { [unowned self] result in
                guard process == self.process else { return }
                perform { $0.finished(call.id, result, now: world.moment) }
            }
        }
        if death == .afterSending { return die(for: downtime) }
        for fetch in actions.fetches {
            machine.fetched(store.uplinks(for: fetch), damaged: [], for: fetch, now: world.moment)
        }
        schedule()
    }

    private func schedule() {
        wake += 1
        guard let deadline = machine?.deadline else { return }
        let wake = wake
        world.at(deadline) { [unowned self] in
            guard wake == self.wake else { return }
            perform { $0.handleTimeout(now: world.moment) }
        }
    }
}

extension StoreWrite {
    var isUplink: Bool {
        if case .uplink = self { true } else { false }
    }
}
