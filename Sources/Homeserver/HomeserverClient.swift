internal import AsyncHTTPClient
internal import Foundation
internal import MatrixJSON
internal import NIOCore
internal import NIOHTTP1
internal import NIOSSL

/// The client-server API over HTTPS, with an application service's token and in the name of its users.
///
/// Certificates are always verified. Every operation may be repeated without harm.
public final class HomeserverClient: Sendable {
    /// Why the client cannot be made.
    public struct ConfigurationError: Error, CustomStringConvertible {
        public let description: String
    }

    private let http: HTTPClient
    private let baseURL: String
    private let asToken: String
    private static let timeout = TimeAmount.seconds(30)
    /// The state of a large room fits.
    private static let largestAnswer = 32 << 20

    /// - Parameters:
    ///   - caFile: PEM of the only authority that is trusted; nil: the system's.
    ///   - allowPlainHTTP: also to other machines than this one.
    ///   - connections: at a time.
    public init(
        baseURL: String, asToken: String, caFile: String?, allowPlainHTTP: Bool, connections: Int = 64
    ) throws(ConfigurationError) {
        if let problem = Self.problem(baseURL: baseURL, allowPlainHTTP: allowPlainHTTP) {
            throw ConfigurationError(description: problem)
        }
        self.baseURL = baseURL
        self.asToken = asToken
        var tls = TLSConfiguration.makeClientConfiguration()
        if let caFile {
            do {
                tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(caFile))
            } catch {
                throw ConfigurationError(description: "ca_file \(caFile) cannot be used: \(error)")
            }
        }
        var configuration = HTTPClient.Configuration(tlsConfiguration: tls)
        configuration.timeout = .init(connect: .seconds(10), read: .seconds(30))
        configuration.redirectConfiguration = .disallow
        configuration.connectionPool.retryConnectionEstablishment = false
        // As many as the caller has requests at a time: one that is slow must not stand before the others.
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = connections
        http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    public func shutdown() async {
        try? await http.shutdown()
    }

    /// What is wrong with a homeserver's address; nil: nothing.
    public static func problem(baseURL: String, allowPlainHTTP: Bool) -> String? {
        guard let url = URL(string: baseURL), let host = url.host else { return "\(baseURL) is no address" }
        if url.scheme == "https" { return nil }
        guard url.scheme == "http" else { return "\(baseURL): https:// is expected" }
        guard isThisMachine(host) || allowPlainHTTP else {
            return "\(baseURL): plain http:// would show the token to everybody on the way; use https://, or set "
                + "allow_plain_http"
        }
        return nil
    }

    private static func isThisMachine(_ host: String) -> Bool {
        if host == "localhost" || host == "::1" || host == "[::1]" { return true }
        // An address, not a name that begins like one.
        return host.hasPrefix("127.") && (try? SocketAddress(ipAddress: host, port: 0)) != nil
    }

    // MARK: Operations

    /// Asks the homeserver to try our listener, which also ends its waiting after failures (application service API,
    /// "Pinging"; Synapse otherwise waits up to 512 s).
    public func ping(appserviceID: String, transactionID: String) async throws(HomeserverError) {
        _ = try await call(
            .POST, "/_matrix/client/v1/appservice/\(escape(appserviceID))/ping",
            body: ["transaction_id": .string(transactionID)])
    }

    /// Whose the token is.
    public func whoami() async throws(HomeserverError) -> String {
        try text(try await call(.GET, "/_matrix/client/v3/account/whoami"), "user_id")
    }

    /// Makes a user of ours with a Matrix device, or that device where the user is there already.
    ///
    /// - Returns: the user's id.
    public func register(localpart: String, deviceID: String) async throws(HomeserverError) -> String {
        let answer: JSONValue
        do throws(HomeserverError) {
            answer = try await call(
                .POST, "/_matrix/client/v3/register",
                body: [
                    "type": "m.login.application_service", "username": .string(localpart),
                    "device_id": .string(deviceID),
                ])
        } catch {
            guard case .refused(_, "M_USER_IN_USE", _) = error else { throw error }
            answer = try await call(
                .POST, "/_matrix/client/v3/login",
                body: [
                    "type": "m.login.application_service",
                    "identifier": ["type": "m.id.user", "user": .string(localpart)],
                    "device_id": .string(deviceID),
                ])
        }
        return try text(answer, "user_id")
    }

    public func setDisplayName(userID: String, to name: String) async throws(HomeserverError) {
        _ = try await call(
            .PUT, "/_matrix/client/v3/profile/\(escape(userID))/displayname", query: [("user_id", userID)],
            body: ["displayname": .string(name)])
    }

    /// - Parameter room: an id or an alias.
    /// - Returns: the room's id.
    public func join(_ room: String, as userID: String) async throws(HomeserverError) -> String {
        let answer = try await call(
            .POST, "/_matrix/client/v3/join/\(escape(room))", query: [("user_id", userID)], body: [:])
        return try text(answer, "room_id")
    }

