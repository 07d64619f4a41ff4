import Foundation
import MatrixJSON
import TestSupport
import Testing

/// The examples of Docs/Compact-Matrix.md.
@Suite("The document on compact Matrix")
struct CompactDocumentTests {
    /// Rows of two columns, each in backquotes.
    private func rows() throws -> [(left: String, right: String)] {
        let file = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../Docs/Compact-Matrix.md")
        return try String(contentsOf: file, encoding: .utf8).split(separator: "\n").compactMap { line in
            let parts = line.split(separator: "`", omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 5, parts[0] == "| ", parts[2] == " | ", parts[4] == " |",
                parts[3].allSatisfy(\.isHexDigit)
            else { return nil }
            return (parts[1], parts[3])
        }
    }

    @Test("every example is what the code makes, and comes back")
    func examples() throws {
        let rows = try rows()
        #expect(rows.count == 8)
        for (left, right) in rows {
            if left.hasPrefix("{") || left.hasPrefix("[") {
                let value = try JSONValue(parsing: left)
                #expect(hex(CompactCodec.encode(value, compresses: false)) == "00" + right, "\(left)")
                #expect(try CompactCodec.decode([0] + bytes(hex: right)).jsonText == left)
            } else {
                let parts = left.split(separator: " ").map(String.init)
                let request = CompactRequest(method: parts[0], target: parts[1])
                #expect(hex(request.encoded(compresses: false)) == "00" + right, "\(left)")
                #expect(try CompactRequest(decoding: [0] + bytes(hex: right)) == request)
            }
        }
    }
}
