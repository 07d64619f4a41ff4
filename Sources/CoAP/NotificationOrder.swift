/// Tells a client whether a notification is newer than those before it, and when the observation has to be registered anew
/// (RFC 7641 section 3.3.1 and 3.4).
public struct NotificationOrder: Equatable, Sendable {
    private var newest: (sequence: UInt64, at: Int64)?
    /// When the newest representation stops being fresh; nil before the first.
    public private(set) var staleAt: Int64?

    public init() {}

    public static func == (a: Self, b: Self) -> Bool {
        a.newest?.sequence == b.newest?.sequence && a.newest?.at == b.newest?.at && a.staleAt == b.staleAt
    }

    /// Whether a notification that arrives `now` is newer than all before it. (V1 < V2 and V2 - V1 < 2^23) or
    /// (V1 > V2 and V1 - V2 > 2^23) or (T2 > T1 + 128 seconds).
    public mutating func takesPlace(_ response: Response, now: Int64) -> Bool {
        guard let sequence = response.observe else { return false }
        if let newest {
            let isAhead =
                newest.sequence < sequence
                ? sequence - newest.sequence < 1 << 23 : newest.sequence - sequence > 1 << 23
            guard isAhead || now > newest.at + 128_000_000_000 else { return false }
        }
        newest = (sequence, now)
        staleAt = now + Int64(clamping: response.maxAge) * 1_000_000_000
        return true
    }

    /// The observation is registered anew: a server that had lost it numbers from the beginning.
    public mutating func startAnew() {
        newest = nil
        staleAt = nil
    }

    /// When to register anew if nothing came: Max-Age and 5 to 15 seconds, so that observers do not do it all at once.
    ///
    /// - Parameter draw: any number that differs from client to client.
    public func renewAt(draw: UInt64) -> Int64? {
        staleAt.map { $0 + 5_000_000_000 + Int64(draw % 10_000_000_000) }
    }
}
