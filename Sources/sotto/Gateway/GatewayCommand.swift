internal import ArgumentParser
internal import Foundation
internal import GatewayCore
internal import GatewayStore
internal import Homeserver
internal import LinkModel
internal import Logging
internal import MatrixJSON
internal import NIOConcurrencyHelpers
internal import NIOPosix
internal import NoiseSodium
internal import Profiles
internal import ServiceLifecycle
internal import UnixSignals

struct ConfigurationOptions: ParsableArguments {
    @Option(
        name: [.customShort("c"), .customLong("config")],
        help: ArgumentHelp("The gateway's configuration file.", valueName: "file"))
    var file = "sotto.yaml"

    func load() throws -> GatewayConfiguration { try GatewayConfiguration.load(file) }
}

struct GatewayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gateway",
        abstract: "Runs the gateway.",
        discussion: """
            Listens for devices (UDP) and for the homeserver (HTTP), until SIGTERM or SIGINT. Prints where, and "ready" when \
            all of it does. A homeserver that is away is waited for; what devices send meanwhile is kept.
            """)

    @OptionGroup var options: ConfigurationOptions

    @Option(
        help: ArgumentHelp(
            "The link, instead of the configuration's: a name that sotto profile list shows, or a path.",
            valueName: "name"))
    var profile: String?

    @Option(help: "trace, debug, info, notice, warning, error or critical.")
    var logLevel = "info"

    func run() async throws {
        guard let level = Logger.Level(rawValue: logLevel) else {
            throw Failure(.badInput, "--log-level \(logLevel): trace, debug, info, notice, warning, error or critical")
        }
        LoggingSystem.bootstrap { LineLogHandler(label: $0) }
        var logger = Logger(label: "sotto")
        logger.logLevel = level
        let configuration = try load()
        let machine = try Self.machineConfiguration(configuration)
        let directory = try DataDirectory(configuration)
        defer { withExtendedLifetime(directory.lock) {} }
        if let restore = directory.store.restore { logger.error("\(DataDirectory.explain(restore))") }
        guard configuration.socketFile.utf8.count <= AdministrationListener.longestPath else {
            throw Failure(
                .badConfiguration,
                "\(configuration.socketFile): too long a path for a Unix socket (at most "
                    + "\(AdministrationListener.longestPath) bytes); give another data directory")
        }

        let inputs = InputQueue()
        let sockets = try await DatagramSockets(
            configuration.listen, inputs: inputs, group: MultiThreadedEventLoopGroup.singleton)
        let client = try Self.client(configuration)
        let caller = HomeserverCaller(client: client, appserviceID: configuration.appserviceID, inputs: inputs)
        let events = EventReceiver(inputs: inputs)
        for address in sockets.addresses { try printLine("listening for devices on \(address)") }
        let health = Health()
        let readiness = Readiness(parts: configuration.monitoringListen == nil ? 2 : 3)
        let appservice = ApplicationServiceListener(
            host: configuration.appserviceListen.host, port: configuration.appserviceListen.port,
            hsToken: configuration.hsToken, handler: events, logger: logger,
            onBound: { [host = configuration.appserviceListen.host] port in
                let address = HostPort(host: host, port: port)
                readiness.note("listening for the homeserver on \(address)")
            })
        let administration = AdministrationListener(
            path: configuration.socketFile, inputs: inputs, listening: sockets.addresses,
            restore: try directory.store.lastRestore(), logger: logger,
            onBound: { readiness.note(nil) })
        let service = GatewayService(
            configuration: machine, store: directory.store, sockets: sockets, inputs: inputs, homeserver: caller,
            health: health, logger: logger)

        var services: [ServiceGroupConfiguration.ServiceConfiguration] = [
            .init(service: service), .init(service: administration), .init(service: appservice),
        ]
        if let address = configuration.monitoringListen {
            let monitoring = MonitoringListener(
                address: address, inputs: inputs, health: health, logger: logger,
                onBound: { port in
                    readiness.note("listening for monitoring on \(HostPort(host: address.host, port: port))")
                })
            services.append(.init(service: monitoring))
        }
        let group = ServiceGroup(
            configuration: .init(
                services: services,
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        do {
            try await group.run()
        } catch let error as ApplicationServiceListener.BindError {
            throw Failure(.portInUse, "\(error)")
        }
        await client.shutdown()
        try? directory.store.close()
    }

    private func load() throws -> GatewayConfiguration {
        var configuration = try options.load()
        if let profile {
            let link = try InstalledProfiles.here.link(
                profile, encryptionPermitted: configuration.isLinkEncryptionPermitted)
            configuration.link = link.link.timing
        }
        return configuration
    }

    static func machineConfiguration(_ configuration: GatewayConfiguration) throws -> WireGateway.Configuration {
        WireGateway.Configuration(
            privateKeys: try configuration.keyFiles.map(KeyText.load), serverName: configuration.serverName,
            userPrefix: configuration.userPrefix, displayName: configuration.displayName, link: configuration.link,
            messagesPerHour: configuration.messagesPerHour, commanders: configuration.commanders)
    }

    static func client(_ configuration: GatewayConfiguration) throws -> HomeserverClient {
        do {
            return try HomeserverClient(
                baseURL: configuration.homeserverURL, asToken: configuration.asToken, caFile: configuration.caFile,
                allowPlainHTTP: configuration.allowPlainHTTP)
        } catch {
            throw Failure(.badConfiguration, "\(configuration.file): homeserver: \(error)")
        }
    }
}

/// Says "ready" when the last of several listeners is bound.
private final class Readiness: Sendable {
    private let remaining: NIOLockedValueBox<Int>

    init(parts: Int) {
        remaining = NIOLockedValueBox(parts)
    }

    func note(_ line: String?) {
        remaining.withLockedValue { remaining in
            if let line { try? printLine(line) }
            remaining -= 1
            if remaining == 0 { try? printLine("ready") }
        }
    }
}

/// Hands the homeserver's transactions to the gateway; they are answered when they are on disk.
struct EventReceiver: ApplicationServiceHandler {
    let inputs: InputQueue

    func transaction(id: String, events: [ClientEvent]) async throws {
        let events = events.map(RoomEvent.init)
        try await inputs.perform { gateway, now in gateway.receive(events, now: now) }
    }

    func hasUser(_ userID: String) async -> Bool {
        (try? await inputs.perform { gateway, _ in gateway.hasUser(userID) }) ?? false
    }
}
