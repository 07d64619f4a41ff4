/// Why a homeserver did not do what it was asked.
public enum HomeserverError: Error, Equatable, Sendable {
    /// No connection, no valid certificate, or it broke off.
    case unreachable(String)
    case timeout
    /// 429, with `retry_after_ms` or Retry-After where given.
    case rateLimited(retryAfterMilliseconds: Int64?)
    /// 5xx, or an answer that no homeserver gives (HTML of something in front of it).
    case unusableAnswer(status: Int, String)
    /// 401 M_UNKNOWN_TOKEN or M_MISSING_TOKEN: the homeserver does not know this application service (yet).
    case tokenRejected(String)
    /// Final: the request will never be granted as it is.
    case refused(status: Int, errcode: String, message: String)
}

extension HomeserverError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unreachable(let reason): "no connection: \(reason)"
        case .timeout: "no answer in time"
        case .rateLimited(let wait): "rate limited" + (wait.map { " for \($0) ms" } ?? "")
        case .unusableAnswer(let status, let text): "answer \(status): \(text)"
        case .tokenRejected(let message):
            "it does not know this application service (\(message)): is its registration the one that sotto registration prints?"
        case .refused(_, let errcode, let message): "\(errcode): \(message)"
        }
    }
}
