internal import Foundation
internal import HTTPTypes
internal import Hummingbird
public import Logging
internal import MatrixJSON
internal import NIOCore
internal import NIOPosix
public import ServiceLifecycle

/// Who takes what the homeserver pushes.
public protocol ApplicationServiceHandler: Sendable {
    /// Takes a transaction; returns when it is durable, so that the homeserver may forget it. Throws when it cannot be
    /// made so: the homeserver sends it again.
    func transaction(id: String, events: [ClientEvent]) async throws
    /// Whether this is one of our users.
    func hasUser(_ userID: String) async -> Bool
}

/// The application service's side of the application service API: what the homeserver calls.
public struct ApplicationServiceListener: Service {
    /// The address cannot be listened on.
    public struct BindError: Error, CustomStringConvertible {
        public let description: String
    }

    private let host: String
    private let port: Int
    private let hsToken: String
    private let handler: any ApplicationServiceHandler
    private let logger: Logger
    private let onBound: @Sendable (Int) -> Void

    /// - Parameter onBound: is given the port, for one that the system chose.
    public init(
        host: String, port: Int, hsToken: String, handler: any ApplicationServiceHandler, logger: Logger,
        onBound: @escaping @Sendable (Int) -> Void = { _ in }
    ) {
        self.host = host
        self.port = port
        self.hsToken = hsToken
        self.handler = handler
        self.logger = logger
        self.onBound = onBound
    }

    public func run() async throws {
        let onBound = onBound
        let application = Application(
            responder: CallbackResponder<BasicRequestContext> { request, _ in await answer(request) },
            configuration: ApplicationConfiguration(address: .hostname(host, port: port)),
            onServerRunning: { channel in onBound(channel.localAddress?.port ?? 0) },
            logger: logger)
        do {
            try await application.runService(gracefulShutdownSignals: [])
        } catch let error as IOError {
            throw BindError(description: "TCP \(host):\(port) cannot be listened on: \(error)")
        }
    }

    private static let largestTransaction = 64 << 20

    private func answer(_ request: Request) async -> Response {
        guard let token = bearerToken(request) else {
            return error(.unauthorized, "M_MISSING_TOKEN", "an Authorization header is needed")
        }
        guard areEqual(token, hsToken) else { return error(.forbidden, "M_FORBIDDEN", "the token is wrong") }
        let segments = request.uri.path.split(separator: "/").map { $0.removingPercentEncoding ?? String($0) }
        guard segments.count >= 4, segments[0...2] == ["_matrix", "app", "v1"] else { return unrecognized(.notFound) }
        switch (segments[3], segments.count, request.method) {
        case ("transactions", 5, .put):
            return await take(segments[4], request)
        case ("users", 5, .get):
            guard await handler.hasUser(segments[4]) else { return error(.notFound, "M_NOT_FOUND", "no such user") }
            return json(.ok, [:])
        case ("rooms", 5, .get):
            return error(.notFound, "M_NOT_FOUND", "no such room")
        case ("ping", 4, .post):
            return json(.ok, [:])
        case ("transactions", 5, _), ("users", 5, _), ("rooms", 5, _), ("ping", 4, _):
            return unrecognized(.methodNotAllowed)
        default:
            return unrecognized(.notFound)
        }
    }

    private func take(_ id: String, _ request: Request) async -> Response {
        let body: [UInt8]
        do {
            body = Array(buffer: try await request.body.collect(upTo: Self.largestTransaction))
        } catch {
            return self.error(.contentTooLarge, "M_TOO_LARGE", "at most \(Self.largestTransaction) bytes")
        }
        guard let transaction = try? JSONValue(parsing: body), let events = transaction["events"]?.arrayValue else {
            return error(.badRequest, "M_NOT_JSON", "an object with events is expected")
        }
        // One event that we cannot read must not hold up all that come after it.
        let readable = events.compactMap { ClientEvent($0) }
        if readable.count < events.count {
            logger.warning("\(events.count - readable.count) events of transaction \(id) cannot be read")
        }
        do {
            try await handler.transaction(id: id, events: readable)
            return json(.ok, [:])
        } catch {
            logger.error("transaction \(id) could not be taken: \(error)")
            return self.error(.serviceUnavailable, "M_UNKNOWN", "try again later")
        }
    }

    private func bearerToken(_ request: Request) -> String? {
        guard let header = request.headers[.authorization], header.lowercased().hasPrefix("bearer ") else { return nil }
        return String(header.dropFirst(7))
    }

    /// In a time that does not depend on where they differ.
    private func areEqual(_ a: String, _ b: String) -> Bool {
        let (a, b) = (Array(a.utf8), Array(b.utf8))
        guard a.count == b.count else { return false }
        return zip(a, b).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }

    private func unrecognized(_ status: HTTPResponse.Status) -> Response {
        error(status, "M_UNRECOGNIZED", "unknown path or method")
    }

    private func error(_ status: HTTPResponse.Status, _ errcode: String, _ message: String) -> Response {
        json(status, ["errcode": .string(errcode), "error": .string(message)])
    }

    private func json(_ status: HTTPResponse.Status, _ value: JSONValue) -> Response {
        Response(
            status: status, headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: value.jsonBytes)))
    }
}
