/// When the gateway may send to a device.
public enum DownlinkRule: Equatable, Sendable {
    case anyTime
    /// Only after a datagram of the device: the device listens for a moment, and then no longer (LoRaWAN class A, Sigfox).
    case afterUplink([Opening])

    /// One moment at which a device that has sent begins to listen.
    public struct Opening: Equatable, Sendable {
        /// From the last bit of the uplink, in nanoseconds. A frame begins exactly then.
        public var delay: Int64
        /// The index of a sub-band of the gateway's; nil: the sub-band of the uplink.
        public var band: Int?

        public init(delay: Int64, band: Int? = nil) {
            self.delay = delay
            self.band = band
        }
    }
}
