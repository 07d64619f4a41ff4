internal import Foundation
internal import GatewayStore
internal import Glibc
internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import ServiceLifecycle

/// The gateway's ear for the sotto commands: HTTP on a Unix socket in the data directory that only its owner may open.
struct AdministrationListener: Service {
    let path: String
    let inputs: InputQueue
    let listening: [String]
    let restore: Restore?
    let logger: Logger
    let onBound: @Sendable () -> Void

    /// Longest path that fits into a Unix socket's address.
    static let longestPath = 107

    func run() async throws {
        let router = Router()
        router.post("/") { [inputs, listening, restore] request, context -> AdministrationReply in
            let wanted = try await request.decode(as: AdministrationRequest.self, context: context)
            return try await inputs.perform { gateway, now in
                Administration.answer(wanted, &gateway, listening: listening, restore: restore, now: now)
            }
        }
        unlink(path)
        let path = path
        let application = Application(
            router: router,
            configuration: ApplicationConfiguration(address: .unixDomainSocket(path: path)),
            onServerRunning: { [onBound] _ in
                chmod(path, 0o600)
                onBound()
            },
            logger: logger)
        try await application.runService(gracefulShutdownSignals: [])
        unlink(path)
    }
}

extension AdministrationReply: ResponseEncodable {}
