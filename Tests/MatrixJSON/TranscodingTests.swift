import Foundation
import MatrixJSON
import TestSupport
import Testing

/// The one-pass ways from JSON to compact Matrix and back, against those by way of values.
@Suite("JSON to compact Matrix and back in one pass")
struct TranscodingTests {
    private let rounds = ProcessInfo.processInfo.environment["SOTTO_LONG"] == "1" ? 100_000 : 2_500

    /// Whether bytes or a refusal, and where, are the same as by way of a value.
    private func isSameUp(_ json: [UInt8], _ limits: DocumentLimits = .standard, compressed: Bool = true) -> Bool {
        for compresses in compressed ? [false, true] : [false] {
            do throws(JSONError) {
                let value = try JSONValue(parsing: json, limits: limits)
                let direct = try? CompactCodec.encode(json: json, compresses: compresses, limits: limits)
                guard direct == CompactCodec.encode(value, compresses: compresses) else { return false }
            } catch {
                let refusal = error
                do throws(JSONError) {
                    _ = try CompactCodec.encode(json: json, compresses: compresses, limits: limits)
                    return false
                } catch {
                    guard error == refusal else { return false }
                }
            }
        }
        return true
    }

    private func isSameDown(_ compact: [UInt8], _ limits: DocumentLimits = .standard) -> Bool {
        do throws(CBORCodecError) {
            let value = try CompactCodec.decode(compact, limits: limits)
            return (try? CompactCodec.decodeToJSON(compact, limits: limits)) == value.jsonBytes
        } catch {
            let refusal = error
            do throws(CBORCodecError) {
                _ = try CompactCodec.decodeToJSON(compact, limits: limits)
                return false
            } catch {
                return error == refusal
            }
        }
    }

    @Test("every captured and every measured body gives the same bytes, up and down")
    func fixtures() throws {
        for body in try (FixtureFiles.homeserver() + FixtureFiles.measured()).flatMap(\.bodies) {
            let json = body.value.jsonBytes
            #expect(isSameUp(json), "\(body.name)")
            for compresses in [false, true] {
                let compact = try CompactCodec.encode(json: json, compresses: compresses)
                #expect(try CompactCodec.decodeToJSON(compact) == json, "\(body.name)")
            }
        }
    }

    @Test("random documents give the same bytes, also with white space and escapes that need not be")
    func randomDocuments() throws {
        var random = SplitMix64(seed: 75)
        var wrong: [String] = []
        for round in 0..<rounds {
            var value = JSONValue.random(&random)
            if round % 3 == 0 {
                value = [
                    "ts": .integer(1_700_000_000_000 + Int64(random.below(1 << 34))), "content": value,
                    "origin_server_ts": .integer(1_700_000_000_000 + Int64(random.below(1 << 31))),
                    "password": .string("pass \(round)"), "access_token": value, "n": .string("\(random.next())"),
                    "number": .string("\(1_700_000_000_000 + random.below(1 << 34))"), "body": "m.room.message",
                    "hash": .string(hex(random.bytes(10))), "event_id": .string(base64(random.bytes(32 + round % 3))),
                ]
            }
            let json = value.jsonBytes
            let loose = loosened(json, &random)
            if !isSameUp(loose, compressed: round % 8 == 0) { wrong.append(String(decoding: json, as: UTF8.self)) }
            let compact = try CompactCodec.encode(json: json, compresses: round % 8 == 1)
            if try CompactCodec.decodeToJSON(compact) != json { wrong.append("down: \(value.jsonText)") }
        }
        #expect(wrong == [])
    }

