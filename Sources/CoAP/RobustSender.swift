/// Which block of a body leaves next (RFC 9177 section 4.3, 4.4 and 7.2): a set of them without waiting, the next set when the
/// peer has this one or after NON_TIMEOUT, and those again that the peer misses.
public struct RobustSender: Equatable, Sendable {
    public let body: [UInt8]
    public let exponent: UInt8
    private let timing: RobustTiming
    /// The first that has never been sent.
    private var next: UInt32 = 0
    private var again: [UInt32] = []
    private var repetitions: [UInt32: Int] = [:]
    private var pausedUntil: Int64 = .min
    /// When the peer is given up if nothing is heard.
    public private(set) var givesUpAt: Int64

    /// - Parameter first: the block to begin with; nil: only those that the peer misses are sent.
    public init(body: [UInt8], exponent: UInt8, timing: RobustTiming, first: UInt32? = 0, now: Int64) {
        self.body = body
        self.exponent = min(exponent, 6)
        self.timing = timing
        givesUpAt = now + timing.partialTimeout
        next = min(first ?? .max, count)
    }

    private var size: Int { 16 << Int(exponent) }
    public var count: UInt32 { UInt32(max(1, (body.count + size - 1) / size)) }

    /// When a block may leave that may not now; nil: none waits for time to pass.
    public var resumesAt: Int64? { again.isEmpty && next < count ? pausedUntil : nil }

    /// - Parameter draw: any number; NON_TIMEOUT_RANDOM follows from it.
    public mutating func nextBlock(now: Int64, draw: UInt64) -> (block: BlockOption, payload: [UInt8])? {
        let number: UInt32
        if !again.isEmpty {
            number = again.removeFirst()
        } else if next < count, now >= pausedUntil {
            number = next
            next += 1
            if next % timing.maxPayloads == 0 {
                pausedUntil = now + timing.timeout + timing.timeout / 2000 * Int64(draw % 1000)
            }
        } else {
            return nil
        }
        givesUpAt = now + timing.partialTimeout
        let start = Int(number) * size
        let end = min(body.count, start + size)
        return (BlockOption(number: number, more: number + 1 < count, exponent: exponent), Array(body[start..<end]))
    }

    /// The peer has all blocks up to this one.
    public mutating func confirm(upTo number: UInt32, now: Int64) {
        givesUpAt = now + timing.partialTimeout
        if number + 1 >= next { pausedUntil = .min }
    }

    /// The peer misses these. False where one of them has been sent too often.
    public mutating func misses(_ numbers: [UInt32], now: Int64) -> Bool {
        for number in numbers where number < count {
            guard number < next else {
                // All before it have come: it is the next set that is asked for.
                pausedUntil = .min
                continue
            }
            guard !again.contains(number) else { continue }
            let sent = repetitions[number, default: 0]
            guard sent < timing.maxRetransmit else { return false }
            repetitions[number] = sent + 1
            again.append(number)
        }
        givesUpAt = now + timing.partialTimeout
        return true
    }
}
