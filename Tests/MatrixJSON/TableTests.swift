import Foundation
import Testing

@testable import MatrixJSON

/// The tables as data, and the Swift that Scripts/generate-tables made of them.
@Suite("Tables")
struct TableTests {
    private func rows(_ name: String) throws -> [[String]] {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../Sources/MatrixJSON/Tables")
        return try String(contentsOf: folder.appending(path: name), encoding: .utf8)
            .split(separator: "\n").filter { !$0.hasPrefix("#") }
            .map { $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init) }
    }

    @Test("the generated Swift is what the data says")
    func generated() throws {
        let keys = try rows("sotto-keys-1.tsv")
        #expect(keys.map { $0[1] } == CompactTables.keyNames)
        #expect(keys.enumerated().allSatisfy { $0.element[0] == String($0.offset) })
        #expect(try rows("sotto-values-1.tsv").map { $0[2] } == CompactTables.valueStrings)
        #expect(try rows("sotto-queries-1.tsv").map { $0[1] } == CompactTables.queryNames)
        #expect(
            try rows("sotto-endpoints-1.tsv").map { $0[1...].joined(separator: " ") } == CompactTables.endpointLines)
        #expect(try rows("msc3079-keys-1.tsv").map { $0[1] } == MSC3079.keyNames)
        #expect(try rows("msc3079-keys-1.tsv").enumerated().allSatisfy { $0.element[0] == String($0.offset + 1) })
        #expect(try rows("msc3079-paths-1.tsv").map { $0.joined(separator: " ") } == MSC3079.pathLines)
        let dictionary = try rows("sotto-dictionary-1.hex").map { $0[0] }.joined()
        #expect(dictionary.lowercased() == CompactDictionary.bytes.map { String(format: "%02x", $0) }.joined())
    }

    @Test("every number of a table has one string, and every string its number")
    func bothWays() {
        for table in [CompactTables.keys, CompactTables.values, CompactTables.queries, MSC3079.keys] {
            for number in table.first..<table.first + table.count {
                let string = table[UInt64(number)]
                #expect(string.flatMap { table.number(of: $0) } == number)
            }
            #expect(table[UInt64(table.first + table.count)] == nil)
            #expect(table[.max] == nil)
            #expect(table.number(of: "no such string") == nil)
        }
        #expect(MSC3079.keys[0] == nil)
    }

    @Test("the integer of each key's number is another, and the most frequent ones take a byte")
    func keyIntegers() {
        var integers: Set<Int64> = []
        for number in 0..<2_000 {
            let integer = CompactNumber.keyInteger(number)
            integers.insert(integer)
            #expect(CompactNumber.keyNumber(integer) == UInt64(number))
            #expect((-24..<24).contains(integer) == (number < 48))
            #expect((-256..<256).contains(integer) == (number < 512))
        }
        #expect(integers.count == 2_000)
        #expect(CompactNumber.keyNumber(-257) == nil)
        #expect(CompactNumber.keyNumber(256) == nil)
        #expect(CompactNumber.keyNumber(.min) == nil)
    }

    @Test("letters that Unicode takes for the same as those of a table are others")
    func canonicalEquivalence() throws {
        // U+212A KELVIN SIGN is canonically equivalent to K, U+037E to the semicolon.
        for text in ["\u{212A}", "\u{37E}", "M_FORBIDDEN\u{301}", "\u{212A}ey"] {
            let value = JSONValue.object(JSONObject([JSONObject.Member(key: text, value: .string(text))]))
            #expect(try CompactCodec.decode(CompactCodec.encode(value)) == value)
            #expect(try MSC3079.decode(MSC3079.encode(value)) == value)
        }
        #expect(StringTable(["K"]).number(of: "\u{212A}") == nil)
    }
}
