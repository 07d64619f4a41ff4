/// Logarithms and powers in integers: the same on every machine, which `log` and `pow` are not.
public enum FixedPoint {
    /// -ln(u / 2^64) in units of 2^-32, to about one unit; 0 counts as 1.
    public static func negativeLogarithm(_ u: UInt64) -> UInt64 {
        let u = max(1, u)
        let zeros = UInt64(u.leadingZeroBitCount)
        // In [1, 2) with 63 bits behind the point; squared again and again it shows its binary logarithm bit by bit.
        var mantissa = u << zeros
        var logarithm: UInt64 = 0
        for _ in 0..<32 {
            let (high, low) = mantissa.multipliedFullWidth(by: mantissa)
            logarithm <<= 1
            if high >> 63 == 1 {
                logarithm |= 1
                mantissa = high
            } else {
                mantissa = high << 1 | low >> 63
            }
        }
        let binary = ((1 + zeros) << 32) - logarithm
        // Times ln 2.
        return binary.multipliedFullWidth(by: 0xB172_17F7_D1CF_79AC).high
    }

    /// An exponentially distributed time of that mean, in nanoseconds, from 64 even bits.
    public static func exponential(_ u: UInt64, mean: Int64) -> Int64 {
        let (high, low) = negativeLogarithm(u).multipliedFullWidth(by: UInt64(max(0, mean)))
        return Int64(clamping: min(high, 1 << 30) << 32 | low >> 32)
    }

    /// (1 - n / 10^12)^exponent, in units of 2^-64; the largest value stands for 1.
    static func survival(perTrillion n: UInt64, exponent: UInt64) -> UInt64 {
        guard n > 0, exponent > 0 else { return .max }
        guard n < 1_000_000_000_000 else { return 0 }
        // 2^64 n / 10^12.
        var power = UInt64.max - UInt64(1_000_000_000_000).dividingFullWidth((n, 0)).quotient
        var result = UInt64.max
        var rest = exponent
        while rest > 0 {
            if rest & 1 == 1 { result = result.multipliedFullWidth(by: power).high }
            power = power.multipliedFullWidth(by: power).high
            rest >>= 1
        }
        return result
    }
}
