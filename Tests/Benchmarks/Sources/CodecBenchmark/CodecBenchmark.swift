internal import Foundation
internal import MatrixJSON
internal import Measuring

/// JSON to compact Matrix and back, beside Foundation's JSONSerialization and beside a plain copy through libcbor's streaming
/// decoder, over the exchanges captured from a homeserver. Scripts/bench codec runs it.
@main
struct CodecBenchmark {
    static func main() throws {
        let documents = try corpus()
        let bytes = documents.reduce(0) { $0 + $1.count }
        let compact = try documents.map { try CompactCodec.encode(json: $0, compresses: false) }
        let back = try compact.map { try CompactCodec.decodeToJSON($0) }
        precondition(back == documents, "what comes out is not what went in")
        let cbor = try documents.map { try CBORCodec.encode(json: $0) }
        var sum = 0
        func codec() {
            for document in documents {
                sum += (try? CompactCodec.encode(json: document, compresses: false))?.count ?? 0
            }
            for document in compact { sum += (try? CompactCodec.decodeToJSON(document))?.count ?? 0 }
        }
        func serialization() {
            for document in documents {
                guard let object = try? JSONSerialization.jsonObject(with: Data(document), options: .fragmentsAllowed),
                    let data = try? JSONSerialization.data(withJSONObject: object, options: .fragmentsAllowed)
                else { continue }
                sum += data.count
            }
        }
        var copy = CBORCopy()
        func copying() {
            for document in cbor { sum += copy.copy(document) }
        }
        let beside = Measurement("codec", operations: 1, rounds: 20, reference: serialization, codec)
        let besideCopy = Measurement("copy", operations: 1, rounds: 20, reference: copying, codec)
        // JSON bytes a microsecond are megabytes a second; both directions count once.
        let rate = Double(bytes) / beside.value
        let json = CommandLine.arguments.contains("--json")
        for (name, reference, bar) in [
            ("JSON to compact and back, beside JSONSerialization", Double(bytes) / beside.reference, 10.0),
            ("JSON to compact and back, beside a copy by libcbor", Double(bytes) / besideCopy.reference, 0.0),
        ] {
            let ratio = rate / reference
            if json {
                print(
                    "{\"name\":\"\(name)\",\"value\":\(rounded(rate)),\"unit\":\"MB/s\","
                        + "\"reference\":\(rounded(reference)),\"ratio\":\(rounded(ratio))}")
            } else {
                let missed = bar > 0 && ratio < bar ? ", bar \(bar): MISSED" : ""
                print(
                    "\(name): \(rounded(rate)) MB/s, reference \(rounded(reference)) MB/s, ratio \(rounded(ratio))\(missed)"
                )
            }
        }
        precondition(sum > 0)
    }

    private static func rounded(_ value: Double) -> Double { (value * 1000).rounded() / 1000 }

    /// Request and answer bodies of up to 64 KiB.
    private static func corpus() throws -> [[UInt8]] {
        let file = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../../MatrixJSON/Fixtures/homeserver-bodies.jsonl")
        var bodies: [[UInt8]] = []
        for line in try Data(contentsOf: file).split(separator: UInt8(ascii: "\n")) {
            let value = try JSONValue(parsing: Array(line))
            for body in [value["request"], value["response"]] {
                guard let body, body.objectValue != nil else { continue }
                bodies.append(body.jsonBytes)
            }
        }
        return bodies
    }
}
