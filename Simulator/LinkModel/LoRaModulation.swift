/// A LoRa packet's form, and how long it is on the air (Semtech AN1200.13, SX1276 data sheet section 4.1.1.7; for spreading
/// factors 5 and 6 the SX1261/2 data sheet section 6.1.4).
public struct LoRaModulation: Hashable, Sendable {
    /// When a symbol carries two bits less, so that a slow one bears a drifting clock.
    public enum LowDataRateOptimisation: Hashable, Sendable {
        /// Where a symbol is longer than 16 ms, as the data sheet demands.
        case automatic
        case on
        case off
    }

    /// 5 to 12.
    public var spreadingFactor: Int
    /// In Hz.
    public var bandwidth: Int
    /// 1 to 4 for 4/5 to 4/8.
    public var codingRate: Int
    /// Programmed preamble, in symbols; the modem adds 4.25, or 6.25 for spreading factors 5 and 6.
    public var preambleSymbols: Int
    public var lowDataRateOptimisation: LowDataRateOptimisation
    /// Uplinks of LoRaWAN have it, downlinks have not.
    public var hasCRC: Bool
    public var hasExplicitHeader: Bool

    public init(
        spreadingFactor: Int, bandwidth: Int, codingRate: Int = 1, preambleSymbols: Int = 8,
        lowDataRateOptimisation: LowDataRateOptimisation = .automatic, hasCRC: Bool = true,
        hasExplicitHeader: Bool = true
    ) {
        self.spreadingFactor = min(max(5, spreadingFactor), 12)
        self.bandwidth = min(max(1000, bandwidth), 10_000_000)
        self.codingRate = min(max(1, codingRate), 4)
        self.preambleSymbols = min(max(0, preambleSymbols), 65_535)
        self.lowDataRateOptimisation = lowDataRateOptimisation
        self.hasCRC = hasCRC
        self.hasExplicitHeader = hasExplicitHeader
    }

    /// Whether a symbol carries two bits less.
    public var isOptimised: Bool {
        switch lowDataRateOptimisation {
        case .on: true
        case .off: false
        case .automatic: (1 << spreadingFactor) * 1000 > 16 * bandwidth
        }
    }

    /// Symbols after the preamble and the sync word, for so many bytes of physical payload.
    public func payloadSymbols(of bytes: Int) -> Int {
        let isShort = spreadingFactor < 7
        let crc = hasCRC ? 16 : 0
        let header = hasExplicitHeader ? 20 : 0
        let bits = 8 * bytes - 4 * spreadingFactor + crc + header + (isShort ? 0 : 8)
        let perBlock = 4 * (isOptimised && !isShort ? spreadingFactor - 2 : spreadingFactor)
        let blocks = bits > 0 ? (bits + perBlock - 1) / perBlock : 0
        return 8 + blocks * (codingRate + 4)
    }

    /// In nanoseconds, rounded up; exact for every bandwidth that divides 2^SF * 10^9 / 4.
    ///
    /// - Parameter bytes: of physical payload (LoRaWAN: 13 more than the application's).
    public func timeOnAir(of bytes: Int) -> Int64 {
        // In quarters of a symbol: the preamble's end is a quarter.
        let extra = spreadingFactor < 7 ? 25 : 17
        let quarters = preambleSymbols * 4 + extra + payloadSymbols(of: bytes) * 4
        return Self.roundedUp(UInt64(quarters) << UInt64(spreadingFactor), over: UInt64(bandwidth) * 4)
    }

    /// How long after a packet's begin a receiver can still lock on to its preamble: it needs five symbols of it.
    public var lockingTime: Int64 {
        Self.roundedUp(UInt64(max(0, preambleSymbols - 5)) << UInt64(spreadingFactor), over: UInt64(bandwidth))
    }

    private static func roundedUp(_ count: UInt64, over perSecond: UInt64) -> Int64 {
        let (high, low) = count.multipliedFullWidth(by: 1_000_000_000)
        let (quotient, remainder) = perSecond.dividingFullWidth((high, low))
        return Int64(quotient) + (remainder > 0 ? 1 : 0)
    }
}
