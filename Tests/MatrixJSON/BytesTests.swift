import MatrixJSON
import TestSupport
import Testing

/// What the exchanges take by which the predecessors were measured. No memory of earlier messages is used here: tables,
/// packing and the static dictionary alone. What a session saves (numbers for rooms and users, transaction ids and sync
/// tokens that need not travel) comes on top.
@Suite("Bytes of the measured exchanges")
struct BytesTests {
    /// First byte, device number and tag of a frame; and the byte of a compact CoAP header.
    static let frameUp = 18 + 1
    static let frameDown = 17 + 1

    struct Row {
        let name: String
        var up = 0
        var down = 0
        var plainUp = 0
        var plainDown = 0

        var wire: Int { up + down + BytesTests.frameUp + BytesTests.frameDown }
    }

    static func rows() throws -> [Row] {
        try FixtureFiles.measured().map { exchange in
            let request = CompactRequest(
                method: exchange.method, target: exchange.target, body: exchange.request.isNull ? nil : exchange.request
            )
            return Row(
                name: exchange.name, up: request.encoded().count, down: CompactCodec.encode(exchange.response).count,
                plainUp: request.encoded(compresses: false).count,
                plainDown: CompactCodec.encode(exchange.response, compresses: false).count)
        }
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }

    @Test("every exchange takes fewer bytes than with either predecessor, before any identifier is known")
    func againstPredecessors() throws {
        let sizes = try FixtureFiles.sizes()
        var report = "case                          up  down  wire |  coap-proxy  lb  | plain up  down\n"
        for row in try Self.rows() {
            let proxy = sizes.filter { $0.name == row.name }.map(\.proxyWire).reduce(0, +)
            let lb = sizes.filter { $0.name == row.name }.map(\.lbWire).reduce(0, +)
            let numbers = [row.up, row.down, row.wire, proxy, lb, row.plainUp, row.plainDown]
            report += row.name + String(repeating: " ", count: max(0, 26 - row.name.count))
            report += numbers.map { Self.padded(String($0), 6) }.joined() + "\n"
            #expect(row.wire < proxy, "\(row.name)")
            #expect(row.wire < lb, "\(row.name)")
        }
        print(report)
    }

    @Test("small documents that nothing was trained on take less than half of their CBOR")
    func syntheticEvents() throws {
        var random = SplitMix64(seed: 75)
        let documents = (0..<300).map { SyntheticEvents.make($0, &random) }
        func medianAndMean(_ size: (JSONValue) -> Int) -> (median: Int, mean: Int) {
            let sizes = documents.map(size).sorted()
            return (sizes[sizes.count / 2], sizes.reduce(0, +) / sizes.count)
        }
        let json = medianAndMean { $0.jsonBytes.count }
        let cbor = medianAndMean { CBORCodec.encode($0).count }
        let plain = medianAndMean { CompactCodec.encode($0, compresses: false).count }
        let compact = medianAndMean { CompactCodec.encode($0).count }
        print("300 small documents, median (mean): JSON \(json), CBOR \(cbor), compact \(plain), compressed \(compact)")
        #expect(compact.mean * 9 < json.mean * 4)
        #expect(compact.mean * 2 < cbor.mean)
        #expect(compact.median < plain.median)
    }
}
