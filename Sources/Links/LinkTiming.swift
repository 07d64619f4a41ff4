/// What a protocol's timers need to know of a link: 8 (L + h) / R + 2 d + P + margin, taken apart so that the length of
/// the answer can be put in for each exchange.
public struct LinkTiming: Equatable, Sendable {
    /// Everything that does not depend on the length of an answer, the answer's overhead included on the byte's side.
    public var idleRoundTrip: Int64
    public var nanosecondsPerByteUp: Int64
    public var nanosecondsPerByteDown: Int64
    /// What no round trip is shorter than, whatever a peer may have learnt: both latencies, and the shortest datagrams.
    public var leastRoundTrip: Int64

    /// How long a datagram may have to wait for contact.
    public var longestGap: Int64

    public init(_ link: Link) {
        idleRoundTrip =
            link.up.latency + link.down.latency + link.processing + 2 * (link.up.jitter + link.down.jitter)
        nanosecondsPerByteUp = Self.perByte(link.up)
        nanosecondsPerByteDown = Self.perByte(link.down)
        leastRoundTrip =
            link.isRateKnown
            ? link.up.latency + link.down.latency + link.up.serialisation(of: Self.shortestDatagram)
                + link.down.serialisation(of: Self.shortestDatagram) : 0
        longestGap = max(link.up.windows?.longestGap ?? 0, link.down.windows?.longestGap ?? 0)
    }

    /// Frame, tag and one byte.
    private static var shortestDatagram: Int { 18 }

    private static func perByte(_ direction: Link.Direction) -> Int64 {
        guard direction.bitsPerSecond > 0 else { return 0 }
        return Int64((8_000_000_000 + direction.bitsPerSecond - 1) / direction.bitsPerSecond)
    }
}
