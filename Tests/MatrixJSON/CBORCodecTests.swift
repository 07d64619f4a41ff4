import CBOR
import Foundation
import MatrixJSON
import TestSupport
import Testing

@Suite("JSON as CBOR")
struct CBORCodecTests {
    /// RFC 8949 appendix A, as far as JSON has its values.
    static let examples: [(String, String)] = [
        ("0", "00"), ("23", "17"), ("24", "1818"), ("1000", "1903e8"), ("1000000", "1a000f4240"),
        ("1000000000000", "1b000000e8d4a51000"), ("-1", "20"), ("-10", "29"), ("-100", "3863"), ("-1000", "3903e7"),
        ("9223372036854775807", "1b7fffffffffffffff"), ("-9223372036854775808", "3b7fffffffffffffff"),
        ("0.0", "f90000"), ("-0.0", "f98000"), ("1.0", "f93c00"), ("1.1", "fb3ff199999999999a"), ("1.5", "f93e00"),
        ("65504.0", "f97bff"), ("100000.0", "fa47c35000"), ("3.4028234663852886e+38", "fa7f7fffff"),
        ("1.0e+300", "fb7e37e43c8800759c"), ("5.960464477539063e-8", "f90001"), ("0.00006103515625", "f90400"),
        ("-4.0", "f9c400"), ("-4.1", "fbc010666666666666"), ("false", "f4"), ("true", "f5"), ("null", "f6"),
        ("\"\"", "60"), ("\"a\"", "6161"), ("\"IETF\"", "6449455446"), (#""\"\\""#, "62225c"), (#""\u00fc""#, "62c3bc"),
        (#""\u6c34""#, "63e6b0b4"), (#""\ud800\udd51""#, "64f0908591"), ("[]", "80"), ("[1,2,3]", "83010203"),
        ("[1,[2,3],[4,5]]", "8301820203820405"), ("{}", "a0"), (#"{"a":1,"b":[2,3]}"#, "a26161016162820203"),
        (#"["a",{"b":"c"}]"#, "826161a161626163"),
        (#"{"a":"A","b":"B","c":"C","d":"D","e":"E"}"#, "a56161614161626142616361436164614461656145"),
        // Order is the document's, not the deterministic one of RFC 8949 section 4.2.1.
        (#"{"b":1,"a":2}"#, "a2616201616102"),
    ]

    @Test("the examples of RFC 8949 come out byte for byte, and go back", arguments: examples)
    func rfcExamples(json: String, encoding: String) throws {
        let value = try JSONValue(parsing: json)
        #expect(hex(CBORCodec.encode(value)) == encoding)
        #expect(hex(try CBORCodec.encode(json: Array(json.utf8))) == encoding)
        #expect(try CBORCodec.decode(bytes(hex: encoding)) == value)
        #expect(try CBORCodec.decodeToJSON(bytes(hex: encoding)) == value.jsonBytes)
    }

    @Test("floats may come in any width, and leave in the shortest")
    func floatWidths() throws {
        for encoding in ["f93e00", "fa3fc00000", "fb3ff8000000000000"] {
            #expect(try CBORCodec.decode(bytes(hex: encoding)) == 1.5)
        }
        #expect(hex(CBORCodec.encode(.double(.nan))) == "f6")
        #expect(hex(CBORCodec.encode(.double(.infinity))) == "f6")
        // Every half there is.
        var wrong = 0
        for pattern in UInt16.min...UInt16.max {
            let half = Float16(bitPattern: pattern)
            let encoded = CBORCodec.encode(.double(Double(half)))
            let expected = half.isFinite ? [0xF9, UInt8(pattern >> 8), UInt8(pattern & 0xFF)] : [0xF6]
            if encoded != expected { wrong += 1 }
            if half.isFinite, (try? CBORCodec.decode(encoded)) != .double(Double(half)) { wrong += 1 }
        }
        #expect(wrong == 0)
    }

    static let refused: [(String, CBORCodecError.Reason, Int)] = [
        ("", .truncated, 0), ("18", .truncated, 0), ("1901", .truncated, 0), ("6261", .truncated, 0),
        ("8201", .truncated, 0),
        ("a16161", .truncated, 3), ("a1", .truncated, 0), ("82" + "01" + "61", .truncated, 2), ("f93c", .truncated, 0),
        ("83820102", .truncated, 1), ("83a260016001", .truncated, 1),
        ("fb3ff1", .truncated, 0), ("0101", .trailingBytes, 1), ("80f6", .trailingBytes, 1),
        ("1800", .nonMinimal, 0), ("1817", .nonMinimal, 0), ("1900ff", .nonMinimal, 0), ("1a0000ffff", .nonMinimal, 0),
        ("1b00000000ffffffff", .nonMinimal, 0), ("3800", .nonMinimal, 0), ("780161", .nonMinimal, 0),
        ("980101", .nonMinimal, 0),
        ("b801616101", .nonMinimal, 0), ("a1" + "780161" + "01", .nonMinimal, 1),
        ("9fff", .indefiniteLength, 0), ("bfff", .indefiniteLength, 0), ("7f6161ff", .indefiniteLength, 0),
        ("5f4101ff", .indefiniteLength, 0), ("ff", .indefiniteLength, 0), ("81ff", .indefiniteLength, 1),
        ("c11a514b67b0", .tag, 0), ("c001", .tag, 0), ("c601", .tag, 0), ("d401", .tag, 0), ("d82001", .tag, 0),
        ("81c001", .tag, 1), ("a1c0616101", .tag, 1), ("40", .byteString, 0), ("4101", .byteString, 0),
        ("814101", .byteString, 1), ("f7", .unsupported, 0), ("f0", .unsupported, 0), ("f8ff", .unsupported, 0),
        ("f820", .unsupported, 0), ("e0", .unsupported, 0), ("fc", .unsupported, 0), ("1c", .unsupported, 0),
        ("3d", .unsupported, 0),
        ("7e", .unsupported, 0), ("9c", .unsupported, 0), ("61ff", .invalidUTF8, 0), ("62c328", .invalidUTF8, 0),
        ("63eda080", .invalidUTF8, 0), ("62c080", .invalidUTF8, 0), ("64f4908080", .invalidUTF8, 0),
        ("a1" + "61ff" + "01", .invalidUTF8, 1), ("a10101", .keyNotText, 1), ("a1f601", .keyNotText, 1),
        ("a1" + "8001", .keyNotText, 1), ("a2616101" + "616102", .duplicateKey, 4),
        ("1b8000000000000000", .integerOutOfRange, 0), ("1bffffffffffffffff", .integerOutOfRange, 0),
        ("3b8000000000000000", .integerOutOfRange, 0), ("3bffffffffffffffff", .integerOutOfRange, 0),
        ("f97c00", .notFinite, 0), ("f97e00", .notFinite, 0), ("f9fc00", .notFinite, 0), ("fa7f800000", .notFinite, 0),
        ("fb7ff8000000000000", .notFinite, 0), ("81fbfff0000000000000", .notFinite, 1),
    ]

    @Test("what JSON has not, or the deterministic form not, is refused with its reason and place", arguments: refused)
    func refusedInput(encoding: String, reason: CBORCodecError.Reason, offset: Int) {
        do throws(CBORCodecError) {
            let value = try CBORCodec.decode(bytes(hex: encoding))
            Issue.record("taken for \(value.jsonText)")
        } catch {
            #expect(error.offset == offset)
            #expect(error.reason == reason)
        }
    }

    @Test("a second key among many is noticed")
    func duplicateAmongMany() throws {
        var writer = CBORWriter()
        writer.map(101)
        for key in 0..<100 {
            writer.text("key \(key)")
            writer.unsigned(0)
        }
        let start = writer.bytes.count
        writer.text("key 57")
        writer.unsigned(1)
        do throws(CBORCodecError) {
            _ = try CBORCodec.decode(writer.bytes)
            Issue.record("taken")
        } catch {
            #expect(error.reason == .duplicateKey)
            #expect(error.offset == start)
        }
    }

    @Test("lengths and depths that are lies are refused at once, whatever memory they would ask for")
    func hostile() {
        // `9affffffff` and its like make cbor_load ask for gigabytes.
        var inputs = [
            "9affffffff", "baffffffff", "5affffffff", "7affffffff", "9a7fffffff", "9bffffffffffffffff",
            "bbffffffffffffffff",
            "9b7fffffffffffffff", "bb8000000000000000", "7bffffffffffffffff", "7b7fffffffffffffff",
            "7bfffffffffffffff6",
            "5bffffffffffffffff", "9b0000001000000000", "bb0000000fffffffff", "819affffffff", "a161619affffffff",
            "d9d9f79affffffff",
        ].map(bytes(hex:))
        inputs.append([UInt8](repeating: 0x81, count: 1_000_000))
        inputs.append([UInt8](repeating: 0xA1, count: 1_000_000))
        inputs.append([UInt8](repeating: 0x9F, count: 1_000_000))
        inputs.append([UInt8](repeating: 0xD8, count: 1_000_000))
        // Each array claims all that is left, of which the first has claimed it already.
        inputs.append((0..<50_000).flatMap { _ in [0x99, 0xC3, 0x50] as [UInt8] })
        // Of this thread: other tests run beside.
        let begin = threadNanoseconds()
        for input in inputs {
            #expect(throws: CBORCodecError.self, "\(hex(input.prefix(12)))") { try CBORCodec.decode(input) }
        }
        #expect(threadNanoseconds() - begin < 500_000_000)
    }

    @Test("length, depth and number of values end at their limits")
    func limits() throws {
        func reason(_ encoding: [UInt8], _ limits: DocumentLimits) -> CBORCodecError.Reason? {
            do throws(CBORCodecError) {
                _ = try CBORCodec.decode(encoding, limits: limits)
                return nil
            } catch {
                return error.reason
            }
        }
        for opening: [UInt8] in [[0x81], [0xA1, 0x61, 0x61]] {
            func nested(_ depth: Int) -> [UInt8] { (0..<depth).flatMap { _ in opening } + [0x01] }
            #expect(reason(nested(128), .standard) == nil)
            #expect(reason(nested(129), .standard) == .tooDeep)
            #expect(reason(nested(32), .event) == nil)
            #expect(reason(nested(33), .event) == .tooDeep)
        }
        let few = DocumentLimits(maximumBytes: 5, maximumValues: 4)
        #expect(reason([0x83, 1, 2, 3], few) == nil)
        #expect(reason([0x84, 1, 2, 3, 4], few) == .tooManyValues)
        #expect(reason([0x65, 1, 2, 3, 4, 5], few) == .tooLong)
    }

    // MARK: There and back

    @Test("20,000 random values are the same after JSON, CBOR and JSON, members in their order")
    func roundTrip() {
        var random = SplitMix64(seed: 22)
        var wrong: [String] = []
        var floats = 0
        for _ in 0..<20_000 {
            let value = JSONValue.random(&random)
            let text = value.jsonBytes
            guard let parsed = try? JSONValue(parsing: text), parsed == value, parsed.jsonBytes == text,
                let encoded = try? CBORCodec.encode(json: text), encoded == CBORCodec.encode(value),
                let decoded = try? CBORCodec.decode(encoded), decoded == value,
                (try? CBORCodec.decodeToJSON(encoded)) == text
            else {
                wrong.append(String(decoding: text.prefix(200), as: UTF8.self))
                continue
            }
            if value.firstNumberFault() != nil { floats += 1 }
        }
        #expect(wrong == [])
        #expect(floats > 2_000)
    }

    @Test("bodies of a homeserver are the same after CBOR, byte for byte, and smaller in it")
    func fixtures() throws {
        let folder = try #require(Bundle.module.url(forResource: "Fixtures", withExtension: nil))
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            .filter { $0.pathExtension == "json" }
        #expect(files.count >= 12)
        for file in files {
            let text = [UInt8](try Data(contentsOf: file))
            let encoded = try CBORCodec.encode(json: text)
            #expect(encoded.count < text.count, "\(file.lastPathComponent)")
            #expect(try CBORCodec.decodeToJSON(encoded) == text, "\(file.lastPathComponent)")
            #expect(try JSONValue(parsing: text).jsonBytes == text, "\(file.lastPathComponent)")
            let canonical = try JSONValue(parsing: text).canonicalJSON()
            #expect(try JSONValue(parsing: canonical) == JSONValue(parsing: text), "\(file.lastPathComponent)")
            #expect(try JSONValue(parsing: canonical).canonicalJSON() == canonical)
        }
    }

    @Test("random bytes do no harm, and what is read without floats is written again in the same bytes")
    func randomBytes() {
        var random = SplitMix64(seed: 23)
        var wrong: [String] = []
        var read = 0
        for round in 0..<60_000 {
            var input = random.bytes(1 + random.below(24))
            // Heads of containers and short texts first, or hardly anything is read.
            if round % 2 == 0 { input[0] = [0x81, 0x82, 0xA1, 0x61, 0x62, 0x19][random.below(6)] }
            if input.count > 2, round % 4 == 0 { input[1] = [0x61, 0x60, 0x81, 0x18][random.below(4)] }
            input = Array(input.prefix(1 + random.below(input.count)))
            guard let value = try? CBORCodec.decode(input) else { continue }
            read += 1
            let again = CBORCodec.encode(value)
            if (try? CBORCodec.decode(again)) != value { wrong.append(hex(input)) }
            if value.firstNumberFault() == nil, again != input { wrong.append(hex(input)) }
        }
        #expect(wrong == [])
        #expect(read > 2_000)
    }
}

/// Processor time of the calling thread.
private func threadNanoseconds() -> Int {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
}
