import CompactMatrix
import TestSupport
import Testing

@Suite("Readings by a profile's template")
struct PayloadTemplateTests {
    /// A greenhouse sensor: -40 to 164.7 degrees, 0 to 100 percent, 0 to 5.11 volts.
    static let greenhouse = [
        PayloadTemplate.Field(
            name: "temperature", unit: "Cel", bits: 11, scale: DecimalNumber(mantissa: 1, exponent: -1),
            offset: DecimalNumber(mantissa: -40)),
        PayloadTemplate.Field(name: "humidity", unit: "%RH", bits: 7, canBeMissing: true),
        PayloadTemplate.Field(name: "battery", unit: "V", bits: 9, scale: DecimalNumber(mantissa: 1, exponent: -2)),
    ]

    static func reading(_ values: [(String, String, Int64, Int)]) -> Reading {
        Reading(
            measurements: values.map { MeasuredValue(name: $0.0, unit: $0.1, mantissa: $0.2, exponent: $0.3) })
    }

    static func shown(_ reading: Reading?) -> [String] {
        reading?.measurements.map { "\($0.name) \($0.mantissa)e\($0.exponent) \($0.unit)" } ?? []
    }

    @Test("three values take four bytes and come back as they were")
    func greenhouse() throws {
        let template = try PayloadTemplate(Self.greenhouse)
        let reading = Self.reading([
            ("temperature", "Cel", 215, -1), ("humidity", "%RH", 40, 0), ("battery", "V", 371, -2),
        ])
        let body = try template.encode(reading)
        // 615 steps from -40, 40, 371: 01001100111 0101000 101110011, and five bits of fill.
        #expect(hex(body) == "4cea2e60")
        #expect(template.byteCount == 4)
        #expect(
            Self.shown(template.decode(body)) == ["temperature 215e-1 Cel", "humidity 40e0 %RH", "battery 371e-2 V"])
        #expect(Uplink.packedReading(body).body == body)
    }

    @Test("a template that is kept is the same, and a damaged one is none")
    func coding() throws {
        let template = try PayloadTemplate(Self.greenhouse)
        let bytes = template.encoded
        #expect(PayloadTemplate(decoding: bytes) == template)
        for length in 0..<bytes.count { #expect(PayloadTemplate(decoding: Array(bytes.prefix(length))) == nil) }
        var random = SplitMix64(seed: 1)
        for _ in 0..<5_000 {
            var damaged = bytes
            damaged[random.below(damaged.count)] = random.byte()
            guard let read = PayloadTemplate(decoding: damaged) else { continue }
            #expect(PayloadTemplate(decoding: read.encoded) == read)
        }
    }

    @Test("what has no value, more digits than needed or another order")
    func forms() throws {
        let template = try PayloadTemplate(Self.greenhouse)
        let body = try template.encode(Self.reading([("battery", "V", 3710, -3), ("temperature", "Cel", -4, 1)]))
        #expect(Self.shown(template.decode(body)) == ["temperature -400e-1 Cel", "battery 371e-2 V"])
    }

    @Test("what does not fit is refused and not rounded")
    func misfits() throws {
        let template = try PayloadTemplate(Self.greenhouse)
        let cases: [([(String, String, Int64, Int)], PayloadTemplate.Misfit)] = [
            ([("temperature", "Cel", 2155, -2), ("battery", "V", 3, 0)], .betweenSteps),
            ([("temperature", "Cel", -401, -1), ("battery", "V", 3, 0)], .outOfRange),
            ([("temperature", "Cel", 1648, -1), ("battery", "V", 3, 0)], .outOfRange),
            // All bits set is the missing value.
            ([("temperature", "Cel", 0, 0), ("humidity", "%RH", 127, 0), ("battery", "V", 3, 0)], .outOfRange),
            ([("temperature", "Cel", .max, 18), ("battery", "V", 3, 0)], .outOfRange),
            ([("temperature", "Cel", 0, 0)], .missingValue),
            ([("temperature", "K", 300, 0), ("battery", "V", 3, 0)], .unknownValue),
            ([("battery", "V", 3, 0), ("battery", "V", 3, 0)], .unknownValue),
        ]
        for (values, misfit) in cases {
            #expect(throws: misfit) { _ = try template.encode(Self.reading(values)) }
        }
        var timed = Self.reading([("temperature", "Cel", 0, 0), ("battery", "V", 3, 0)])
        timed.unixSeconds = 1
        #expect(throws: PayloadTemplate.Misfit.hasTime) { _ = try template.encode(timed) }
    }

    @Test("every template of random fields brings every reading of its steps back, in as many bits as it says")
    func random() throws {
        var random = SplitMix64(seed: 31)
        for round in 0..<2_000 {
            let fields = (0...random.below(6)).map { place in
                PayloadTemplate.Field(
                    name: "v\(place)", unit: random.chance(50) ? "V" : "", bits: 1 + random.below(40),
                    scale: DecimalNumber(mantissa: Int64(1 + random.below(50)), exponent: random.below(7) - 3),
                    offset: DecimalNumber(mantissa: Int64(random.below(2_001)) - 1_000, exponent: random.below(5) - 2),
                    canBeMissing: random.chance(30))
            }
            guard let template = try? PayloadTemplate(fields) else { continue }
            let body = random.bytes(template.byteCount)
            guard let reading = template.decode(body) else { continue }
            #expect(try template.encode(reading) == body, "round \(round)")
        }
    }

    @Test("only bytes that a reading makes are read")
    func hostile() throws {
        let template = try PayloadTemplate(Self.greenhouse)
        #expect(template.decode([]) == nil)
        #expect(template.decode([0, 0, 0]) == nil)
        #expect(template.decode([0, 0, 0, 0, 0]) == nil)
        #expect(template.decode([0, 0, 0, 1]) == nil)
        #expect(template.decode([0, 0, 0, 0x20]) != nil)
    }

    @Test("templates whose values no event could carry are refused")
    func faults() {
        typealias Field = PayloadTemplate.Field
        func fault(_ fields: [Field]) -> PayloadTemplate.Fault? {
            #expect(throws: PayloadTemplate.Fault.self) { try PayloadTemplate(fields) }
        }
        #expect(fault([]) == .noFields)
        #expect(throws: Never.self) { try PayloadTemplate([Field(name: "a", bits: 53)]) }
        #expect(fault([Field(name: "a", bits: 54)]) == .field(0))
        #expect(fault([Field(name: "a", bits: 0)]) == .field(0))
        #expect(fault([Field(name: "", bits: 1)]) == .field(0))
        #expect(fault([Field(name: "a", bits: 8, scale: .zero)]) == .field(0))
        #expect(fault([Field(name: "a", bits: 8), Field(name: "a", bits: 8)]) == .field(1))
        #expect(fault([Field(name: "a", bits: 53, scale: DecimalNumber(mantissa: 2))]) == .field(0))
        #expect(fault([Field(name: "a", bits: 8, scale: DecimalNumber(mantissa: 1, exponent: 19))]) == .field(0))
        #expect(
            fault([
                Field(
                    name: "a", bits: 8, scale: DecimalNumber(mantissa: 1, exponent: 18),
                    offset: DecimalNumber(mantissa: 1, exponent: -18))
            ]) == .field(0))
        #expect(fault((0..<65).map { Field(name: "\($0)", bits: 1) }) == .tooManyFields)
    }
}
