import Foundation
import MatrixJSON

/// A body that a homeserver or its client really sent, and where it belongs.
struct FixtureBody {
    let name: String
    let value: JSONValue
}

/// An HTTP exchange between a client and a homeserver.
struct FixtureExchange {
    let name: String
    let method: String
    /// Path and query.
    let target: String
    let request: JSONValue
    let response: JSONValue

    var bodies: [FixtureBody] {
        [("up", request), ("down", response)].compactMap { direction, value in
            value.isNull ? nil : FixtureBody(name: name + " " + direction, value: value)
        }
    }
}

enum FixtureFiles {
    struct Missing: Error {
        let what: String
    }

    static func data(_ name: String) throws -> [UInt8] {
        guard let folder = Bundle.module.url(forResource: "Fixtures", withExtension: nil) else {
            throw Missing(what: "Fixtures")
        }
        return [UInt8](try Data(contentsOf: folder.appendingPathComponent(name)))
    }

    /// The 194 exchanges captured from a homeserver.
    static func homeserver() throws -> [FixtureExchange] {
        try data("homeserver-bodies.jsonl").split(separator: UInt8(ascii: "\n")).map { line in
            let value = try JSONValue(parsing: Array(line))
            guard let name = value["name"]?.stringValue, let request = value["request"],
                let response = value["response"]
            else { throw Missing(what: "name or body") }
            return FixtureExchange(
                name: name, method: value["method"]?.stringValue ?? "", target: value["path"]?.stringValue ?? "",
                request: request, response: response)
        }
    }

    /// The 14 exchanges by which the predecessors were measured.
    static func measured() throws -> [FixtureExchange] {
        try sizes().filter(\.isUp).map(\.name).map { name in
            let value = try JSONValue(parsing: try data("exchanges/\(name).json"))
            guard let request = value["request"], let path = request["path"]?.stringValue,
                let method = request["method"]?.stringValue
            else { throw Missing(what: name) }
            let query = (request["query"]?.objectValue?.members ?? []).map { "\($0.key)=\($0.value.stringValue ?? "")" }
            return FixtureExchange(
                name: name, method: method,
                target: path + (query.isEmpty ? "" : "?" + query.joined(separator: "&")),
                request: request["body"] ?? .null, response: value["response"]?["body"] ?? .null)
        }
    }

    /// What the predecessors needed, UDP payload in bytes; a line for each direction of each exchange.
    struct Size {
        let name: String
        let isUp: Bool
        let json: Int
        let lbBody: Int
        let lbWire: Int
        let proxyBody: Int
        let proxyWire: Int
    }

    static func sizes() throws -> [Size] {
        try String(decoding: data("exchanges/sizes.tsv"), as: UTF8.self).split(separator: "\n").dropFirst().map {
            line in
            let fields = line.split(separator: "\t").map(String.init)
            let numbers = fields.map { Int($0) ?? 0 }
            guard fields.count == 16 else { throw Missing(what: "fields of a line of sizes.tsv") }
            return Size(
                name: fields[0], isUp: fields[1] == "up", json: numbers[2], lbBody: numbers[4], lbWire: numbers[6],
                proxyBody: numbers[9], proxyWire: numbers[12])
        }
    }
}
