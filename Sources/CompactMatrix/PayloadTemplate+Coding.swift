internal import CBOR

/// As it is kept: one array a field, of name, unit, bits, mantissa and exponent of the scale, mantissa and exponent of the
/// offset, and 1 where it can be missing.
extension PayloadTemplate {
    public var encoded: [UInt8] {
        var writer = CBORWriter()
        writer.array(fields.count)
        for field in fields {
            writer.array(8)
            writer.text(field.name)
            writer.text(field.unit)
            writer.unsigned(UInt64(field.bits))
            for number in [field.scale, field.offset] {
                writer.integer(number.mantissa)
                writer.integer(Int64(number.exponent))
            }
            writer.unsigned(field.canBeMissing ? 1 : 0)
        }
        return writer.bytes
    }

    /// nil: damaged.
    public init?(decoding bytes: [UInt8]) {
        do throws(CBORError) {
            var reader = CBORReader(bytes)
            var fields: [Field] = []
            for _ in 0..<(try reader.array()) {
                guard try reader.array() == 8 else { return nil }
                let name = try reader.text()
                let unit = try reader.text()
                guard let bits = Int(exactly: try reader.unsigned()) else { return nil }
                let scale = try Self.number(&reader)
                let offset = try Self.number(&reader)
                let canBeMissing = try reader.unsigned() == 1
                fields.append(
                    Field(name: name, unit: unit, bits: bits, scale: scale, offset: offset, canBeMissing: canBeMissing))
            }
            try reader.finish()
            guard let template = try? PayloadTemplate(fields) else { return nil }
            self = template
        } catch {
            return nil
        }
    }

    private static func number(_ reader: inout CBORReader) throws(CBORError) -> DecimalNumber {
        let mantissa = try reader.integer()
        let start = reader.position
        guard let exponent = Int(exactly: try reader.integer()), MeasuredValue.exponents.contains(exponent) else {
            throw .outOfRange(at: start)
        }
        return DecimalNumber(mantissa: mantissa, exponent: exponent)
    }
}
