import CoAP
import ConformanceSite
import Foundation
import TestSupport
import Testing

/// Hostile and odd datagrams, each from a fresh address, at a server that has `/time`: what comes back, against what the
/// RFCs require. `Scripts/test --vectors DIR` adds the rows of DIR/datagrams.tsv.
@Suite("Datagrams at a server, by table")
struct DatagramTableTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var id: String
        var datagram: [UInt8]
        /// Alternatives, in the words of the table: "RST", "ignore", "4.02", "4.xx", ...
        var required: String
        var testDescription: String { id }
    }

    static let time = "b474696d65"
    static let long = String(repeating: "61", count: 256)

    /// id, hex, required.
    static let table: [(String, String, String)] = [
        ("empty datagram", "", "ignore"),
        ("1 byte", "40", "ignore"),
        ("3 bytes", "400112", "ignore"),
        ("version 0", "00011004" + time, "ignore"),
        ("version 3", "c0011006" + time, "ignore"),
        ("TKL 9, CON", "49011007010203040506070809" + time, "RST"),
        ("TKL 12, CON", "4c0110080102030405060708090a0b0c" + time, "RST"),
        ("TKL 13, CON", "4d01100800" + "0102030405060708090a0b0c0d" + time, "RST"),
        ("TKL 15, CON", "4f011009000102030405060708090a0b0c0d0e" + time, "RST"),
        ("TKL 15, NON", "5f01100a000102030405060708090a0b0c0d0e" + time, "ignore or RST"),
        ("TKL 14, its extended length cut", "4e01100c00", "RST"),
        ("TKL 14, its extended length a lie", "4e01100dffff0102", "RST"),
        ("Empty CON with a token", "4100100faa", "RST"),
        ("Empty CON with a payload", "40001010ff61", "RST"),
        ("ping", "40001011", "RST"),
        ("Empty ACK, unsolicited", "60001012", "ignore"),
        ("Empty ACK, trailing bytes", "60001013ff61", "ignore"),
        ("RST with the code of a request", "70011015" + time, "ignore"),
        ("ACK with a request", "60011016" + time, "ignore"),
        ("CON of class 1", "40211018", "RST"),
        ("CON of class 6", "40c01019", "RST"),
        ("NON of class 7", "50e1101b", "ignore or RST"),
        ("CON response to nothing", "4145101c77", "RST"),
        ("ACK response to nothing", "6145101e77", "ignore"),
        ("method 0.31", "401f101f" + time, "4.05"),
        ("PATCH of what has no such method", "40061020" + time, "4.05"),
        ("class 3", "40601021" + time, "RST"),
        ("delta 15", "40011022f0", "RST"),
        ("delta 15, length 14", "40011024fe", "RST"),
        ("extended delta missing", "40011025d0", "RST"),
        ("extended delta cut", "40011027e001", "RST"),
        ("extended length missing", "40011028bd", "RST"),
        ("value longer than the datagram", "4001102ab47469", "RST"),
        ("length 65,804, one byte there", "4001102bbeffff74", "RST"),
        ("option numbers that wrap to Uri-Path", "4001102de0fef2c474696d65", "RST or 4.02"),
        ("marker without payload", "4001102e" + time + "ff", "RST"),
        ("marker without payload, NON", "50011030" + time + "ff", "ignore or RST"),
        ("extended delta and length cut", "40011031ed01", "RST"),
        ("unknown critical option, CON", "40011033" + time + "d001", "4.02"),
        ("unknown critical option, NON", "50011034" + time + "d001", "ignore or RST"),
        ("unknown elective option", "40011035" + time + "e1010000", "2.05"),
        ("Accept twice", "40011036" + time + "6000", "4.02"),
        ("Uri-Path of 256 bytes", "40011037bdf3" + long, "4.02"),
        ("Uri-Host of no bytes", "4001103830" + "84" + "74696d65", "4.02"),
        ("Uri-Port of 3 bytes", "40011039730016334474696d65", "4.02"),
        ("If-None-Match with a value", "4001103a51006474696d65", "4.02"),
        ("Content-Format of 3 bytes", "4001103c" + time + "13000000", "2.05"),
        ("Accept of 3 bytes", "4001103d" + time + "63000000", "4.02"),
        ("SZX 7", "4001103e" + time + "c107", "4.00"),
        ("Block2 of 4 bytes", "4001103f" + time + "c400000006", "4.02"),
        ("Block1 with more and 3 bytes", "40031040" + time + "d1030aff616263", "4.00 or 4.08"),
        ("last Block1 with NUM 5 and nothing before", "40031041" + time + "d10352ff616263", "4.08"),
        ("Block2 NUM 1000", "40011042" + time + "c23e82", "4.xx"),
        ("Block2 NUM 2^20 - 1", "40011042" + time + "c3fffff6", "4.xx"),
        ("Proxy-Uri", "40011043d916687474703a2f2f682f", "5.05"),
        ("Proxy-Scheme", "40011044" + time + "d40f68747470", "5.05"),
        ("Uri-Path that is no UTF-8", "40011045b2c328", "4.00 or 4.04"),
        ("Uri-Path with a slash inside", "40011046b3612f62", "4.04"),
        ("Uri-Query of 256 bytes", "40011048" + time + "4df3" + long, "4.02"),
        ("1000 empty Uri-Path options", "40011049b0" + String(repeating: "00", count: 999), "4.00 or 4.04"),
        ("payload on GET", "4001104b" + time + "ff616263", "2.05"),
        ("Hop-Limit 0", "4001104c" + time + "5100", "4.00"),
        ("Hop-Limit 1", "4001104d" + time + "5101", "2.05"),
        ("Hop-Limit without a value", "4001104d" + time + "50", "2.05"),
        ("ETag of 9 bytes", "4001104e490001020304050607087474696d65", "2.05"),
        ("If-Match of 9 bytes", "4001104f19000102030405060708a474696d65", "4.02"),
        ("8-byte token", "480110510102030405060708" + time, "2.05"),
        ("NON", "50011052" + time, "2.05"),
        ("Q-Block2", "40011053" + time + "d10706", "2.05"),
        ("No-Response to successes, CON", "40011054" + time + "d1ea02", "ACK"),
        ("No-Response to successes, NON", "50011055" + time + "d1ea02", "ignore"),
        ("No-Response to errors, of a success", "40011056" + time + "d1ea18", "2.05"),
        ("2 bytes", "4001", "ignore"),
        ("version 2", "80011057" + time, "ignore"),
        ("TKL 8, token cut, CON", "4801105801020304", "RST"),
        ("TKL 9, NON", "59011059010203040506070809" + time, "ignore or RST"),
        ("TKL 9, ACK", "69011059010203040506070809" + time, "ignore"),
        ("TKL 9, RST", "79001059010203040506070809", "ignore"),
        ("Empty CON with an option", "4000105a" + time, "RST"),
        ("Empty NON", "5000105b", "ignore or RST"),
        ("RST with trailing bytes", "7000105cff61", "ignore"),
        ("RST with the code of a response", "7045105d", "ignore"),
        ("NON of class 1", "5021105e", "ignore or RST"),
        ("NON of class 3", "5060105f" + time, "ignore or RST"),
        ("CON 7.01, a signal of TCP", "40e11060", "RST"),
        ("ACK of class 7", "60e11061", "ignore"),
        ("NON response to nothing", "5145106277", "ignore or RST"),
        ("method 0.31, NON", "501f1063" + time, "4.05"),
        ("DELETE of what has no such method, NON", "50041064" + time, "4.05"),
        ("FETCH of what has no such method", "40051065" + time, "4.05"),
        ("GET of the root", "40011066", "2.05"),
        ("length 15", "400110670f", "RST"),
        ("length 15, NON", "500110680f", "ignore or RST"),
        ("option 65,535, critical", "40011069" + time + "e0fee7", "4.02"),
        ("option 65,534, elective", "4001106a" + time + "e0fee6", "2.05"),
        ("option 0, elective", "4001106b00" + time, "2.05"),
        ("option 2, elective and unsafe to forward", "4001106c20" + "94" + "74696d65", "2.05"),
        ("Object-Security", "4001106d90" + "24" + "74696d65", "4.02"),
        ("unknown critical option twice", "4001106e" + time + "d00100", "4.02"),
        ("unknown elective option, NON", "5001106f" + time + "e1010000", "2.05"),
        ("Uri-Host", "400110703161" + "84" + "74696d65", "2.05"),
        ("Uri-Host twice", "4001107131610161" + "84" + "74696d65", "4.02"),
        ("Uri-Host of 256 bytes", "400110723df3" + long + "84" + "74696d65", "4.02"),
        ("Uri-Port twice", "4001107371" + "16" + "0116" + "44" + "74696d65", "4.02"),
        ("If-None-Match twice", "400110745000" + "64" + "74696d65", "4.02"),
        ("Observe of 4 bytes", "40011075" + "6400000001" + "54" + "74696d65", "2.05"),
        ("Max-Age of 5 bytes", "40011076" + time + "350000000001", "2.05"),
        ("Content-Format twice", "40011077" + time + "1000", "2.05"),
        ("Location-Path in a request", "400110788161" + "34" + "74696d65", "2.05"),
        ("Accept with leading zeros", "40011079" + time + "620000", "2.05"),
        ("Accept of a format that is not there", "4001107a" + time + "6132", "4.06"),
        ("Block2 twice", "4001107b" + time + "c106" + "0106", "4.02"),
        ("Block1 of 4 bytes", "4003107c" + time + "d40300000006" + "ff61", "4.02"),
        ("Block1 of SZX 7", "4003107d" + time + "d10307" + "ff61", "4.00"),
        ("Block1 and Q-Block1", "4003107e" + time + "8106" + "8106" + "ff61", "4.02"),
        (
            "Q-Block1 without size and tag", "4003107f" + time + "810e" + "ff" + String(repeating: "61", count: 1024),
            "4.00"
        ),
        ("Proxy-Uri of no bytes", "40011080d016", "4.02"),
        ("Proxy-Uri, NON", "50011081d916687474703a2f2f682f", "5.05"),
        ("Hop-Limit of 2 bytes", "40011082" + time + "520001", "2.05"),
        ("Size1 of 5 bytes", "40011083" + time + "d5240000000001", "2.05"),
        ("Echo of no bytes", "40011084" + time + "d0e4", "2.05"),
        ("Echo of 41 bytes", "40011085" + time + "dde41c" + String(repeating: "61", count: 41), "2.05"),
        ("No-Response of 2 bytes", "40011086" + time + "d2ea0002", "2.05"),
        ("Request-Tag of 9 bytes", "40011087" + time + "e9000c" + String(repeating: "61", count: 9), "2.05"),
        ("If-Match of what it is not", "400110881101" + "a4" + "74696d65", "4.12"),
        ("If-Match of anything", "4001108910" + "a4" + "74696d65", "2.05"),
        ("If-None-Match of what is there", "4001108a50" + "64" + "74696d65", "4.12"),
        ("Uri-Path with an empty segment behind", "4001108b" + time + "00", "4.04"),
        ("Uri-Path ..", "4001108cb22e2e", "4.04"),
        ("Uri-Path of 255 bytes", "4001108dbdf2" + String(repeating: "61", count: 255), "4.04"),
        ("PUT without a body of what has no such method", "4003108e" + time, "4.05"),
        ("a datagram that felled er-coap", "5151510080515151514e51515151515151f506", "ignore or RST"),
        (
            "another one", "424342424242429e8042422801e1e1e1e1e1e1e1e1e1e1e1e1e1e1bfe10000100043425342ff49",
            "RST"
        ),
    ]

    static var rows: [Row] {
        table.map { Row(id: $0.0, datagram: bytes(hex: $0.1), required: $0.2) } + fromFile
    }

    /// The rows of SOTTO_VECTORS/datagrams.tsv, where that is given: a head, then id, hex, required.
    private static var fromFile: [Row] {
        guard let folder = ProcessInfo.processInfo.environment["SOTTO_VECTORS"],
            let text = try? String(contentsOfFile: folder + "/datagrams.tsv", encoding: .utf8)
        else { return [] }
        var rows: [Row] = []
        for line in text.split(whereSeparator: \.isNewline) {
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            guard fields.count >= 3, fields[0] != "id" else { continue }
            // "(none)" is how a table may write the empty datagram.
            let isHex = fields[1].allSatisfy { $0.isHexDigit || $0 == " " }
            rows.append(Row(id: fields[0], datagram: isHex ? bytes(hex: fields[1]) : [], required: fields[2]))
        }
        return rows
    }

    @Test(
        "each is answered as required, once, and leaves nothing running; with the limit for unknown addresses as well",
        arguments: rows, [false, true])
    func answer(row: Row, isLimited: Bool) throws {
        var server = Self.server(mint: isLimited ? EchoMint(key0: 1, key1: 2) : nil)
        _ = server.receive(row.datagram, from: 1, now: 5)
        let answers = server.outgoing.map(\.bytes)
        try #require(answers.count <= 1)
        let answer = try Self.describe(answers.first, to: row.datagram)
        if isLimited, answer == "4.01" {
            // In the place of one that is too long to go to anybody.
            var other = Self.server()
            _ = other.receive(row.datagram, from: 1, now: 5)
            #expect(other.outgoing.contains { $0.bytes.count > 136 })
        } else {
            #expect(Self.satisfies(answer, row.required), "\(answer), required: \(row.required)")
        }
        if isLimited { #expect(answers.allSatisfy { $0.count <= 136 }) }
        // Nothing is repeated to an address that has proved nothing.
        server.outgoing = []
        for second in 1..<400 { server.handleTimeout(now: Int64(second) * 1_000_000_000) }
        #expect(server.outgoing.isEmpty)
    }

    @Test("the table's own words are understood: what is required of a row is not met by everything")
    func requirements() {
        for row in Self.rows {
            let all = ["ignore", "RST", "ACK", "2.05", "4.00", "4.02", "4.04", "4.05", "4.06", "4.08", "4.12", "5.05"]
            let met = all.filter { Self.satisfies($0, row.required) }
            #expect((1..<all.count).contains(met.count), "\(row.id): \(row.required)")
        }
    }

    // MARK: Pieces

    static func server(mint: EchoMint? = nil) -> ConformanceServer<Int> {
        ConformanceServer(
            site: ConformanceSite(now: 0, unixNanoseconds: 1_700_000_000_000_000_000), parameters: .rfc7252, mint: mint,
            seed: 1, now: 0, bytesOf: { [UInt8(truncatingIfNeeded: $0)] })
    }

    /// "ignore", "RST", "ACK" for an empty acknowledgement, or the code; an answer must go with what it answers.
    private static func describe(_ answer: [UInt8]?, to datagram: [UInt8]) throws -> String {
        guard let answer else { return "ignore" }
        let message = try Message(decoding: answer)
        if message.type != .nonConfirmable {
            #expect(message.messageID == UInt16(datagram[2]) << 8 | UInt16(datagram[3]))
        }
        if message.code == .empty { return message.type == .reset ? "RST" : "ACK" }
        #expect(message.type == (datagram[0] >> 4 & 3 == 0 ? .acknowledgement : .nonConfirmable))
        #expect(message.token == Array(datagram[4..<4 + Int(datagram[0] & 15)]))
        return "\(message.code.codeClass).\(message.code.detail < 10 ? "0" : "")\(message.code.detail)"
    }

    /// `required` is prose that names the permitted answers: "ignore or RST", "4.00 or 4.04, promptly", "4.xx". Each one that
    /// it names counts, but for those behind a "never".
    private static func satisfies(_ answer: String, _ required: String) -> Bool {
        var words: [String] = []
        for word in required.split(whereSeparator: { " ,;/()".contains($0) }) { words.append(String(word)) }
        if let never = words.firstIndex(of: "never") { words.removeSubrange(never...) }
        for word in words {
            if word == answer { return true }
            if answer == "ignore",
                ["ignore", "ignored", "none", "nothing", "silence", "silent", "silently", "drop"].contains(
                    word.lowercased())
            {
                return true
            }
            if word.hasSuffix(".xx"), answer.hasPrefix(word.dropLast(2)) { return true }
        }
        return false
    }
}
