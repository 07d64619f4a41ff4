import CompactMatrix
import TestSupport
import Testing

@Suite("Decimal numbers as a person writes them")
struct MeasuredValueTests {
    static let decimals: [(String, Int64, Int)] = [
        ("0", 0, 0), ("7", 7, 0), ("21.5", 215, -1), ("21.50", 2150, -2), ("-0.040", -40, -3), ("+5", 5, 0),
        ("-12", -12, 0),
        (".5", 5, -1), ("-.25", -25, -2), ("0.0", 0, -1), ("-0", 0, 0), ("007", 7, 0), ("3e2", 3, 2), ("3E2", 3, 2),
        ("3e+2", 3, 2), ("3e-2", 3, -2), ("1.5e3", 15, 2), ("1.5e-3", 15, -4), ("1.0e1", 10, 0), ("1e0", 1, 0),
        ("1e00000000000000000000000005", 1, 5), ("00000000000000000000000000000001", 1, 0),
        // The bounds: 2^53 - 1, and ten to the 18th either way.
        ("9007199254740991", 9_007_199_254_740_991, 0), ("-9007199254740991", -9_007_199_254_740_991, 0),
        ("900719925474099.1", 9_007_199_254_740_991, -1), ("1e18", 1, 18), ("1e-18", 1, -18), ("0.1e-17", 1, -18),
        ("0.000000000000000001", 1, -18), ("0.1e19", 1, 18),
    ]

    @Test("all digits are kept", arguments: decimals)
    func decimal(text: String, mantissa: Int64, exponent: Int) throws {
        let value = try #require(MeasuredValue.decimal(Array(text.utf8)))
        #expect(value.mantissa == mantissa)
        #expect(value.exponent == exponent)
    }

    @Test(
        "what is no decimal, or out of range, is refused",
        arguments: [
            "", "-", "+", ".", "-.", "e5", "-e5", ".e5", "1e", "1e+", "1e-", "1.2.3", "1..2", "1,5", " 1", "1 ", "1\n",
            "0x10",
            "NaN", "inf", "--1", "+-1", "1-", "1e5.0", "1e5e5", "1f5", "1e5 ", "1_000", "\u{0967}", "1\u{0}", "5e\u{0}",
            "9007199254740992", "-9007199254740992", "9007199254740991.0", "99999999999999999999999999", "1e19",
            "1e-19",
            "0.1e-18", "0.0000000000000000001", "1e100", "1e1000", "1e-99999999999999999999", "1e18446744073709551617",
        ])
    func refused(text: String) {
        #expect(MeasuredValue.decimal(Array(text.utf8)) == nil)
    }

    @Test("every number in range comes back from the digits that it has")
    func roundTrip() {
        var random = SplitMix64(seed: 17)
        var wrong: [String] = []
        for _ in 0..<20_000 {
            let magnitude = Int64(random.next() >> UInt64(11 + random.below(53)))
            let mantissa = random.chance(50) ? magnitude : -magnitude
            let exponent = random.below(37) - 18
            var text = String(magnitude)
            if exponent >= 0 {
                text += random.chance(50) ? "e\(exponent)" : "E+\(exponent)"
            } else if random.chance(30) {
                text += "e\(exponent)"
            } else {
                text = String(repeating: "0", count: max(0, 1 - exponent - text.count)) + text
                text.insert(".", at: text.index(text.endIndex, offsetBy: exponent))
            }
            if mantissa < 0 { text = "-" + text }
            let value = MeasuredValue.decimal(Array(text.utf8))
            if value?.mantissa != mantissa || value?.exponent != exponent { wrong.append(text) }
        }
        #expect(wrong == [])
    }

    @Test("random characters of a number do no harm, and what is read is in range")
    func randomText() {
        var random = SplitMix64(seed: 18)
        let characters = Array("0123456789019.eE+-".utf8)
        var read = 0
        var wrong = 0
        for _ in 0..<30_000 {
            let text = (0..<random.below(24)).map { _ in characters[random.below(characters.count)] }
            guard let value = MeasuredValue.decimal(text) else { continue }
            read += 1
            if abs(value.mantissa) > MeasuredValue.largestMantissa || !MeasuredValue.exponents.contains(value.exponent)
            {
                wrong += 1
            }
        }
        #expect(wrong == 0)
        #expect(read > 1_000)
    }
}
