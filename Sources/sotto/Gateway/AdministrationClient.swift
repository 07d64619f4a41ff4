internal import AsyncHTTPClient
internal import Foundation
internal import GatewayCore
internal import GatewayStore
internal import NIOCore
internal import NIOFoundationCompat
internal import NIOHTTP1
internal import NoiseSodium

/// Asks the gateway: over its socket where it runs, otherwise on its store.
enum AdministrationClient {
    static func ask(
        _ request: AdministrationRequest, _ configuration: GatewayConfiguration
    ) async throws -> AdministrationReply {
        let reply = try await askRunning(request, configuration) ?? askStore(request, configuration)
        if let problem = reply.problem {
            throw Failure(ExitStatus(rawValue: problem.exitStatus) ?? .badInput, problem.message)
        }
        return reply
    }

    /// nil: no gateway runs.
    static func askRunning(
        _ wanted: AdministrationRequest, _ configuration: GatewayConfiguration
    ) async throws -> AdministrationReply? {
        guard FileManager.default.fileExists(atPath: configuration.socketFile) else { return nil }
        guard let url = URL(httpURLWithSocketPath: configuration.socketFile, uri: "/") else { return nil }
        var request = HTTPClientRequest(url: url.absoluteString)
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "application/json")
        request.body = .bytes(ByteBuffer(data: try JSONEncoder().encode(wanted)))
        let response: HTTPClientResponse
        do {
            response = try await HTTPClient.shared.execute(request, timeout: .seconds(20))
        } catch let error as HTTPClientError where error == .remoteConnectionClosed || error == .deadlineExceeded {
            throw Failure(.gatewayNotRunning, "the gateway does not answer on \(configuration.socketFile): \(error)")
        } catch is HTTPClientError {
            return nil
        } catch {
            // A socket that nobody listens on any more was left by a gateway that was killed.
            return nil
        }
        let body = try await response.body.collect(upTo: 64 << 20)
        guard response.status == .ok else {
            throw Failure(.storage, "the gateway could not do it: \(String(buffer: body))")
        }
        return try JSONDecoder().decode(AdministrationReply.self, from: body)
    }

    private static func askStore(
        _ request: AdministrationRequest, _ configuration: GatewayConfiguration
    ) throws -> AdministrationReply {
        let directory = try DataDirectory(configuration)
        defer { withExtendedLifetime(directory.lock) {} }
        if let restore = directory.store.restore { say("sotto: \(DataDirectory.explain(restore))") }
        do {
            var gateway = WireGateway(
                configuration: try GatewayCommand.machineConfiguration(configuration),
                state: try directory.store.load(),
                now: Clock.now, random: Sodium.randomBytes)
            let reply = Administration.answer(
                request, &gateway, listening: [], restore: try directory.store.lastRestore(), now: Clock.now)
            if reply.problem == nil { try directory.store.commit(gateway.takeActions().writes) }
            try directory.store.close()
            return reply
        } catch {
            throw Administration.describe(error)
        }
    }
}
