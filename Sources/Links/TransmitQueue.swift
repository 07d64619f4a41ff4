/// When a datagram that is handed over now will have left: everything before it on the same direction goes first, and where
/// there is contact only now and then it waits for the first window that it fits into.
///
/// Exact: the fractions of a nanosecond that a datagram's serialisation leaves are carried to the next, so that a day
/// at 100 bit/s has no drift.
public struct TransmitQueue: Equatable, Sendable {
    public let direction: Link.Direction
    /// When the last bit of what was handed over leaves.
    public private(set) var freeAt: Int64 = .min
    /// In units of 1 / bitsPerSecond nanoseconds: what `freeAt` is short of.
    private var remainder: UInt64 = 0

    public init(_ direction: Link.Direction) {
        self.direction = direction
    }

    /// Appends a datagram with `bytes` of payload; returns when its last bit has left.
    public mutating func enqueue(_ bytes: Int, now: Int64) -> Int64 {
        if freeAt < now {
            freeAt = now
            remainder = 0
        }
        if let windows = direction.windows,
            let start = windows.start(for: direction.serialisation(of: bytes), from: freeAt), start > freeAt
        {
            freeAt = start
            remainder = 0
        }
        guard direction.bitsPerSecond > 0 else { return freeAt }
        let total = UInt64(bytes + direction.overheadBytes) * 8 * 1_000_000_000 + remainder
        freeAt += Int64(total / direction.bitsPerSecond)
        remainder = total % direction.bitsPerSecond
        return freeAt
    }

    /// Bytes that still wait at `now`, the link's overhead and the byte that is on its way included; of a link with contact
    /// at all times.
    public func waiting(now: Int64) -> Int {
        guard freeAt > now, direction.bitsPerSecond > 0 else { return 0 }
        let (high, low) = UInt64(freeAt - now).multipliedFullWidth(by: direction.bitsPerSecond)
        let (sum, carries) = low.addingReportingOverflow(remainder)
        let (bytes, rest) = UInt64(8_000_000_000).dividingFullWidth((high + (carries ? 1 : 0), sum))
        return Int(bytes) + (rest > 0 ? 1 : 0)
    }
}
