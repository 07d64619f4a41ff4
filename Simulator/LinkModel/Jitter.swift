/// What a datagram takes longer than the link's latency.
public enum Jitter: Equatable, Sendable {
    case none
    /// From 0 to this many nanoseconds, evenly.
    case uniform(upTo: Int64)
    /// `spread` nanoseconds times what the table says, and no less than -latency in all.
    case table(DelayTable, spread: Int64)
}
