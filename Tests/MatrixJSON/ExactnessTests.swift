import Foundation
import MatrixJSON
import TestSupport
import Testing

/// What went in comes out: JSON as CBOR and back.
@Suite("Exactness")
struct ExactnessTests {
    @Test("every body captured from a homeserver is the same after CBOR, and so is its canonical JSON")
    func homeserverBodies() throws {
        let exchanges = try FixtureFiles.homeserver()
        #expect(exchanges.count == 194)
        var bodies = 0
        var floats: [String] = []
        for body in exchanges.flatMap(\.bodies) {
            bodies += 1
            let json = body.value.jsonBytes
            let encoded = try CBORCodec.encode(json: json)
            #expect(try CBORCodec.decode(encoded) == body.value, "\(body.name)")
            #expect(try CBORCodec.decodeToJSON(encoded) == json, "\(body.name)")
            guard let canonical = try? body.value.canonicalJSON() else {
                floats.append(body.name)
                continue
            }
            #expect(try JSONValue(parsing: canonical) == body.value, "\(body.name)")
            #expect(try CBORCodec.decode(try CBORCodec.encode(json: canonical)).canonicalJSON() == canonical)
        }
        #expect(bodies > 250)
        // The two events that the homeserver refused for their numbers, and push rules' and tags' floats.
        #expect(floats.contains("err_400_float up"))
        #expect(floats.contains("err_400_big_int up"))
        #expect(!floats.contains { $0.hasPrefix("as_txn") || $0.hasPrefix("fed_send") })
    }

    @Test("the bodies of the 14 measured exchanges are the same after CBOR")
    func measuredBodies() throws {
        let exchanges = try FixtureFiles.measured()
        #expect(exchanges.count == 14)
        for body in exchanges.flatMap(\.bodies) {
            let json = body.value.jsonBytes
            #expect(try CBORCodec.decodeToJSON(try CBORCodec.encode(json: json)) == json, "\(body.name)")
        }
    }

    @Test("random documents are the same after CBOR and after canonical JSON")
    func randomDocuments() throws {
        let rounds = ProcessInfo.processInfo.environment["SOTTO_LONG"] == "1" ? 100_000 : 10_000
        var random = SplitMix64(seed: 71)
        var wrong: [String] = []
        var canonicals = 0
        for round in 0..<rounds {
            let value = JSONValue.random(&random, floats: round % 2 == 0)
            let encoded = CBORCodec.encode(value)
            if (try? CBORCodec.decode(encoded)) != value { wrong.append("round \(round)") }
            // Numbers too large for an event or floats: refused, and nothing else is.
            if let canonical = try? value.canonicalJSON() {
                canonicals += 1
                if value.firstNumberFault() != nil { wrong.append("accepted in round \(round)") }
                if (try? JSONValue(parsing: canonical)) != value { wrong.append("canonical in round \(round)") }
            } else if value.firstNumberFault() == nil {
                wrong.append("refused in round \(round)")
            }
        }
        #expect(wrong == [])
        #expect(canonicals > rounds / 3)
    }

    @Test("integers up to 2^53 - 1 are the event's, beyond they are refused there and still carried elsewhere")
    func largestIntegers() throws {
        for sign in ["", "-"] {
            let largest = try JSONValue(parsing: "{\"n\":\(sign)9007199254740991}")
            #expect(try CBORCodec.decode(CBORCodec.encode(largest)) == largest)
            #expect(largest.firstNumberFault() == nil)
            let beyond = try JSONValue(parsing: "{\"n\":\(sign)9007199254740992}")
            #expect(try CBORCodec.decode(CBORCodec.encode(beyond)) == beyond)
            #expect(throws: NumberFault.self) { try beyond.canonicalJSON() }
        }
    }
}
