public import MatrixJSON

/// One request of a Matrix API and its answer, as captured: a JSON object with `name`, `request` (`method`, `path`, `query`,
/// `access_token`, `body`) and `response` (`status`, `body`).
public struct Exchange: Sendable {
    public var name: String
    public var request: CompactRequest
    public var status: Int
    /// nil: no body.
    public var answer: JSONValue?

    public enum Fault: Error, Equatable, Sendable {
        case json(JSONError)
        case missing(String)
    }

    public init(json: [UInt8]) throws(Fault) {
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue(parsing: json)
        } catch {
            throw .json(error)
        }
        guard let name = value["name"]?.stringValue else { throw .missing("name") }
        guard let method = value["request"]?["method"]?.stringValue else { throw .missing("request.method") }
        guard let path = value["request"]?["path"]?.stringValue else { throw .missing("request.path") }
        guard let status = value["response"]?["status"]?.integerValue, (100...599).contains(status) else {
            throw .missing("response.status")
        }
        var query: [(name: String, value: String)] = []
        for member in value["request"]?["query"]?.objectValue?.members ?? [] {
            for item in member.value.arrayValue ?? [member.value] {
                query.append((member.key, item.stringValue ?? item.jsonText))
            }
        }
        self.name = name
        self.status = Int(status)
        request = CompactRequest(
            method: method, target: CompactRequest.target(path: path, query: query),
            body: Self.body(value["request"]?["body"]))
        answer = Self.body(value["response"]?["body"])
    }

    private static func body(_ value: JSONValue?) -> JSONValue? {
        guard let value, !value.isNull else { return nil }
        return value
    }

    /// The path without its query.
    var path: Substring { request.target.prefix { $0 != "?" } }

    /// A sync: its answers are pushed.
    var isSync: Bool { request.method == "GET" && path.hasSuffix("/sync") && path.hasPrefix("/_matrix/client/") }

    /// Whether it goes between homeservers.
    var isFederation: Bool { path.hasPrefix("/_matrix/federation/") || path.hasPrefix("/_matrix/key/") }
}
