import Foundation
import MatrixJSON
import TestSupport
import Testing

@Suite("Compact Matrix")
struct CompactCodecTests {
    @Test("every captured and every measured body is the same after it, compressed or not, and smaller than in CBOR")
    func fixtures() throws {
        for body in try (FixtureFiles.homeserver() + FixtureFiles.measured()).flatMap(\.bodies) {
            let json = body.value.jsonBytes
            let plain = CompactCodec.encode(body.value, compresses: false)
            let compressed = CompactCodec.encode(body.value)
            #expect(try CompactCodec.decode(plain).jsonBytes == json, "\(body.name)")
            #expect(try CompactCodec.decode(compressed).jsonBytes == json, "\(body.name)")
            #expect(compressed.count <= plain.count)
            #expect(plain.count <= CBORCodec.encode(body.value).count + 1, "\(body.name)")
        }
    }

    @Test("random documents are the same after it, compressed or not, members in their order")
    func randomDocuments() {
        let rounds = ProcessInfo.processInfo.environment["SOTTO_LONG"] == "1" ? 100_000 : 2_500
        var random = SplitMix64(seed: 72)
        var wrong = 0
        for round in 0..<rounds {
            var value = JSONValue.random(&random)
            // Times near and far, keys and secrets of the tables.
            if round % 3 == 0 {
                value = [
                    "ts": .integer(1_700_000_000_000 + Int64(random.below(1 << 34))), "content": value,
                    "origin_server_ts": .integer(1_700_000_000_000 + Int64(random.below(1 << 31))),
                    "password": value, "access_token": .string("secret \(round)"),
                    "age_ts": .integer((1 << 40) - 2 + Int64(random.below(4))),
                ]
            }
            let json = value.jsonBytes
            for compresses in [false, true] {
                let encoded = CompactCodec.encode(value, compresses: compresses)
                // Compressed where that is shorter, and only there.
                if encoded.count > CompactCodec.encode(value, compresses: false).count { wrong += 1 }
                if (try? CompactCodec.decode(encoded))?.jsonBytes != json { wrong += 1 }
            }
        }
        #expect(wrong == 0)
    }

    @Test("a guessed secret makes a message as long as a wrong guess does, and tells nothing to the compressor")
    func secretsDoNotLeak() throws {
        let secrets = [
            "password": "Zm9vYmFyIGJheg correct horse", "access_token": "syt_YWxpY2U_NGVBCuwsvoOlMdEfLBNk_2UsQAT",
        ]
        for (key, secret) in secrets {
            var lengths: Set<Int> = []
            // Whoever can put text beside a secret sees lengths: none may depend on how much of it he guessed.
            for guessed in stride(from: 0, through: secret.count, by: 1) {
                let wrong = String(repeating: "~", count: secret.count - guessed)
                let text = String(secret.prefix(guessed)) + wrong
                let value: JSONValue = [
                    "name": .string("\(text)~"), "topic": .string("\(text)~"), key: .string(secret),
                ]
                // The guess itself costs more or less, whatever the secret is: the same with another secret.
                let other: JSONValue = [
                    "name": .string("\(text)~"), "topic": .string("\(text)~"),
                    key: .string(String(repeating: "\u{1}", count: secret.count)),
                ]
                lengths.insert(CompactCodec.encode(value).count - CompactCodec.encode(other).count)
            }
            #expect(lengths == [0], "\(key)")
        }
    }

    @Test("times after the first one take their difference")
    func times() throws {
        func size(_ times: [Int64]) -> Int {
            CompactCodec.encode(.array(times.map(JSONValue.integer)), compresses: false).count
        }
        #expect(size([1_727_788_800_123]) == 2 + 7)
        #expect(size([1_727_788_800_123, 1_727_788_800_123]) == 2 + 7 + 2)
        #expect(size([1_727_788_800_123, 1_727_788_740_000]) == 2 + 7 + 4)
        // Before 2020 and after 2054 they take a byte more.
        #expect(size([1_577_836_799_999]) == 2 + 8)
        #expect(size([1_577_836_800_000 + 1 << 40]) == 2 + 8)
        #expect(size([1_577_836_800_000]) == 2 + 7)
        let far: JSONValue = [1_727_788_800_123, 1_099_511_627_776, 4_398_046_511_103, 4_398_046_511_104, 0]
        #expect(try CompactCodec.decode(CompactCodec.encode(far)) == far)
    }
}