    /// The room's current state.
    public func state(of roomID: String, as userID: String) async throws(HomeserverError) -> [ClientEvent] {
        let answer = try await call(
            .GET, "/_matrix/client/v3/rooms/\(escape(roomID))/state", query: [("user_id", userID)])
        guard let events = answer.arrayValue else {
            throw .unusableAnswer(status: 200, "the state of a room is no list")
        }
        return events.compactMap { ClientEvent($0, roomID: roomID) }
    }

    /// Sends an event under a transaction id that names it for ever.
    ///
    /// - Parameters:
    ///   - content: JSON.
    ///   - unixMilliseconds: when it happened ("Timestamp massaging").
    /// - Returns: the event's id.
    public func send(
        roomID: String, eventType: String, transactionID: String, content: [UInt8], as userID: String,
        deviceID: String, unixMilliseconds: Int64
    ) async throws(HomeserverError) -> String {
        let answer = try await call(
            .PUT,
            "/_matrix/client/v3/rooms/\(escape(roomID))/send/\(escape(eventType))/\(escape(transactionID))",
            query: [("user_id", userID), ("device_id", deviceID), ("ts", String(unixMilliseconds))], bytes: content)
        return try text(answer, "event_id")
    }

    // MARK: Pieces

    private func call(
        _ method: HTTPMethod, _ path: String, query: [(String, String)] = [], body: JSONValue? = nil
    ) async throws(HomeserverError) -> JSONValue {
        try await call(method, path, query: query, bytes: body?.jsonBytes)
    }

    private func call(
        _ method: HTTPMethod, _ path: String, query: [(String, String)] = [], bytes: [UInt8]?
    ) async throws(HomeserverError) -> JSONValue {
        let parameters = query.map { "\($0.0)=\(escape($0.1))" }.joined(separator: "&")
        var request = HTTPClientRequest(url: baseURL + path + (parameters.isEmpty ? "" : "?" + parameters))
        request.method = method
        request.headers.add(name: "Authorization", value: "Bearer \(asToken)")
        request.headers.add(name: "User-Agent", value: "Sotto")
        if let bytes {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(bytes: bytes))
        }
        let status: Int
        let retryAfter: String?
        let answer: [UInt8]
        do {
            let response = try await http.execute(request, timeout: Self.timeout)
            status = Int(response.status.code)
            retryAfter = response.headers.first(name: "Retry-After")
            answer = Array(buffer: try await response.body.collect(upTo: Self.largestAnswer))
        } catch let error as HTTPClientError
            where error == .deadlineExceeded || error == .readTimeout || error == .connectTimeout
        {
            throw .timeout
        } catch {
            throw .unreachable("\(error)")
        }
        return try Self.interpret(status, answer, retryAfter: retryAfter)
    }

    /// What an HTTP answer means: `errcode` decides where there is one, the status where there is none.
    static func interpret(
        _ status: Int, _ body: [UInt8], retryAfter: String?
    ) throws(HomeserverError) -> JSONValue {
        let json = try? JSONValue(parsing: body)
        if (200..<300).contains(status) {
            guard let json else { throw .unusableAnswer(status: status, "not JSON: \(excerpt(body))") }
            return json
        }
        let errcode = json?["errcode"]?.stringValue
        let message = json?["error"]?.stringValue ?? ""
        if status == 429 {
            let seconds = retryAfter.flatMap { Int64($0) }.map { $0 * 1000 }
            throw .rateLimited(retryAfterMilliseconds: json?["retry_after_ms"]?.integerValue ?? seconds)
        }
        guard let errcode, status < 500 else { throw .unusableAnswer(status: status, excerpt(body)) }
        switch errcode {
        case "M_UNKNOWN_TOKEN", "M_MISSING_TOKEN":
            throw .tokenRejected(message)
        case "M_LIMIT_EXCEEDED":
            throw .rateLimited(retryAfterMilliseconds: json?["retry_after_ms"]?.integerValue)
        default:
            throw .refused(status: status, errcode: errcode, message: message)
        }
    }

    private static func excerpt(_ body: [UInt8]) -> String {
        let text = String(decoding: body.prefix(120), as: UTF8.self)
        return String(text.map { $0.isNewline ? " " : $0 })
    }

    private func text(_ answer: JSONValue, _ key: String) throws(HomeserverError) -> String {
        guard let text = answer[key]?.stringValue else { throw .unusableAnswer(status: 200, "\(key) is missing") }
        return text
    }

    /// Percent-encodes everything but the unreserved characters of RFC 3986.
    private func escape(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var escaped: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: escaped.append(byte)
            default: escaped += [0x25, digits[Int(byte >> 4)], digits[Int(byte & 0xF)]]
            }
        }
        return String(decoding: escaped, as: UTF8.self)
    }
}
