import CBOR
import TestSupport
import Testing

/// RFC 8949 appendix A, one row of its table each.
@Suite("The examples of RFC 8949")
struct AppendixATests {
    static let unsigned: [(UInt64, String)] = [
        (0, "00"), (1, "01"), (10, "0a"), (23, "17"), (24, "1818"), (25, "1819"), (100, "1864"), (1000, "1903e8"),
        (1_000_000, "1a000f4240"), (1_000_000_000_000, "1b000000e8d4a51000"),
        (18_446_744_073_709_551_615, "1bffffffffffffffff"),
    ]
    static let negative: [(Int64, String)] = [(-1, "20"), (-10, "29"), (-100, "3863"), (-1000, "3903e7")]
    static let texts: [(String, String)] = [
        ("", "60"), ("a", "6161"), ("IETF", "6449455446"), ("\"\\", "62225c"), ("\u{fc}", "62c3bc"),
        ("\u{6c34}", "63e6b0b4"), ("\u{10151}", "64f0908591"),
    ]

    @Test("unsigned integers", arguments: unsigned)
    func unsignedIntegers(value: UInt64, encoding: String) throws {
        var writer = CBORWriter()
        writer.unsigned(value)
        #expect(hex(writer.bytes) == encoding)
        var reader = CBORReader(bytes(hex: encoding))
        #expect(try reader.unsigned() == value)
        try reader.finish()
        try skipsWhole(encoding)
        guard let small = Int64(exactly: value) else { return }
        var signedWriter = CBORWriter()
        signedWriter.integer(small)
        #expect(hex(signedWriter.bytes) == encoding)
        var signed = CBORReader(bytes(hex: encoding))
        #expect(try signed.integer() == small)
    }

    @Test("negative integers", arguments: negative)
    func negativeIntegers(value: Int64, encoding: String) throws {
        var writer = CBORWriter()
        writer.integer(value)
        #expect(hex(writer.bytes) == encoding)
        var reader = CBORReader(bytes(hex: encoding))
        #expect(try reader.integer() == value)
        try reader.finish()
        try skipsWhole(encoding)
    }

    @Test("an integer beyond 64 bits with a sign is out of range, not wrapped")
    func integersBeyondInt64() throws {
        for encoding in ["1bffffffffffffffff", "1b8000000000000000", "3bffffffffffffffff", "3b8000000000000000"] {
            var reader = CBORReader(bytes(hex: encoding))
            #expect(throws: CBORError.outOfRange(at: 0)) { try reader.integer() }
        }
        var least = CBORReader(bytes(hex: "3b7fffffffffffffff"))
        #expect(try least.integer() == .min)
        var most = CBORReader(bytes(hex: "1b7fffffffffffffff"))
        #expect(try most.integer() == .max)
        var writer = CBORWriter()
        writer.integer(.min)
        writer.integer(.max)
        #expect(hex(writer.bytes) == "3b7fffffffffffffff" + "1b7fffffffffffffff")
    }

    @Test("texts", arguments: texts)
    func textStrings(value: String, encoding: String) throws {
        var writer = CBORWriter()
        writer.text(value)
        #expect(hex(writer.bytes) == encoding)
        var reader = CBORReader(bytes(hex: encoding))
        #expect(Array(try reader.text().utf8) == Array(value.utf8))
        try reader.finish()
        try skipsWhole(encoding)
    }

    @Test("byte strings, truth values and null")
    func othersWithoutContent() throws {
        var writer = CBORWriter()
        writer.bytes([])
        writer.bytes([1, 2, 3, 4])
        writer.bool(false)
        writer.bool(true)
        writer.null()
        #expect(hex(writer.bytes) == "40" + "4401020304" + "f4" + "f5" + "f6")
        var reader = CBORReader(writer.bytes)
        #expect(try reader.bytes() == [])
        #expect(try reader.bytes() == [1, 2, 3, 4])
        #expect(try !reader.bool())
        #expect(try reader.bool())
        try reader.skip()
        try reader.finish()
    }

