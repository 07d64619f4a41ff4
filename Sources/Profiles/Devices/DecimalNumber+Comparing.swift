internal import CompactMatrix

extension DecimalNumber {
    /// Exact where the exponents are within 18 of one another, and right in any case.
    func isBelow(_ other: DecimalNumber) -> Bool {
        if mantissa.signum() != other.mantissa.signum() { return mantissa < other.mantissa }
        let lower = min(exponent, other.exponent)
        if let left = Self.scaled(self, to: lower), let right = Self.scaled(other, to: lower) { return left < right }
        // One of them has a mantissa beyond 64 bits there: it is the larger in magnitude.
        let isLarger = Self.scaled(self, to: lower) == nil
        return mantissa < 0 ? isLarger : !isLarger
    }

    private static func scaled(_ number: DecimalNumber, to exponent: Int) -> Int64? {
        var mantissa = number.mantissa
        for _ in 0..<max(0, number.exponent - exponent) {
            let (product, overflow) = mantissa.multipliedReportingOverflow(by: 10)
            if overflow { return nil }
            mantissa = product
        }
        return mantissa
    }
}
