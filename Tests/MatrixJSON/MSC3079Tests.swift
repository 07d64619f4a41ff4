import MatrixJSON
import TestSupport
import Testing

/// MSC3079, "Low Bandwidth Client-Server API", table version 1.
@Suite("MSC3079")
struct MSC3079Tests {
    /// The proposal's own example.
    static let json =
        #"{"type":"m.room.message","content":{"msgtype":"m.text","body":"Hello World"},"sender":"@alice:localhost","#
        + #""room_id":"!foo:localhost","unsigned":{"bool_value":true,"null_value":null}}"#
    static let vector =
        "a5026e6d2e726f6f6d2e6d65737361676503a2181b6b48656c6c6f20576f726c64181c666d2e74657874056e21666f6f3a6c6f63"
        + "616c686f7374067040616c6963653a6c6f63616c686f737409a26a626f6f6c5f76616c7565f56a6e756c6c5f76616c7565f6"

    @Test("the published vector reads as the event, and the event is written as the vector where keys have its order")
    func publishedVector() throws {
        let encoded = bytes(hex: Self.vector)
        #expect(encoded.count == 102)
        let event = try JSONValue(parsing: Self.json)
        let decoded = try MSC3079.decode(encoded)
        #expect(decoded == event)
        #expect(MSC3079.encode(decoded) == encoded)
        // The order of members is the document's: our form of the event differs in it alone.
        #expect(MSC3079.encode(event).count == 102)
        #expect(try MSC3079.decode(MSC3079.encode(event)) == event)
    }

    @Test("text wins over the number of the same key, whichever comes first")
    func textWins() throws {
        #expect(try MSC3079.decode(bytes(hex: "a2 181b 6161 64626f6479 6162")).jsonText == #"{"body":"b"}"#)
        #expect(try MSC3079.decode(bytes(hex: "a2 64626f6479 6162 181b 6161")).jsonText == #"{"body":"b"}"#)
    }

    static let refused: [(String, CBORCodecError.Reason)] = [
        // 0, 105, the largest, and negative ones.
        ("a1 00 01", .undefinedNumber), ("a1 1869 01", .undefinedNumber),
        ("a1 1bffffffffffffffff 01", .undefinedNumber),
        ("a1 20 01", .undefinedNumber), ("a1 f6 01", .undefinedNumber), ("a1 4101 01", .undefinedNumber),
        // The same key twice: as number, as text, and as both with one of them again.
        ("a2 01 01 01 01", .duplicateKey), ("a2 61 61 01 61 61 01", .duplicateKey),
        ("a3 181b 01 64626f6479 02 181b 03", .duplicateKey), ("a3 64626f6479 02 181b 01 64626f6479 03", .duplicateKey),
    ]

    @Test("integers without a meaning and keys that come twice are refused", arguments: refused)
    func refusedKeys(encoding: String, reason: CBORCodecError.Reason) {
        do throws(CBORCodecError) {
            let value = try MSC3079.decode(bytes(hex: encoding))
            Issue.record("taken for \(value.jsonText)")
        } catch {
            #expect(error.reason == reason)
        }
    }

    @Test("text of digits stays text, and integers are keys only where keys stand")
    func digits() throws {
        for json in [#"{"8":1,"27":"27"}"#, #"{"n":27,"a":[27,1]}"#, #"{"body":8,"event_id":"1"}"#] {
            let value = try JSONValue(parsing: json)
            #expect(try MSC3079.decode(MSC3079.encode(value)).jsonText == json)
        }
        #expect(try MSC3079.decode(bytes(hex: "a1 6138 01")).jsonText == #"{"8":1}"#)
    }

    @Test("whole numbers that a peer sends as floats are integers, unless they are to stay what they are")
    func integralFloats() throws {
        #expect(try MSC3079.decode(bytes(hex: "fb4045000000000000")) == 42)
        #expect(try MSC3079.decode(bytes(hex: "fb433fffffffffffff")) == 9_007_199_254_740_991)
        #expect(try MSC3079.decode(bytes(hex: "fb4340000000000000")) == .double(9_007_199_254_740_992))
        #expect(try MSC3079.decode(bytes(hex: "fb4045400000000000")) == 42.5)
        let kept = try MSC3079.decode(bytes(hex: "fb4045000000000000"), takesIntegralFloatsAsIntegers: false)
        #expect(kept == .double(42))
    }

    @Test("random documents are the same after it")
    func randomDocuments() {
        var random = SplitMix64(seed: 79)
        var wrong = 0
        for _ in 0..<5_000 {
            let value = JSONValue.random(&random)
            if (try? MSC3079.decode(MSC3079.encode(value), takesIntegralFloatsAsIntegers: false)) != value {
                wrong += 1
            }
        }
        #expect(wrong == 0)
    }

    static let paths: [(String, String)] = [
        ("/_matrix/client/r0/sync", "/7"), ("/_matrix/client/versions", "/0"),
        ("/_matrix/client/r0/pushrules/", "/n"),
        (
            "/_matrix/client/r0/rooms/!7mqP7DYBUOmwAweF:localhost/send/m.room.message/$.AAABeH6obLU",
            "/9/!7mqP7DYBUOmwAweF:localhost/m.room.message/$.AAABeH6obLU"
        ),
        ("/_matrix/client/r0/user/@a:b/rooms/!r:b/tags/m.favourite", "/q/@a:b/!r:b/m.favourite"),
        ("/_matrix/client/r0/rooms/%21a%3Ab/state/m.room.name/", "/8/%21a%3Ab/m.room.name/"),
        ("/_matrix/client/r0/rooms/!a:b/report/$e", "/u/!a:b/$e"),
        ("/_matrix/client/r0/profile/@a:b/displayname", "/U/@a:b"),
    ]

    @Test("paths have their codes, variables behind them, and come back", arguments: paths)
    func pathCodes(full: String, short: String) {
        #expect(MSC3079.shortPath(of: full) == short)
        #expect(MSC3079.fullPath(of: short) == full)
        #expect(MSC3079.fullPath(of: full) == full)
    }

    @Test("paths without a code go in full; unknown codes and wrong numbers of variables mean nothing")
    func otherPaths() {
        for path in ["/_matrix/client/v3/sync", "/_matrix/client/r0/unknown", "/", "", "sync"] {
            #expect(MSC3079.shortPath(of: path) == nil)
        }
        for path in ["/v", "/77", "/7/extra", "/9/!r:b/m.room.message", "/9", "", "7", "/"] {
            #expect(MSC3079.fullPath(of: path) == nil)
        }
    }
}