    @Test("arrays and maps, nested")
    func containers() throws {
        var writer = CBORWriter()
        writer.array(0)
        writer.map(0)
        #expect(hex(writer.bytes) == "80" + "a0")

        // [1, [2, 3], [4, 5]]
        var reader = CBORReader(bytes(hex: "8301820203820405"))
        #expect(try reader.array() == 3)
        #expect(try reader.unsigned() == 1)
        for pair: (UInt64, UInt64) in [(2, 3), (4, 5)] {
            #expect(try reader.array() == 2)
            #expect(try reader.unsigned() == pair.0)
            #expect(try reader.unsigned() == pair.1)
        }
        try reader.finish()

        // {"a": 1, "b": [2, 3]}
        var map = CBORReader(bytes(hex: "a26161016162820203"))
        #expect(try map.map() == 2)
        #expect(try map.text() == "a")
        #expect(try map.unsigned() == 1)
        #expect(try map.text() == "b")
        try map.skip()
        try map.finish()

        // [1 ... 25]: a count of more than a nibble.
        var long = CBORWriter()
        long.array(25)
        for value in 1...25 { long.unsigned(UInt64(value)) }
        #expect(
            hex(long.bytes) == "98190102030405060708090a0b0c0d0e0f101112131415161718181819")
        for encoding in [
            "80", "83010203", "8301820203820405", hex(long.bytes), "a0", "a201020304", "a26161016162820203",
            "826161a161626163", "a56161614161626142616361436164614461656145",
        ] {
            try skipsWhole(encoding)
        }
    }

    @Test(
        "what the deterministic subset of a device leaves out is refused",
        arguments: [
            // Floats, in all three widths, also those without a fraction, the infinities and NaN.
            "f90000", "f98000", "f93c00", "fb3ff199999999999a", "f93e00", "f97bff", "fa47c35000", "fa7f7fffff",
            "fb7e37e43c8800759c", "f90001", "f90400", "f9c400", "fbc010666666666666", "f97c00", "f97e00", "f9fc00",
            "fa7f800000", "fa7fc00000", "faff800000", "fb7ff0000000000000", "fb7ff8000000000000", "fbfff0000000000000",
            // undefined and simple values.
            "f7", "f0", "f8ff",
            // Tags: bignums, dates, encoded items, URIs.
            "c249010000000000000000", "c349010000000000000000", "c074323031332d30332d32315432303a30343a30305a",
            "c11a514b67b0", "c1fb41d452d9e8200000", "d74401020304", "d818456449455446",
            "d82076687474703a2f2f7777772e6578616d706c652e636f6d",
            // Indefinite lengths.
            "5f42010243030405ff", "7f657374726561646d696e67ff", "9fff", "9f018202039f0405ffff", "9f01820203820405ff",
            "83018202039f0405ff", "83019f0203ff820405", "9f0102030405060708090a0b0c0d0e0f101112131415161718181819ff",
            "bf61610161629f0203ffff", "826161bf61626163ff", "bf6346756ef563416d7421ff",
        ])
    func refused(encoding: String) {
        let input = bytes(hex: encoding)
        var skipping = CBORReader(input)
        #expect(throws: CBORError.self) { try skipping.skip() }
        // No other way of reading takes the first item either, unless it is a sound container around the refused one.
        guard input[0] >> 5 != 4 || input[0] & 0x1F == 31 else { return }
        expectNothingReads(input)
    }

    @Test(
        "heads longer than needed are refused, shortest ones of the same length are not",
        arguments: [
            ("1800", "1818"), ("1817", "1818"), ("190000", "190100"), ("1900ff", "190100"),
            ("1a00000000", "1a00010000"),
            ("1a0000ffff", "1a00010000"), ("1b0000000000000000", "1b0000000100000000"),
            ("1b00000000ffffffff", "1b0000000100000000"), ("3817", "3818"), ("3900ff", "390100"),
        ])
    func shortestHeads(long: String, shortest: String) throws {
        var reader = CBORReader(bytes(hex: long))
        #expect(throws: CBORError.notShortest(at: 0)) { try reader.integer() }
        try skipsWhole(shortest)
        // The same head on every type that has a length.
        for major: UInt8 in [2, 3, 4, 5] {
            var input = bytes(hex: long)
            input[0] = input[0] & 0x1F | major << 5
            input += [UInt8](repeating: 0, count: 600)
            var container = CBORReader(input)
            #expect(throws: CBORError.notShortest(at: 0)) { try container.skip() }
        }
    }

    private func skipsWhole(_ encoding: String) throws {
        var reader = CBORReader(bytes(hex: encoding))
        try reader.skip()
        #expect(reader.isAtEnd, "\(encoding)")
    }

    private func expectNothingReads(_ input: [UInt8]) {
        var reader = CBORReader(input)
        #expect(throws: CBORError.self) { try reader.unsigned() }
        reader = CBORReader(input)
        #expect(throws: CBORError.self) { try reader.integer() }
        reader = CBORReader(input)
        #expect(throws: CBORError.self) { try reader.bytes() }
        reader = CBORReader(input)
        #expect(throws: CBORError.self) { try reader.text() }
        reader = CBORReader(input)
        #expect(throws: CBORError.self) { try reader.array() }
        reader = CBORReader(input)
        #expect(throws: CBORError.self) { try reader.map() }
        reader = CBORReader(input)
        #expect(throws: CBORError.self) { try reader.bool() }
    }
}
