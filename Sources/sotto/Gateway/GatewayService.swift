internal import Foundation
internal import GatewayCore
internal import GatewayStore
internal import Logging
internal import NoiseSodium
internal import ServiceLifecycle

/// Runs the gateway machine: takes what came in, makes its writes durable, and only then lets its datagrams and calls out.
///
/// The machine lives on a thread of its own, since making writes durable blocks. All that waits meanwhile is handled in
/// one go afterwards, so that under load many messages share one write.
final class GatewayService: Service {
    private let configuration: WireGateway.Configuration
    private let store: Store
    private let sockets: DatagramSockets
    private let inputs: InputQueue
    private let homeserver: HomeserverCaller
    private let health: Health
    private let logger: Logger

    init(
        configuration: WireGateway.Configuration, store: Store, sockets: DatagramSockets, inputs: InputQueue,
        homeserver: HomeserverCaller, health: Health, logger: Logger
    ) {
        self.configuration = configuration
        self.store = store
        self.sockets = sockets
        self.inputs = inputs
        self.homeserver = homeserver
        self.health = health
        self.logger = logger
    }

    func run() async throws {
        // Cancelled where another service could not start.
        await withTaskCancellationOrGracefulShutdownHandler {
            await withCheckedContinuation { continuation in
                let thread = Thread { [self] in
                    work()
                    continuation.resume()
                }
                thread.name = "sotto gateway"
                thread.start()
            }
        } onCancelOrGracefulShutdown: { [inputs] in
            inputs.stop()
        }
        await sockets.close()
    }

    private func work() {
        while true {
            do {
                try workUntilFailure()
                return
            } catch {
                // Nothing of the failed transaction has left. Begin again from what is on disk, when it can be read.
                health.note(storeProblem: "\(error)")
                logger.error("the store cannot be used, trying again: \(error)")
                Thread.sleep(forTimeInterval: 1)
            }
        }
    }

    private func workUntilFailure() throws {
        var gateway = WireGateway(
            configuration: configuration, state: try store.load(), now: Clock.now, random: Sodium.randomBytes)
        health.note(storeProblem: nil)
        gateway.start(now: Clock.now)
        try finish(&gateway, [])
        while true {
            let batch = inputs.take(until: gateway.deadline)
            let now = Clock.now
            gateway.noteOverload(batch.dropped)
            for datagram in batch.datagrams { gateway.receive(datagram.bytes, from: datagram.from, now: now) }
            var completions: [@Sendable (Bool) -> Void] = []
            for work in batch.work { completions.append(work(&gateway, now)) }
            gateway.handleTimeout(now: now)
            try finish(&gateway, completions)
            if batch.isStopped { return }
        }
    }

    private func finish(_ gateway: inout WireGateway, _ completions: [@Sendable (Bool) -> Void]) throws {
        let actions = gateway.takeActions()
        do {
            try store.commit(actions.writes)
        } catch {
            for completion in completions { completion(false) }
            throw error
        }
        sockets.send(actions.datagrams)
        for call in actions.calls { homeserver.start(call) }
        for notice in actions.notices { log(notice) }
        for completion in completions { completion(true) }
        for fetch in actions.fetches {
            let page = try store.uplinks(of: fetch.device, after: fetch.after, most: fetch.most)
            gateway.fetched(page.uplinks, damaged: page.damaged, for: fetch, now: Clock.now)
        }
    }

    private func log(_ notice: Actions.Notice) {
        var metadata: Logger.Metadata = [:]
        if let device = notice.device { metadata["device"] = "\(device)" }
        switch notice.level {
        case .info: logger.info("\(notice.text)", metadata: metadata)
        case .warning: logger.warning("\(notice.text)", metadata: metadata)
        case .error: logger.error("\(notice.text)", metadata: metadata)
        }
    }
}
