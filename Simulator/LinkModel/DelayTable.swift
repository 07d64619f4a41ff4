/// A distribution by its inverse: value i of n stands at probability i / (n - 1), and between two neighbours it is linear.
public struct DelayTable: Equatable, Sendable {
    /// In units of 1/8192, as netem's tables: 8192 is one spread. At least two, rising.
    public let values: [Int32]

    /// nil: fewer than two values, or falling ones.
    public init?(_ values: [Int32]) {
        guard values.count >= 2, values.count <= 65_536, zip(values, values.dropFirst()).allSatisfy({ $0 <= $1 })
        else { return nil }
        self.values = values
    }

    init(known values: [Int32]) { self.values = values }

    /// The standard normal distribution up to four deviations.
    public static let normal = DelayTable(known: normalValues)
    /// The exponential distribution of mean 1: what most radio networks' delays look like, a short typical and a long rare one.
    public static let exponential = DelayTable(known: exponentialValues)

    /// The value at probability `position` / 2^64, times `spread`.
    func value(at position: UInt64, spread: Int64) -> Int64 {
        let (index, fraction) = position.multipliedFullWidth(by: UInt64(values.count - 1))
        let low = Int64(values[Int(index)])
        let high = Int64(values[Int(index) + 1])
        // In 1/8192 of 1/65536.
        let fine = low * 65_536 + (high - low) * Int64(fraction >> 48)
        let product = fine.multipliedFullWidth(by: spread)
        // Divided by 2^29, rounded down.
        return Int64(truncatingIfNeeded: (product.high << 35) | Int64(bitPattern: UInt64(product.low >> 29)))
    }

    var largest: Int32 { values[values.count - 1] }
}
