/// One value of a reading: a SenML name and unit (RFC 8428 section 4 and 12.1) and a decimal number
/// `mantissa * 10^exponent`, since Matrix events allow no floats.
public struct MeasuredValue: Sendable {
    public var name: String
    /// Empty for a number without a unit.
    public var unit: String
    public var mantissa: Int64
    /// -18...18.
    public var exponent: Int

    /// Mantissas are integers that a Matrix event can carry: within +-(2^53 - 1).
    public static let largestMantissa: Int64 = 9_007_199_254_740_991
    public static let exponents = -18...18

    public init(name: String, unit: String, mantissa: Int64, exponent: Int) {
        self.name = name
        self.unit = unit
        self.mantissa = mantissa
        self.exponent = exponent
    }

    /// Reads a decimal as a person writes it (`21.5`, `-0.040`, `3e2`), all digits kept: `21.50` has mantissa 2150.
    ///
    /// nil: not a decimal, or outside the ranges above.
    public static func decimal(_ text: [UInt8]) -> (mantissa: Int64, exponent: Int)? {
        var position = 0
        var negative = false
        if position < text.count, text[position] == 0x2D || text[position] == 0x2B {
            negative = text[position] == 0x2D
            position += 1
        }
        var mantissa: Int64 = 0
        var exponent = 0
        var digits = 0
        var fraction = false
        while position < text.count {
            let byte = text[position]
            if byte == 0x2E, !fraction {
                fraction = true
            } else if byte >= 0x30, byte <= 0x39 {
                mantissa = mantissa * 10 + Int64(byte - 0x30)
                guard mantissa <= largestMantissa else { return nil }
                digits += 1
                if fraction { exponent -= 1 }
            } else {
                break
            }
            position += 1
        }
        guard digits > 0 else { return nil }
        if position < text.count {
            guard text[position] | 0x20 == 0x65 else { return nil }
            position += 1
            var sign = 1
            if position < text.count, text[position] == 0x2D || text[position] == 0x2B {
                sign = text[position] == 0x2D ? -1 : 1
                position += 1
            }
            guard position < text.count else { return nil }
            var power = 0
            while position < text.count {
                guard text[position] >= 0x30, text[position] <= 0x39, power < 100 else { return nil }
                power = power * 10 + Int(text[position] - 0x30)
                position += 1
            }
            exponent += sign * power
        }
        guard exponents.contains(exponent) else { return nil }
        return (negative ? -mantissa : mantissa, exponent)
    }
}
