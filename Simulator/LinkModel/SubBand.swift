/// Channels that share one limit of airtime.
public struct SubBand: Equatable, Sendable {
    public var name: String
    /// Of equal worth; a frame takes one by chance.
    public var channels: Int
    /// nil: no limit.
    public var duty: DutyLimit?

    public init(name: String, channels: Int = 1, duty: DutyLimit? = nil) {
        self.name = name
        self.channels = channels
        self.duty = duty
    }
}

/// How much of any stretch of time a sender may be on the air.
public struct DutyLimit: Equatable, Sendable {
    /// The share, in millionths.
    public var perMillion: UInt32
    /// The stretch, in nanoseconds.
    public var window: Int64

    public init(perMillion: UInt32, window: Int64 = 3_600_000_000_000) {
        self.perMillion = perMillion
        self.window = window
    }

    /// Airtime in each window, in nanoseconds, rounded down.
    public var allowance: Int64 {
        let product = UInt64(max(0, window)).multipliedFullWidth(by: UInt64(min(perMillion, 1_000_000)))
        return Int64(clamping: UInt64(1_000_000).dividingFullWidth((product.high, product.low)).quotient)
    }
}

/// How many datagrams may leave in any stretch of time.
public struct Quota: Equatable, Sendable {
    public var datagrams: Int
    /// In nanoseconds.
    public var window: Int64

    public init(datagrams: Int, window: Int64 = 86_400_000_000_000) {
        self.datagrams = datagrams
        self.window = window
    }
}