    @Test("of equal keys the last one's value counts in the first one's place, however they are written")
    func duplicateKeys() throws {
        let many = (0..<40).map { "\"k\($0)\":\($0)" }.joined(separator: ",")
        for (json, expected) in [
            (#"{"a":1,"b":2,"a":3}"#, #"{"a":3,"b":2}"#), (#"{"a":1,"\u0061":[{"b":1,"b":2}]}"#, #"{"a":[{"b":2}]}"#),
            (#"{"type":1700000000000,"x":1700000000001,"type":0}"#, #"{"type":0,"x":1700000000001}"#),
            ("{\"\u{e9}\":1,\"e\u{301}\":2,\"\u{e9}\":3}", "{\"\u{e9}\":3,\"e\u{301}\":2}"),
            ("{\(many),\"k7\":\"x\"}", "{\(many)}"),
        ] {
            #expect(isSameUp(Array(json.utf8)), "\(json)")
            let back = try CompactCodec.decodeToJSON(try CompactCodec.encode(json: Array(json.utf8)))
            let text = String(decoding: back, as: UTF8.self)
            #expect(text == (expected.contains("k7") ? expected.replacing(":7,", with: ":\"x\",") : expected))
        }
        // Compact bytes in which a key comes twice are refused, near and far.
        let short = try CompactCodec.encode(json: Array(#"{"aaa":1,"aab":2}"#.utf8), compresses: false)
        let long = try CompactCodec.encode(json: Array("{\(many),\"k99\":1}".utf8), compresses: false)
        for (bytes, from, to) in [(short, "aab", "aaa"), (long, "k99", "k39")] {
            let place = try #require(bytes.indices.first { bytes[$0...].starts(with: from.utf8) })
            var twice = bytes
            twice.replaceSubrange(place..<place + from.utf8.count, with: to.utf8)
            #expect(throws: CBORCodecError.self) { try CompactCodec.decodeToJSON(twice) }
            #expect(isSameDown(twice))
        }
    }

    @Test("containers of any count have the right head")
    func counts() throws {
        for count in [0, 1, 23, 24, 25, 255, 256, 257, 20_000] {
            let array = "[\((0..<count).map { "[\($0)]" }.joined(separator: ","))]"
            let object = "{\((0..<count).map { "\"k\($0)\":[]" }.joined(separator: ","))}"
            for json in [array, object, "[\(array),\(object)]"] {
                let compact = try CompactCodec.encode(json: Array(json.utf8), compresses: false)
                #expect(compact == CompactCodec.encode(try JSONValue(parsing: json), compresses: false), "\(count)")
                #expect(try CompactCodec.decodeToJSON(compact) == Array(json.utf8), "\(count)")
            }
        }
    }

    @Test("depth, length and number of values are limited where they are by way of a value")
    func limits() throws {
        let nested = Array(#"[{"a":[1,{"b":["#.utf8) + Array(#"]}]}]"#.utf8)
        let compact = try CompactCodec.encode(json: nested, compresses: false)
        for limit in 0..<12 {
            for limits in [
                DocumentLimits(maximumDepth: limit), DocumentLimits(maximumValues: limit),
                DocumentLimits(maximumBytes: nested.count - 6 + limit),
                DocumentLimits(maximumBytes: compact.count - 6 + limit),
            ] {
                #expect(isSameUp(nested, limits))
                #expect(isSameDown(compact, limits))
            }
        }
        let deep = [UInt8](repeating: UInt8(ascii: "["), count: 100_000)
        #expect(isSameUp(deep))
        #expect(isSameDown([0] + [UInt8](repeating: 0x81, count: 100_000)))
    }

    @Test("what is no JSON, and numbers at every edge, are refused or read alike")
    func edges() {
        for json in [
            "", " ", "-", "-0", "-0.0", "00", "01", "-01", "1.", "1.e1", ".5", "1e", "1e+", "1e400", "-1e-400", "1E5",
            "1e5",
            "999999999999999999", "1000000000000000000", "9223372036854775807", "9223372036854775808",
            "-9223372036854775808", "-9223372036854775809", "1099511627775", "1099511627776", "281474976710655",
            "281474976710656", "tru", "truee", "nul", "nan", "[1,]", "[,]", "[1 2]", "{\"a\"}", "{\"a\":}",
            "{\"a\":1,}",
            "{a:1}", "{1:1}", "\"", "\"\\", "\"\\u12", "\"\\ud800\"", "\"\\ud83d\\ude00\"", "\"\\x\"", "\"\t\"", "1 1",
            "\u{feff}1", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "[\"12\",\"-12\",\"7\",\"0012\",\"-0\",\"-\",\"--\"]",
        ] { #expect(isSameUp(Array(json.utf8)), "\(json)") }
        for bytes: [UInt8] in [
            [0x22, 0xFF, 0x22], [0x22, 0xC3, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22], [0x22, 0xC0, 0x80, 0x22],
        ] {
            #expect(isSameUp(bytes))
        }
    }

    @Test("random damage to JSON and to compact messages is refused, or read, alike")
    func randomDamage() throws {
        var random = SplitMix64(seed: 76)
        let bodies = try FixtureFiles.homeserver().flatMap(\.bodies).map(\.value.jsonBytes).filter { $0.count < 2_000 }
        let compact = bodies.flatMap { json in
            [false, true].compactMap { try? CompactCodec.encode(json: json, compresses: $0) }
        }
        var wrong: [String] = []
        for round in 0..<rounds * 2 {
            var json = bodies[round % bodies.count]
            var bytes = round % 4 == 0 ? [0] + random.bytes(1 + random.below(20)) : compact[round % compact.count]
            for _ in 0..<1 + random.below(3) {
                json[random.below(json.count)] = random.chance(50) ? random.byte() : json[random.below(json.count)]
                bytes[random.below(bytes.count)] = random.byte()
            }
            if random.chance(20) { json = Array(json.prefix(random.below(json.count))) }
            if random.chance(20) { bytes = Array(bytes.prefix(random.below(bytes.count))) }
            if !isSameUp(json, .event, compressed: round % 8 == 0) {
                wrong.append(String(decoding: json, as: UTF8.self))
            }
            if !isSameDown(bytes, .event) { wrong.append(hex(bytes.prefix(60))) }
        }
        #expect(wrong == [])
    }

    private func base64(_ bytes: [UInt8]) -> String {
        "$"
            + Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing(
                "=", with: "")
    }

    /// The same document with more white space, and letters escaped.
    private func loosened(_ json: [UInt8], _ random: inout SplitMix64) -> [UInt8] {
        var loose: [UInt8] = []
        var isInString = false
        var isEscaped = false
        // Digits of an escape that is there already.
        var digits = 0
        for byte in json {
            if digits > 0 {
                digits -= 1
            } else if isInString, !isEscaped, (0x61...0x7A).contains(byte), random.chance(3) {
                loose += Array("\\u00\(String(byte, radix: 16))".utf8)
                continue
            }
            if isEscaped {
                isEscaped = false
                if byte == UInt8(ascii: "u") { digits = 4 }
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isInString.toggle()
            }
            let isMark = !isInString && [UInt8](",:[]{}".utf8).contains(byte)
            if isMark, random.chance(20) { loose.append([0x20, 0x09, 0x0A, 0x0D][random.below(4)]) }
            loose.append(byte)
            if isMark, random.chance(20) { loose.append([0x20, 0x09, 0x0A, 0x0D][random.below(4)]) }
        }
        return loose
    }
}
