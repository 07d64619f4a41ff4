internal import Foundation
internal import GatewayCore
internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import NIOCore
internal import ServiceLifecycle

/// What a supervisor and Prometheus ask: `/live`, `/ready`, `/metrics`. It says nothing that is secret, and takes nothing.
struct MonitoringListener: Service {
    let address: HostPort
    let inputs: InputQueue
    let health: Health
    let logger: Logger
    let onBound: @Sendable (Int) -> Void

    /// Nanoseconds without a sign of the gateway's thread after which it is taken for stuck.
    private static let patience: Int64 = 10_000_000_000

    func run() async throws {
        let application = Application(
            responder: CallbackResponder<BasicRequestContext> { request, _ in await answer(request) },
            configuration: ApplicationConfiguration(address: .hostname(address.host, port: address.port)),
            onServerRunning: { [onBound] channel in onBound(channel.localAddress?.port ?? 0) },
            logger: logger)
        do {
            try await application.runService(gracefulShutdownSignals: [])
        } catch let error as IOError {
            throw Failure(.portInUse, "TCP \(address) cannot be listened on: \(error)")
        }
    }

    private struct Report: Encodable {
        var ready: Bool
        /// Why not.
        var reasons: [String]
    }

    private func answer(_ request: Request) async -> Response {
        guard request.method == .get || request.method == .head else { return Response(status: .methodNotAllowed) }
        switch request.uri.path {
        case "/live":
            var isLive = health.storeProblem != nil
            if !isLive { isLive = await ask { _, _ in true } == true }
            return text(isLive ? .ok : .serviceUnavailable, isLive ? "live\n" : "the gateway does not answer\n")
        case "/ready":
            var reasons: [String] = []
            if let problem = health.storeProblem {
                reasons.append("the store cannot be used: \(problem)")
            } else if let problem = await ask({ gateway, _ in Self.homeserverProblem(gateway) }) {
                if let problem { reasons.append(problem) }
            } else {
                reasons.append("the gateway does not answer")
            }
            let report = Report(ready: reasons.isEmpty, reasons: reasons)
            let body = (try? JSONEncoder().encode(report)) ?? Data()
            return Response(
                status: reasons.isEmpty ? .ok : .serviceUnavailable, headers: [.contentType: "application/json"],
                body: ResponseBody(byteBuffer: ByteBuffer(bytes: Array(body) + [0x0A])))
        case "/metrics":
            guard let metrics = await ask({ gateway, now in MetricsText(gateway, now: now).text }) else {
                return text(.serviceUnavailable, "the gateway does not answer\n")
            }
            return text(.ok, metrics, type: "text/plain; version=0.0.4; charset=utf-8")
        default:
            return text(.notFound, "/live, /ready, /metrics\n")
        }
    }

    private static func homeserverProblem(_ gateway: WireGateway) -> String? {
        if let problem = gateway.homeserverProblem { return "the homeserver cannot be used: \(problem)" }
        return gateway.hasHomeserverAnswered ? nil : "the homeserver has not answered yet"
    }

    /// nil: the gateway's thread did not answer in time.
    private func ask<T: Sendable>(_ question: @escaping @Sendable (WireGateway, Moment) -> T) async -> T? {
        await withCheckedContinuation { continuation in
            let once = Once(continuation)
            inputs.put { gateway, now in
                let answer = question(gateway, now)
                return { isDurable in once.resume(isDurable ? answer : nil) }
            }
            Task {
                try? await Task.sleep(for: .nanoseconds(Self.patience))
                once.resume(nil)
            }
        }
    }

    private func text(_ status: HTTPResponse.Status, _ text: String, type: String = "text/plain; charset=utf-8")
        -> Response
    {
        Response(
            status: status, headers: [.contentType: type], body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }
}
