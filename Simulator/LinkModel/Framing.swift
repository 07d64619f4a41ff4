/// What the link makes of a datagram, and how long that occupies it.
public struct Framing: Equatable, Sendable {
    public enum Airtime: Equatable, Sendable {
        /// All bits at one rate.
        case rate(Rate)
        /// A LoRa packet.
        case lora(LoRaModulation)
        /// Blocks of so many bytes, each of one duration in nanoseconds whether full or not: JS8, FT8, PACTOR, VARA.
        case blocks(bytes: Int, duration: Int64)
    }

    public var airtime: Airtime
    /// What the link adds to each datagram, in bytes that take time as the datagram's own do.
    public var overheadBytes: Int
    /// What each frame takes besides: preamble, transmitter on and off. Nanoseconds.
    public var fixed: Int64
    /// Copies of each frame, one after the other (Sigfox: 3).
    public var copies: Int

    public init(_ airtime: Airtime, overheadBytes: Int = 0, fixed: Int64 = 0, copies: Int = 1) {
        self.airtime = airtime
        self.overheadBytes = overheadBytes
        self.fixed = fixed
        self.copies = copies
    }

    /// How long a datagram of `bytes` occupies the idle link, in nanoseconds, rounded up.
    public func duration(of bytes: Int) -> Int64 {
        let (whole, carry) = duration(of: bytes, carry: 0)
        return carry > 0 ? whole + 1 : whole
    }

    func duration(of bytes: Int, carry: UInt64) -> (nanoseconds: Int64, carry: UInt64) {
        let length = bytes + overheadBytes
        let copies = max(1, copies)
        switch airtime {
        case .rate(let rate):
            let (time, rest) = rate.duration(ofBits: UInt64(length) * 8 * UInt64(copies), carry: carry)
            return (time + fixed * Int64(copies), rest)
        case .lora(let modulation):
            return ((modulation.timeOnAir(of: length) + fixed) * Int64(copies), 0)
        case .blocks(let size, let duration):
            let count = (length + max(1, size) - 1) / max(1, size)
            return ((Int64(count) * duration + fixed) * Int64(copies), 0)
        }
    }
}
