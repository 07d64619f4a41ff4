/// A link between devices and a gateway, as both ends and the simulator understand it. Times are nanoseconds.
public struct Link: Equatable, Sendable {
    public struct Direction: Equatable, Sendable {
        /// 0: so fast that it does not matter.
        public var bitsPerSecond: UInt64
        /// From the last bit leaving until it has arrived, at least.
        public var latency: Int64
        /// Up to this much more.
        public var jitter: Int64
        /// The share of datagrams that get lost, in millionths.
        public var lossPerMillion: UInt32
        /// What the link adds to each datagram, in bytes.
        public var overheadBytes: Int
        /// The largest UDP payload.
        public var mtu: Int
        /// Bytes that may wait to be sent; more are dropped.
        public var queueLimit: Int
        /// When anything can leave at all, by the clock of whoever sends; nil: always.
        public var windows: ContactWindows?

        public init(
            bitsPerSecond: UInt64, latency: Int64 = 0, jitter: Int64 = 0, lossPerMillion: UInt32 = 0,
            overheadBytes: Int = 0, mtu: Int = 1280, queueLimit: Int = 65_536, windows: ContactWindows? = nil
        ) {
            self.bitsPerSecond = bitsPerSecond
            self.latency = latency
            self.jitter = jitter
            self.lossPerMillion = lossPerMillion
            self.overheadBytes = overheadBytes
            self.mtu = mtu
            self.queueLimit = queueLimit
            self.windows = windows
        }

        /// How long `bytes` of payload occupy the direction, rounded up.
        public func serialisation(of bytes: Int) -> Int64 {
            guard bitsPerSecond > 0 else { return 0 }
            let bits = UInt64(bytes + overheadBytes) * 8
            return Int64((bits * 1_000_000_000 + bitsPerSecond - 1) / bitsPerSecond)
        }
    }

    /// From the devices to the gateway.
    public var up: Direction
    /// From the gateway to the devices.
    public var down: Direction
    /// What the other end may take to answer.
    public var processing: Int64
    /// Whether the rates are those of the link. Where they are not, timers are learnt, and what is said here is where they
    /// start.
    public var isRateKnown: Bool

    public init(up: Direction, down: Direction, processing: Int64 = 5_000_000_000, isRateKnown: Bool = true) {
        self.up = up
        self.down = down
        self.processing = processing
        self.isRateKnown = isRateKnown
    }

    /// Where nothing is known of the rates: the slowest that this library is made for.
    public static var assumedBitsPerSecond: UInt64 { 100 }

    /// The link as its timers start: rates that are not known are the slowest.
    public var assumed: Link {
        guard !isRateKnown else { return self }
        var link = self
        if link.up.bitsPerSecond == 0 { link.up.bitsPerSecond = Self.assumedBitsPerSecond }
        if link.down.bitsPerSecond == 0 { link.down.bitsPerSecond = Self.assumedBitsPerSecond }
        return link
    }
}
