/// `mantissa * 10^exponent`, exactly: Matrix events allow no floats, and a microcontroller has none to spare.
public struct DecimalNumber: Equatable, Sendable {
    public var mantissa: Int64
    public var exponent: Int

    public init(mantissa: Int64, exponent: Int = 0) {
        self.mantissa = mantissa
        self.exponent = exponent
    }

    /// A decimal as a person writes it; see `MeasuredValue.decimal`.
    public init?(_ text: [UInt8]) {
        guard let (mantissa, exponent) = MeasuredValue.decimal(text) else { return nil }
        self.init(mantissa: mantissa, exponent: exponent)
    }

    public static let zero = DecimalNumber(mantissa: 0)
    public static let one = DecimalNumber(mantissa: 1)

    /// The mantissa that the same number has with a lower exponent; nil: beyond 64 bits.
    func mantissa(at lower: Int) -> Int64? {
        if mantissa == 0 { return 0 }
        guard lower <= exponent, exponent - lower <= 18 else { return nil }
        var scaled = mantissa
        for _ in 0..<exponent - lower {
            let (product, overflow) = scaled.multipliedReportingOverflow(by: 10)
            if overflow { return nil }
            scaled = product
        }
        return scaled
    }
}
