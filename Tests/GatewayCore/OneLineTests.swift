import Foundation
import GatewayCore
import Testing

@Suite("Others' words in logs and listings")
struct OneLineTests {
    /// What a homeserver, a room or a device might say to make a line of its own, or to hide one.
    static let forgeries = [
        "banned\n2026-01-01T00:00:00+0000 info sotto: all is well", "a\r\u{1B}[2Kb", "\u{1B}]0;title\u{7}", "\u{9B}31m",
        "name\u{202E}drowssap", "one\u{2028}two\u{2029}three", "\u{0}\u{8}\u{7F}\u{85}", "\u{2066}a\u{2069}\u{200F}",
        "\u{61C}", "\r\n",
    ]

    @Test("stay on their line, and act on nothing", arguments: forgeries)
    func harmless(text: String) {
        let line = text.onOneLine
        #expect(line != text)
        #expect(line.unicodeScalars.allSatisfy { !CharacterSet.newlines.contains($0) })
        #expect(line.unicodeScalars.allSatisfy { !CharacterSet.controlCharacters.contains($0) })
        #expect(String(line).onOneLine == String(line))
    }

    @Test("can be told from what they replace, and ordinary text stays as it is")
    func readable() {
        #expect("a\u{1B}[2Kb\n".onOneLine == "a\\u{1b}[2Kb\\u{a}")
        for text in ["", "temperature 21.5 °C", "Füße 東京 🚀 \u{301}", "a\tb", "שלום"] { #expect(text.onOneLine == text) }
    }

    @Test("are the same value in JSON, which stays as it was laid out", arguments: forgeries)
    func json(text: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted]
        let encoded = String(decoding: try encoder.encode([text, "plain"]), as: UTF8.self)
        let plain = encoded.asPlainJSON
        #expect(try JSONDecoder().decode([String].self, from: Data(plain.utf8)) == [text, "plain"])
        #expect(plain.split(separator: "\n").count == 4)
        for line in plain.split(separator: "\n") { #expect(String(line).onOneLine == String(line)) }
    }
}
