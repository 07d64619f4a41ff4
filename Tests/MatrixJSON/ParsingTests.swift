import MatrixJSON
import TestSupport
import Testing

@Suite("JSON in and out")
struct ParsingTests {
    static let good: [(String, String)] = [
        ("null", "null"), (" true ", "true"), ("\tfalse\r\n", "false"), ("[]", "[]"), ("[ ]", "[]"), ("{}", "{}"),
        ("{ \n }", "{}"), ("\"\"", "\"\""), ("[1]", "[1]"), ("[1 , 2\n,3]", "[1,2,3]"), ("[[],{}]", "[[],{}]"),
        ("[null,true,false]", "[null,true,false]"), ("{\"\":{}}", "{\"\":{}}"), ("{\"a\" : 1}", "{\"a\":1}"),
        ("{\"b\":1,\"a\":[{}]}", "{\"b\":1,\"a\":[{}]}"), ("[[[[1]]]]", "[[[[1]]]]"),
        // Strings: every escape, and only what has to be is escaped again.
        (#""\"\\\/\b\f\n\r\t""#, #""\"\\/\b\f\n\r\t""#), (#""\u0041\u00e9\u20AC""#, "\"A\u{e9}\u{20ac}\""),
        (#""\u0000\u001f\u007f""#, "\"\\u0000\\u001f\u{7f}\""), (#""\u000b\u0010""#, #""\u000b\u0010""#),
        (#""\uD83D\uDE00""#, "\"\u{1F600}\""), (#""\ud800\udc00\udbff\udffd""#, "\"\u{10000}\u{10FFFD}\""),
        (#""\uFFFD\ufeff""#, "\"\u{FFFD}\u{FEFF}\""),
        ("\"\u{e9}\u{1F4E1}\u{7f}\"", "\"\u{e9}\u{1F4E1}\u{7f}\""),
        ("\"a\\u0062c\"", "\"abc\""), (#""\u2028""#, "\"\u{2028}\""), ("\"// no comment\"", "\"// no comment\""),
        // Numbers: integers and floats stay apart.
        ("0", "0"), ("-0", "0"), ("-1", "-1"), ("9007199254740991", "9007199254740991"),
        ("-9007199254740991", "-9007199254740991"), ("9007199254740992", "9007199254740992"),
        ("9223372036854775807", "9223372036854775807"), ("-9223372036854775808", "-9223372036854775808"),
        ("1.0", "1.0"), ("1.5", "1.5"), ("-0.0", "-0.0"), ("0.1", "0.1"), ("1.0e1", "10.0"), ("1E2", "100.0"),
        ("1e+2", "100.0"), ("125e-2", "1.25"), ("0e0", "0.0"), ("1e-400", "0.0"), ("21.50", "21.5"),
        ("1e16", "1e+16"), ("5e-324", "5e-324"), ("1.7976931348623157e308", "1.7976931348623157e+308"),
        ("0.30000000000000004", "0.30000000000000004"), ("9007199254740993.0", "9007199254740992.0"),
        ("123456789012345678901234567890.0", "1.2345678901234568e+29"),
    ]

    @Test("what is JSON is parsed, and written again without white space or needless escapes", arguments: good)
    func accepted(text: String, written: String) throws {
        let value = try JSONValue(parsing: text)
        #expect(value.jsonText == written)
        #expect(value.jsonBytes == Array(written.utf8))
        #expect(try JSONValue(parsing: value.jsonBytes) == value)
    }

    static let bad: [(String, JSONError.Reason, Int)] = [
        ("", .unexpectedEnd, 0), ("   ", .unexpectedEnd, 3), ("[", .unexpectedEnd, 1), ("[1", .unexpectedEnd, 2),
        ("[1,", .unexpectedEnd, 3), ("{", .unexpectedEnd, 1), ("{\"a\"", .unexpectedEnd, 4),
        ("{\"a\":", .unexpectedEnd, 5),
        ("{\"a\":1", .unexpectedEnd, 6), ("{\"a\":1,", .unexpectedEnd, 7), ("\"", .unexpectedEnd, 1),
        ("\"a", .unexpectedEnd, 2),
        ("\"\\", .unexpectedEnd, 2), ("\"\\u12", .unexpectedEnd, 5), ("tru", .unexpectedEnd, 3),
        ("-", .unexpectedEnd, 1),
        ("1.", .unexpectedEnd, 2), ("1e", .unexpectedEnd, 2), ("1e+", .unexpectedEnd, 3), ("1E-", .unexpectedEnd, 3),
        ("[1,]", .unexpectedByte(0x5D), 3), ("[,1]", .unexpectedByte(0x2C), 1), ("[1 2]", .unexpectedByte(0x32), 3),
        ("[1,,2]", .unexpectedByte(0x2C), 3), ("[1;2]", .unexpectedByte(0x3B), 2), ("[1}", .unexpectedByte(0x7D), 2),
        ("{\"a\":1]", .unexpectedByte(0x5D), 6), ("{\"a\":1,}", .unexpectedByte(0x7D), 7),
        ("{,}", .unexpectedByte(0x2C), 1),
        ("{a:1}", .unexpectedByte(0x61), 1), ("{1:1}", .unexpectedByte(0x31), 1),
        ("{\"a\" 1}", .unexpectedByte(0x31), 5),
        ("{\"a\"::1}", .unexpectedByte(0x3A), 5), ("{\"a\":}", .unexpectedByte(0x7D), 5),
        ("{'a':1}", .unexpectedByte(0x27), 1),
        ("'a'", .unexpectedByte(0x27), 0), ("True", .unexpectedByte(0x54), 0), ("trUe", .unexpectedByte(0x55), 2),
        ("nul!", .unexpectedByte(0x21), 3), ("NaN", .unexpectedByte(0x4E), 0), ("[NaN]", .unexpectedByte(0x4E), 1),
        ("Infinity", .unexpectedByte(0x49), 0), ("-Infinity", .unexpectedByte(0x49), 1),
        ("+1", .unexpectedByte(0x2B), 0),
        (".5", .unexpectedByte(0x2E), 0), ("-.5", .unexpectedByte(0x2E), 1), ("- 1", .unexpectedByte(0x20), 1),
        ("--1", .unexpectedByte(0x2D), 1), ("01", .unexpectedByte(0x31), 1), ("-01", .unexpectedByte(0x31), 2),
        ("00", .unexpectedByte(0x30), 1), ("[1.]", .unexpectedByte(0x5D), 3), ("[1.e1]", .unexpectedByte(0x65), 3),
        ("1e1.5", .trailingBytes, 3), ("0x10", .trailingBytes, 1), ("1_000", .trailingBytes, 1),
        ("1 2", .trailingBytes, 2),
        ("{}{}", .trailingBytes, 2), ("[] x", .trailingBytes, 3), ("\"\" \"\"", .trailingBytes, 3),
        ("nullx", .trailingBytes, 4),
        ("[]\u{0}", .trailingBytes, 2), ("/**/1", .unexpectedByte(0x2F), 0), ("[1]//", .trailingBytes, 3),
        ("\u{FEFF}1", .unexpectedByte(0xEF), 0), ("\u{a0}1", .unexpectedByte(0xC2), 0),
        ("\u{c}1", .unexpectedByte(0x0C), 0),
        ("\u{b}1", .unexpectedByte(0x0B), 0),
        (#""\x41""#, .invalidEscape, 1), (#""\'""#, .invalidEscape, 1), (#""\U0041""#, .invalidEscape, 1),
        (#""\u12G4""#, .invalidEscape, 1), (#""\u 041""#, .invalidEscape, 1), (#""\u+041""#, .invalidEscape, 1),
        ("\"\\\u{e9}\"", .invalidEscape, 1),
        (#""\ud83d""#, .loneSurrogate, 1), (#""a\ude00""#, .loneSurrogate, 2), (#""\ud83dx""#, .loneSurrogate, 1),
        (#""\ud83d\n""#, .loneSurrogate, 1), (#""\ud83d\u0041""#, .loneSurrogate, 1),
        (#""\ud83d\ud83d\ude00""#, .loneSurrogate, 1),
        (#""\ude00\ud83d""#, .loneSurrogate, 1),
        ("\"a\nb\"", .controlCharacter, 2), ("\"\u{0}\"", .controlCharacter, 1),
        ("\"\\n\u{1f}\"", .controlCharacter, 3),
        ("{\"\t\":1}", .controlCharacter, 2),
        ("9223372036854775808", .numberOutOfRange, 0), ("[-9223372036854775809]", .numberOutOfRange, 1),
        ("123456789012345678901234567890", .numberOutOfRange, 0), ("1e309", .numberOutOfRange, 0),
        ("[0,-1e400]", .numberOutOfRange, 3),
    ]

    @Test("what is no JSON is refused, with its reason and its place", arguments: bad)
    func refused(text: String, reason: JSONError.Reason, offset: Int) {
        do throws(JSONError) {
            let value = try JSONValue(parsing: text)
            Issue.record("taken for \(value.jsonText)")
        } catch {
            #expect(error.reason == reason)
            #expect(error.offset == offset)
        }
    }

    @Test(
        "bytes that are no UTF-8 are refused where they stand",
        arguments: [
            ("22ff22", 1), ("2261c32822", 2), ("22c080" + "22", 1), ("22eda08022", 1), ("22f490808022", 1),
            ("2261e282" + "22", 2), ("22" + "5c6e" + "80" + "22", 3), ("22c3" + "5c6e" + "a922", 1),
            ("7b22ff223a317d", 2),
        ])
    func notUTF8(text: String, offset: Int) {
        do throws(JSONError) {
            let value = try JSONValue(parsing: bytes(hex: text))
            Issue.record("taken for \(value.jsonText)")
        } catch {
            #expect(error.reason == .invalidUTF8)
            #expect(error.offset == offset)
        }
    }

    @Test("an error names line and column, columns in code points")
    func place() {
        do throws(JSONError) {
            _ = try JSONValue(parsing: "{\n  \"\u{e9}\u{1F4E1}\": x\n}")
            Issue.record("no error")
        } catch {
            #expect(error.line == 2)
            #expect(error.column == 9)
            #expect(error.description == "line 2, column 9: unexpected \"x\"")
        }
    }

    @Test("of equal keys the last one's value counts, in the first one's place, with few members and with many")
    func duplicateKeys() throws {
        #expect(try JSONValue(parsing: #"{"a":1,"b":2,"a":3}"#).jsonText == #"{"a":3,"b":2}"#)
        #expect(try JSONValue(parsing: #"{"a":1,"\u0061":2}"#).jsonText == #"{"a":2}"#)
        // Composed and decomposed are different keys to everybody who signs bytes.
        #expect(try JSONValue(parsing: "{\"\u{e9}\":1,\"e\u{301}\":2}").objectValue?.count == 2)
        var text = "{"
        for member in 0..<40 { text += "\"k\(member)\":\(member)," }
        text += #""k3":"three","k39":"last","k20":"twenty"}"#
        let object = try #require(try JSONValue(parsing: text).objectValue)
        #expect(object.count == 40)
        #expect(object.members[3].value == "three")
        #expect(object.members[20].value == "twenty")
        #expect(object.members[39].value == "last")
        #expect(object["k7"] == 7)
    }

    @Test("nesting ends at the limit, and no depth of the input is dangerous")
    func nesting() throws {
        func nested(_ open: String, _ close: String, _ depth: Int) -> [UInt8] {
            Array((String(repeating: open, count: depth) + "1" + String(repeating: close, count: depth)).utf8)
        }
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let deepest = nested(open, close, 128)
            #expect(try JSONValue(parsing: deepest).jsonBytes == deepest)
            for depth in [129, 500, 200_000] {
                do throws(JSONError) {
                    _ = try JSONValue(parsing: nested(open, close, depth))
                    Issue.record("\(depth) levels taken")
                } catch {
                    #expect(error.reason == .tooDeep)
                    #expect(error.offset == 128 * open.utf8.count)
                }
            }
            let event = DocumentLimits.event
            #expect(throws: Never.self) { try JSONValue(parsing: nested(open, close, 32), limits: event) }
            #expect(throws: JSONError.self) { try JSONValue(parsing: nested(open, close, 33), limits: event) }
        }
        let flat = DocumentLimits(maximumDepth: 0)
        #expect(try JSONValue(parsing: "1", limits: flat) == 1)
        #expect(throws: JSONError.self) { try JSONValue(parsing: "[]", limits: flat) }
    }

    @Test("length and number of values end at their limits")
    func sizes() throws {
        let limits = DocumentLimits(maximumBytes: 9, maximumValues: 4)
        #expect(try JSONValue(parsing: "[1,2,333]", limits: limits).arrayValue?.count == 3)
        for (text, reason) in [
            ("[1,2,3333]", JSONError.Reason.tooLong), ("[1,2,3,4]", .tooManyValues), ("[[[[]]],1]", .tooLong),
        ] {
            do throws(JSONError) {
                _ = try JSONValue(parsing: text, limits: limits)
                Issue.record("\(text) taken")
            } catch {
                #expect(error.reason == reason)
            }
        }
    }

    @Test("every document cut at every length is refused, or is a shorter number")
    func truncated() throws {
        let whole = Array(#" {"a":[1,-2.5e3,"\u00e9\ud83d\ude00x",true,false,null,{"":[]}],"b":12} "#.utf8)
        #expect(throws: Never.self) { try JSONValue(parsing: whole) }
        for length in 0..<whole.count - 1 {
            #expect(throws: JSONError.self, "\(length) bytes") { try JSONValue(parsing: Array(whole.prefix(length))) }
        }
    }

    @Test("damaged documents do no harm: what is still parsed is written and parsed again the same")
    func damaged() throws {
        var random = SplitMix64(seed: 21)
        let whole = Array(#"{"a":[1,-2.5e3,"\u00e9\ud83d\ude00x",true,false,null,{"":[]}],"b":12,"c":"é\n"}"#.utf8)
        let telling = Array(#"{}[]",:\u0e.-+19tfn"#.utf8)
        var parsed = 0
        var wrong: [String] = []
        for _ in 0..<20_000 {
            var text = whole
            for _ in 0..<1 + random.below(3) {
                let place = random.below(text.count)
                switch random.below(3) {
                case 0: text[place] = random.byte()
                case 1: text[place] = telling[random.below(telling.count)]
                default: text.remove(at: place)
                }
            }
            guard let value = try? JSONValue(parsing: text) else { continue }
            parsed += 1
            if (try? JSONValue(parsing: value.jsonBytes)) != value { wrong.append(hex(text)) }
        }
        #expect(wrong == [])
        #expect((500...19_000).contains(parsed))
    }
}
