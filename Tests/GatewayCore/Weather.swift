import Links

/// How badly links, machines and homeserver behave; shares in thousandths.
struct Weather {
    var loss: UInt64 = 0
    var duplication: UInt64 = 0
    /// Datagrams that are held back, by up to `longestDelay`.
    var reordering: UInt64 = 0
    var longestDelay: Int64 = 0
    /// Datagrams that arrive with one bit wrong.
    var damage: UInt64 = 0
    /// How often a machine dies of what it has just been given.
    var gatewayKills: UInt64 = 0
    var deviceKills: UInt64 = 0
    /// Calls that fail: refused by a proxy, lost, or carried out without an answer, in equal parts, and rate limits.
    var callFaults: UInt64 = 0

    static let perfect = Weather()
}

/// When a machine dies of a call: what it wrote is lost, or what it would send, or nothing.
enum Death: UInt64, CaseIterable, Sendable {
    case beforeCommit, afterCommit, afterSending
}

let second: Int64 = 1_000_000_000
let minute: Int64 = 60 * second
let hour: Int64 = 60 * minute

extension Link {
    /// The same both ways.
    static func slow(bitsPerSecond: UInt64, latency: Int64 = 500_000_000, jitter: Int64 = 0) -> Link {
        let direction = Link.Direction(bitsPerSecond: bitsPerSecond, latency: latency, jitter: jitter)
        return Link(up: direction, down: direction, processing: 2 * second)
    }
}
