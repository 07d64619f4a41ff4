import Foundation
import Profiles
import Testing

@Suite("Docs/Profiles.md")
struct DocumentTests {
    private var document: String {
        get throws {
            let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .deletingLastPathComponent()
            return try String(contentsOf: folder.appendingPathComponent("Docs/Profiles.md"), encoding: .utf8)
        }
    }

    /// The words in backquotes of the first column of every table between two headings.
    private func keys(from: String, to: String) throws -> [String] {
        let text = try document
        let start = try #require(text.range(of: "\n## \(from)\n")).upperBound
        let end = try #require(text.range(of: "\n## \(to)\n")).lowerBound
        var keys: [String] = []
        for line in text[start..<end].split(separator: "\n") where line.hasPrefix("| `") {
            let column = line.dropFirst(2).prefix { $0 != "|" }
            keys += column.split(separator: "`").map { String($0) }.filter { !$0.contains(" ") }
        }
        return keys
    }

    @Test("has every key of a link that the reader knows, and no other")
    func links() throws {
        let section = try YAMLSection.parse(
            """
            rate_bps: 1
            downlink: after-uplink
            downlink_openings: [{delay_s: 1}]
            bands: [{name: a}]
            trace: {down: [{from_s: 0, to_s: 1}]}
            windows: {open: [{from_s: 0, to_s: 1}]}
            sources: [{fields: rate_bps, from: a book}]
            """, file: "x.yaml")
        _ = try LinkProfile.read(section, name: "x")
        let known = Set(
            section.keysAskedFor.map { key in
                ["up.", "down."].first { key.hasPrefix($0) }.map { String(key.dropFirst($0.count)) } ?? key
            })
        let written = try keys(from: "Links", to: "Devices")
        compare(
            written, known,
            sections: ["up", "down", "lora", "blocks", "gilbert_elliott", "trace", "capture", "windows"])
    }

    @Test("has every key of a device that the reader knows, and no other")
    func devices() throws {
        let section = try YAMLSection.parse(
            leastDevice + """
                payload: {fields: [{name: t}], examples: [{values: {t: 1}, hex: "8461746001 00", body: t 1}]}
                matrix: {events: [{priority: 1}]}
                commands: [{verb: a, arguments: [{name: b}]}]
                """, file: "x.yaml")
        let profile = try DeviceProfile.read(section, name: "x", committed)
        #expect(profile.failures(file: "x.yaml").isEmpty)
        let written = try keys(from: "Devices", to: "What is refused before anything is sent")
        compare(
            written, Set(section.keysAskedFor),
            sections: [
                "profile", "profile.firmware", "security", "security.rekey", "coap", "coap.observe", "payload",
                "matrix",
                "power", "power.events", "power.currents", "power.battery", "limits", "test",
            ])
    }

    /// - Parameter sections: what has keys below it only.
    private func compare(_ written: [String], _ known: Set<String>, sections: [String]) {
        #expect(written.count == Set(written).count)
        let lists = Set(known.filter { key in known.contains { $0.hasPrefix(key + "[].") } })
        let leaves = known.subtracting(sections).subtracting(lists)
        #expect(leaves.subtracting(written).sorted() == [])
        #expect(Set(written).subtracting(leaves).sorted() == [])
    }

    @Test("shows the error that the reader gives")
    func error() throws {
        let text = refusal { () throws(FieldError) in
            try parseDevice("link:\n  latency_s: 200ms\nsecurity: {pattern: KK}\n")
        }
        let shown = try #require(document.split(separator: "\n").first { $0.contains("soil.yaml:9: ") })
        #expect(
            shown.trimmingCharacters(in: .whitespaces).dropFirst("soil.yaml:9".count)
                == text.dropFirst("x.yaml:2".count))
    }
}
