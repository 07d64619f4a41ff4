public import Links

/// A link between devices and a gateway, with all that a person can say of it. Times are nanoseconds, shares are
/// millionths.
///
/// Protocols need far less: `timing` is what they see of it.
public struct RadioLink: Equatable, Sendable {
    /// One direction.
    public struct Direction: Equatable, Sendable {
        public var framing: Framing
        /// The longest UDP payload, in bytes.
        public var mtu: Int
        /// From the last bit leaving until it has arrived.
        public var latency: Int64
        public var jitter: Jitter
        /// A frame never overtakes another, whatever the jitter.
        public var keepsOrder: Bool
        public var loss: LossModel
        /// Frames that arrive twice.
        public var duplicationPerMillion: UInt32
        /// Frames that arrive later, by up to `reorderingDelay`, whatever `keepsOrder` says.
        public var reorderingPerMillion: UInt32
        public var reorderingDelay: Int64
        /// Frames that arrive with one bit wrong.
        public var corruptionPerMillion: UInt32
        public var queue: QueueLimit
        /// Never empty. For `Medium.shared` frames collide where they share a channel.
        public var bands: [SubBand]
        public var quota: Quota?

        public init(
            _ framing: Framing, mtu: Int = 1280, latency: Int64 = 0, jitter: Jitter = .none, keepsOrder: Bool = true,
            loss: LossModel = .none, duplicationPerMillion: UInt32 = 0, reorderingPerMillion: UInt32 = 0,
            reorderingDelay: Int64 = 0, corruptionPerMillion: UInt32 = 0, queue: QueueLimit = QueueLimit(),
            bands: [SubBand] = [SubBand(name: "all")], quota: Quota? = nil
        ) {
            self.framing = framing
            self.mtu = mtu
            self.latency = latency
            self.jitter = jitter
            self.keepsOrder = keepsOrder
            self.loss = loss
            self.duplicationPerMillion = duplicationPerMillion
            self.reorderingPerMillion = reorderingPerMillion
            self.reorderingDelay = reorderingDelay
            self.corruptionPerMillion = corruptionPerMillion
            self.queue = queue
            self.bands = bands.isEmpty ? [SubBand(name: "all")] : bands
            self.quota = quota
        }
    }

    /// Whether both ends can send at once.
    public enum Duplex: Equatable, Sendable {
        case full
        /// They cannot, and need `turnaround` between the last bit of the one and the first of the other.
        case half(turnaround: Int64)
    }

    /// From the devices to the gateway.
    public var up: Direction
    /// From the gateway to the devices.
    public var down: Direction
    public var duplex: Duplex
    public var medium: Medium
    public var downlink: DownlinkRule
    /// nil: always.
    public var windows: ContactWindows?
    /// What an end may take to answer.
    public var processing: Int64
    /// False: the directions' rates are a guess, and protocols learn their timers.
    public var isRateKnown: Bool

    public init(
        up: Direction, down: Direction, duplex: Duplex = .full, medium: Medium = .dedicated,
        downlink: DownlinkRule = .anyTime, windows: ContactWindows? = nil, processing: Int64 = 5_000_000_000,
        isRateKnown: Bool = true
    ) {
        self.up = up
        self.down = down
        self.duplex = duplex
        self.medium = medium
        self.downlink = downlink
        self.windows = windows
        self.processing = processing
        self.isRateKnown = isRateKnown
    }
}
