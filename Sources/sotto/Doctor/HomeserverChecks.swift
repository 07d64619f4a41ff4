internal import Foundation
internal import Homeserver

/// The way to the homeserver and back, as a running gateway uses it.
enum HomeserverChecks {
    static func all(_ configuration: GatewayConfiguration, isRunning: Bool) async -> [Finding] {
        let client: HomeserverClient
        do {
            client = try GatewayCommand.client(configuration)
        } catch {
            return [.wrong("homeserver", "\(error)", "correct homeserver: in \(configuration.file)")]
        }
        var findings = [await whoami(client, configuration)]
        findings.append(
            isRunning
                ? .ok("gateway", "runs") : .note("gateway", "does not run", "sotto gateway -c \(configuration.file)"))
        // The homeserver can reach a gateway that runs, and only through a connection that works.
        if findings[0].state == .ok, isRunning { findings.append(await ping(client, configuration)) }
        await client.shutdown()
        return findings
    }

    private static func whoami(_ client: HomeserverClient, _ configuration: GatewayConfiguration) async -> Finding {
        let expected = "@\(configuration.senderLocalpart):\(configuration.serverName)"
        do throws(HomeserverError) {
            let user = try await client.whoami()
            guard user == expected else {
                return .wrong(
                    "homeserver", "it takes the token for \(user)'s, not \(expected)'s",
                    "correct homeserver.server_name or appservice.sender_localpart, or register anew")
            }
            return .ok("homeserver", "\(configuration.homeserverURL) knows the token as \(user)'s")
        } catch {
            switch error {
            case .tokenRejected, .refused:
                return .wrong(
                    "homeserver", "\(configuration.homeserverURL): \(error)",
                    "give it what sotto registration prints (Synapse: app_service_config_files), and restart it")
            case .rateLimited:
                return .note("homeserver", "\(configuration.homeserverURL): \(error)", "try again")
            default:
                return .wrong(
                    "homeserver", "\(configuration.homeserverURL): \(error)",
                    "see that it runs, and that homeserver.url and homeserver.ca_file are right")
            }
        }
    }

    private static func ping(_ client: HomeserverClient, _ configuration: GatewayConfiguration) async -> Finding {
        do throws(HomeserverError) {
            try await client.ping(appserviceID: configuration.appserviceID, transactionID: "doctor")
            return .ok("appservice", "the homeserver reaches the gateway at \(configuration.appserviceURL)")
        } catch {
            return .wrong(
                "appservice", "the homeserver does not reach the gateway at \(configuration.appserviceURL): \(error)",
                "correct appservice.url and appservice.listen; after a change give the homeserver what sotto registration prints"
            )
        }
    }
}
