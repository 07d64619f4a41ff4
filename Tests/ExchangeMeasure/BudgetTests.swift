import CompactMatrix
import ExchangeMeasure
import Foundation
import MatrixJSON
import TestSupport
import Testing

@Suite("What exchanges take on the air")
struct BudgetTests {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../MatrixJSON/Fixtures")

    static func exchanges() throws -> [Exchange] {
        try FileManager.default.contentsOfDirectory(
            at: folder.appending(path: "exchanges"), includingPropertiesForKeys: nil
        )
        .filter { $0.pathExtension == "json" }
        .sorted { $0.path < $1.path }
        .map { try Exchange(json: Array(Data(contentsOf: $0))) }
    }

    /// The exchanges captured from a homeserver: a line each, with the path and query as they were sent.
    static func captured() throws -> [Exchange] {
        let lines = try Data(contentsOf: folder.appending(path: "homeserver-bodies.jsonl")).split(separator: 0x0A)
        return try lines.compactMap { line in
            let value = try JSONValue(parsing: Array(line))
            guard let target = value["path"]?.stringValue, let method = value["method"]?.stringValue,
                target.hasPrefix("/")
            else { return nil }
            var exchange = try Exchange(
                json: JSONValue.object([
                    "name": value["name"] ?? "",
                    "request": ["method": .string(method), "path": "/", "body": value["request"] ?? .null],
                    "response": [
                        "status": .integer(value["status"]?.integerValue ?? 200), "body": value["response"] ?? .null,
                    ],
                ]).jsonBytes)
            exchange.request.target = target
            return exchange
        }
    }

    static func template() throws -> PayloadTemplate {
        try PayloadTemplate([
            PayloadTemplate.Field(
                name: "temperature", unit: "Cel", bits: 14, scale: DecimalNumber(mantissa: 1, exponent: -1),
                offset: DecimalNumber(mantissa: -40)),
            PayloadTemplate.Field(name: "humidity", unit: "%RH", bits: 7),
            PayloadTemplate.Field(
                name: "battery", unit: "V", bits: 10, scale: DecimalNumber(mantissa: 1, exponent: -2)),
        ])
    }

    /// Bytes both ways in a session that stands, at most.
    static let budgets: [Row.Mode: [String: Int]] = [
        .device: [
            "01": 45, "02": 43, "03": 43, "04": 50, "05": 0, "06": 0, "07": 0, "09": 45, "10": 190, "11": 45,
            "12": 45, "13": 280,
        ],
        .exact: [
            "01": 80, "02": 86, "03": 86, "04": 110, "05": 0, "06": 0, "07": 170, "08": 300, "09": 48, "10": 225,
            "11": 80, "12": 80, "13": 630, "14": 140,
        ],
    ]

    @Test("a quarter of what others took, whatever the values are", arguments: Row.Mode.allCases)
    func budgets(mode: Row.Mode) throws {
        let sizes = try Self.predecessors()
        for seed in UInt64(1)...8 {
            let measurement = Measurement(template: try Self.template(), seed: seed)
            for exchange in try Self.exchanges() {
                let rows = try measurement.rows(exchange, mode)
                if rows.isEmpty { continue }
                #expect(rows.map(\.round) == [.first, .steady])
                let total = rows[1].up.wire + rows[1].down.wire
                let budget = try #require(Self.budgets[mode]?[String(exchange.name.prefix(2))])
                #expect(total <= budget, "\(exchange.name) \(mode) seed \(seed)")
                for size in sizes[exchange.name] ?? [] { #expect(total < size, "\(exchange.name)") }
            }
        }
    }

    @Test("the first request of a device brings the handshake along in 113 bytes")
    func handshake() throws {
        let exchange = try #require(try Self.exchanges().first { $0.name.hasPrefix("01") })
        let row = try #require(try Measurement().handshake(exchange, .device))
        #expect(row.name == "01+handshake")
        #expect(row.up.wire + row.down.wire <= 113)
        #expect(row.up.datagrams == 1)
        #expect(row.down.datagrams == 1)
    }

    @Test("without a template a reading takes less than with either predecessor")
    func withoutTemplate() throws {
        let sizes = try Self.predecessors()
        for exchange in try Self.exchanges() where ["02", "03"].contains(exchange.name.prefix(2)) {
            for row in try Measurement().rows(exchange, .device) {
                for size in sizes[exchange.name] ?? [] { #expect(row.up.wire + row.down.wire < size) }
            }
        }
    }

    @Test("every exchange captured from a homeserver comes out exact, in both rounds")
    func fixtures() throws {
        let exchanges = try Self.captured()
        #expect(exchanges.count > 150)
        for exchange in exchanges { _ = try Measurement().rows(exchange, .exact) }
    }

    /// The sums of both directions, by case.
    static func predecessors() throws -> [String: [Int]] {
        let text = try String(contentsOf: folder.appending(path: "exchanges/sizes.tsv"), encoding: .utf8)
        let lines = text.split(separator: "\n").map { $0.split(separator: "\t").map(String.init) }
        let columns = ["cp_wire_noise", "lb_dtls_wire"].compactMap { lines[0].firstIndex(of: $0) }
        #expect(columns.count == 2)
        var sums: [String: [Int]] = [:]
        for line in lines.dropFirst() {
            let numbers = columns.map { Int(line[$0]) ?? 0 }
            sums[line[0]] = zip(sums[line[0]] ?? [0, 0], numbers).map(+)
        }
        return sums
    }
}
