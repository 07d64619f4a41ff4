public import Links

extension RadioLink {
    /// What protocols count on: never less time than the link takes, apart from waits for quotas and duty cycles. A timer
    /// starts when the last bit has left, in the pass that takes it; an answer that misses that pass costs a repetition.
    public var timing: Link {
        var down = Self.timing(self.down)
        if case .afterUplink(let openings) = downlink {
            down.latency += openings.map(\.delay).max() ?? 0
        }
        var up = Self.timing(self.up)
        if case .half(let turnaround) = duplex {
            up.latency += turnaround
            down.latency += turnaround
        }
        up.windows = windows
        down.windows = windows
        return Link(up: up, down: down, processing: processing, isRateKnown: isRateKnown)
    }

    private static func timing(_ direction: Direction) -> Link.Direction {
        let framing = direction.framing
        // What does not grow with the length, and the rate at which the rest grows.
        let base: Int64
        let rate: UInt64
        switch framing.airtime {
        case .rate(let given):
            base = framing.fixed * Int64(framing.copies)
            rate = given.isUnlimited ? 0 : max(1, given.wholeBitsPerSecond / UInt64(max(1, framing.copies)))
        case .lora, .blocks:
            // A line above the steps: through the end of the first step and of one far out.
            let far = 4096
            let first = framing.duration(of: 0)
            let slope = max(1, (framing.duration(of: far) - first) / Int64(far))
            rate = max(1, 8_000_000_000 / UInt64(slope))
            var above = first
            for bytes in 0...min(512, max(0, direction.mtu)) {
                let line = Int64(UInt64(bytes + framing.overheadBytes) * 8_000_000_000 / rate)
                above = max(above, framing.duration(of: bytes) - line)
            }
            base = above
        }
        return Link.Direction(
            bitsPerSecond: rate, latency: direction.latency + base, jitter: direction.jitter.most,
            overheadBytes: framing.overheadBytes, mtu: direction.mtu, queueLimit: direction.queue.bytes)
    }
}

extension Jitter {
    /// What it adds at most, in nanoseconds.
    var most: Int64 {
        switch self {
        case .none: 0
        case .uniform(let most): max(0, most)
        case .table(let table, let spread): max(0, table.value(at: .max, spread: spread))
        }
    }
}
