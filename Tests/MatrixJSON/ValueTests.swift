import MatrixJSON
import Testing

@Suite("JSON values")
struct ValueTests {
    @Test("values are equal where their JSON means the same to every reader")
    func equality() throws {
        let equal: [(String, String)] = [
            (#"{"a":1,"b":[2]}"#, #"{"b":[2],"a":1}"#), (#""\u00e9""#, "\"\u{e9}\""), ("-0", "0"), ("1.0", "10e-1"),
        ]
        for (left, right) in equal { #expect(try JSONValue(parsing: left) == JSONValue(parsing: right)) }
        let different: [(String, String)] = [
            ("1", "1.0"), ("0.0", "-0.0"), ("null", "false"), ("\"1\"", "1"), ("[1,2]", "[2,1]"), ("{}", "[]"),
            (#"{"a":1}"#, #"{"a":2}"#), (#"{"a":1}"#, #"{"b":1}"#), (#"{"a":1}"#, #"{"a":1,"b":1}"#),
            (#"{"a":1,"b":2}"#, #"{"b":1,"a":2}"#), ("\"\u{e9}\"", "\"e\u{301}\""), ("\"\"", "null"),
        ]
        for (left, right) in different { #expect(try JSONValue(parsing: left) != JSONValue(parsing: right), "\(left)") }
    }

    @Test("members are read, set, replaced and removed by their exact keys")
    func members() {
        var value: JSONValue = ["a": 1, "b": [true, "x"]]
        #expect(value["a"]?.integerValue == 1)
        #expect(value["b"]?[1]?.stringValue == "x")
        #expect(value["b"]?[2] == nil)
        #expect(value["b"]?[-1] == nil)
        #expect(value["c"] == nil)
        #expect(value["a"]?["z"] == nil)
        value["c"] = 2.5
        value["a"] = "one"
        value["b"] = nil
        value["d"] = nil
        #expect(value.jsonText == #"{"a":"one","c":2.5}"#)
        var scalar: JSONValue = 7
        scalar["k"] = nil
        #expect(scalar == [:])
        scalar["k"] = .null
        #expect(scalar["k"]?.isNull == true)
        var accents: JSONValue = ["\u{e9}": 1]
        accents["e\u{301}"] = 2
        #expect(accents.objectValue?.count == 2)
    }

    @Test("integers and floats are told apart, a float may come of an integer that it holds exactly")
    func numbers() {
        #expect(JSONValue.double(1).integerValue == nil)
        #expect(JSONValue.integer(1).doubleValue == 1)
        #expect(JSONValue.integer(9_007_199_254_740_993).doubleValue == nil)
        #expect(JSONValue.double(.nan).jsonText == "null")
        #expect(JSONValue.double(-.infinity).jsonText == "null")
        #expect(JSONValue.bool(true).integerValue == nil)
        #expect(JSONValue.string("1").integerValue == nil)
    }

    static let faults: [(String, String)] = [
        ("1.5", ""), ("1.0e1", ""), ("9007199254740992", ""), ("-9007199254740992", ""), ("-9223372036854775808", ""),
        (#"{"temperature":21.5}"#, "temperature"), (#"{"a":{"b":[0,1,2.0]}}"#, "a.b[2]"),
        (#"{"m.relates_to":{"key":0.0}}"#, #"["m.relates_to"].key"#), (#"{"a":1,"":[9007199254740993]}"#, #"[""][0]"#),
        (#"{"a b":1.5}"#, #"["a b"]"#), (#"{"x":1,"y":1.5,"z":2.5}"#, "y"), (#"[[1],[1,-0.0]]"#, "[1][1]"),
        (#"{"m-1_Z":1e2}"#, "m-1_Z"), (#"{"é\"":1.5}"#, #"["é\""]"#),
    ]

    @Test("the first number that no event may contain is named by its path", arguments: faults)
    func numberFault(text: String, path: String) throws {
        let value = try JSONValue(parsing: text)
        let fault = try #require(value.firstNumberFault(root: ""))
        #expect(fault.path == path)
        #expect(throws: fault) { try value.canonicalJSON() }
        let separator = path.isEmpty || path.hasPrefix("[") ? "" : "."
        #expect(value.firstNumberFault()?.path == "content" + separator + path)
    }

    @Test("integers up to 2^53 - 1 either way are no fault")
    func eventIntegers() throws {
        let value = try JSONValue(parsing: #"{"a":[9007199254740991,-9007199254740991,0],"b":"1.5","c":null,"d":true}"#)
        #expect(value.firstNumberFault() == nil)
        #expect(
            try JSONValue(parsing: "9007199254740992").firstNumberFault()?.number == .integer(9_007_199_254_740_992))
        #expect(try JSONValue(parsing: "2.5").firstNumberFault()?.number == .float(2.5))
    }

    @Test("canonical JSON has its members in the order of code points, at every depth")
    func canonical() throws {
        let cases: [(String, String)] = [
            (#"{"one": 1, "two": "Two"}"#, #"{"one":1,"two":"Two"}"#), (#"{"b":"2","a":"1"}"#, #"{"a":"1","b":"2"}"#),
            (#"{"a":[{"z":1,"y":2}],"A":{"c":[],"b":{}}}"#, #"{"A":{"b":{},"c":[]},"a":[{"y":2,"z":1}]}"#),
            ("{\"\u{65e5}\":1,\"\u{672c}\":2}", "{\"\u{65e5}\":1,\"\u{672c}\":2}"),
            (#"{"a":"\u65E5"}"#, "{\"a\":\"\u{65e5}\"}"),
            // UTF-16 would have these two the other way round.
            ("{\"\u{1F600}\":1,\"\u{FF5E}\":2}", "{\"\u{FF5E}\":2,\"\u{1F600}\":1}"),
            (#"{"aa":1,"a":2,"":3}"#, #"{"":3,"a":2,"aa":1}"#),
            (#"{"a":-0,"b":null}"#, #"{"a":0,"b":null}"#),
        ]
        for (text, canonical) in cases {
            #expect(String(decoding: try JSONValue(parsing: text).canonicalJSON(), as: UTF8.self) == canonical)
        }
    }
}
