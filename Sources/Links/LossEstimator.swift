/// How many of a link's bytes get lost, from what had to be repeated until it was answered; the older of it is forgotten by and
/// by. It chooses the size of blocks: what loses bytes wants short ones.
public struct LossEstimator: Equatable, Sendable {
    /// Bytes that travelled, and datagrams of them that got lost, each weighted by what it has not been forgotten.
    private var bytes: Double = 0
    private var losses: Double = 0

    /// What an exchange weighs after the next one has come.
    private static var memory: Double { 0.98 }
    /// Bytes that count as having arrived before anything has: a single loss at the start says little.
    private static var assumedBytes: Double { 2000 }

    public init() {}

    /// Takes an exchange that was answered.
    ///
    /// - Parameters:
    ///   - bytes: of request and answer together, with what the link adds to each.
    ///   - copies: of the request that were sent; all but one, or their answers, are taken for lost.
    public mutating func add(bytes: Int, copies: Int) {
        self.bytes = self.bytes * Self.memory + Double(max(0, bytes)) * Double(max(1, copies))
        losses = losses * Self.memory + Double(max(1, copies) - 1)
    }

    /// Losses in 10^9 bytes; 0 before the first.
    public var lossPerBillionBytes: UInt64 {
        UInt64(min(1e9, 1e9 * losses / (bytes + Self.assumedBytes)))
    }
}
