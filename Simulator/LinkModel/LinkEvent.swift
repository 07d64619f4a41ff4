/// Which way something goes.
public enum Heading: UInt8, Sendable {
    /// To the gateway.
    case up
    /// To a device.
    case down
}

/// What became of a datagram, and when.
public struct LinkEvent: Equatable, Sendable {
    public enum Kind: Equatable, Sendable {
        /// Its first bit leaves; the last one does at `until`.
        case started(until: Int64, channel: Int, waits: Waits)
        /// It did not get onto the link.
        case dropped(Drop)
        /// Its last bit has left, and it does not arrive.
        case lost(Loss)
        /// - Parameters:
        ///   - isCopy: it has arrived before.
        ///   - flippedBit: one that is wrong.
        case arrived(isCopy: Bool, flippedBit: Int?)
    }

    public enum Drop: UInt8, CaseIterable, Sendable {
        case queueFull, tooLong
        /// It waited for longer than the queue keeps anything.
        case expired
        /// No duty cycle, quota or pass ever has room for it.
        case impossible
    }

    public enum Loss: UInt8, CaseIterable, Sendable {
        /// The loss model.
        case noise
        /// Somebody else was on the channel.
        case collision
        /// The receiver was sending.
        case receiverBusy
    }

    /// The caller's name for the datagram.
    public var id: UInt64
    public var device: Int
    public var heading: Heading
    /// UDP payload.
    public var bytes: Int
    public var time: Int64
    public var kind: Kind
}

/// What a datagram waited for before its first bit left, in nanoseconds.
public struct Waits: Equatable, Sendable {
    /// Those before it in its queue.
    public var queue: Int64 = 0
    /// The duty cycle.
    public var duty: Int64 = 0
    /// The quota.
    public var quota: Int64 = 0
    /// A pass, or an agreed hour.
    public var window: Int64 = 0
    /// An uplink after which the device listens.
    public var uplink: Int64 = 0
    /// The other direction of a half-duplex link.
    public var duplex: Int64 = 0
    /// A slot, or silence on the channel.
    public var access: Int64 = 0

    public init() {}

    public var total: Int64 { queue + duty + quota + window + uplink + duplex + access }

    /// By name, those that are not 0.
    public var parts: [(name: String, nanoseconds: Int64)] {
        [
            ("queue", queue), ("duty", duty), ("quota", quota), ("window", window), ("uplink", uplink),
            ("duplex", duplex), ("access", access),
        ].filter { $0.1 > 0 }
    }
}

/// What became of all datagrams that were handed over.
public struct LinkTally: Equatable, Sendable {
    public var offered = 0
    public var delivered = 0
    /// Arrivals of what had arrived before: not among `delivered`.
    public var copies = 0
    public var corrupted = 0
    /// By `LinkEvent.Loss` and `LinkEvent.Drop`.
    public var lost = [Int](repeating: 0, count: LinkEvent.Loss.allCases.count)
    public var dropped = [Int](repeating: 0, count: LinkEvent.Drop.allCases.count)
    /// Waiting, on the air, or on the way.
    public var underWay = 0
    /// In nanoseconds.
    public var airtime: Int64 = 0

    public init() {}

    /// Whether every datagram is accounted for.
    public var isBalanced: Bool {
        offered == delivered + lost.reduce(0, +) + dropped.reduce(0, +) + underWay
    }
}

extension LinkEvent.Loss {
    public var name: String {
        switch self {
        case .noise: "noise"
        case .collision: "collision"
        case .receiverBusy: "receiver busy"
        }
    }
}

extension LinkEvent.Drop {
    public var name: String {
        switch self {
        case .queueFull: "queue full"
        case .tooLong: "too long"
        case .expired: "expired"
        case .impossible: "impossible"
        }
    }
}
