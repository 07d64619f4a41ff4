/// A body whose blocks come in any order, and what is said of those that do not come (RFC 9177 section 4.3, 4.4 and 7.2).
public struct RobustReceiver: Equatable, Sendable {
    public enum Outcome: Equatable, Sendable {
        /// All of it.
        case whole([UInt8])
        /// A set is complete, and all before it: the peer may go on after this block.
        case goOn(after: UInt32)
        /// These have to be sent again.
        case missing([UInt32])
        case nothing
        /// A block that does not fit to the others; or too much of it.
        case broken
        /// Asked for too often.
        case abandoned
    }

    /// Of its blocks.
    public let exponent: UInt8
    private let count: UInt32
    private let timing: RobustTiming
    private var body: [UInt8]
    private var has: [Bool]
    private var received: UInt32 = 0
    /// All before it are there.
    private var firstMissing: UInt32 = 0
    private var highest: UInt32 = 0
    private var attempts = 0
    /// The set whose gaps have been reported because a later one began.
    private var reportedBefore: UInt32 = 0
    /// When `handleTimeout` wants to be called.
    public private(set) var deadline: Int64

    /// - Parameter size: of the body, as the first block says (Size1, Size2); the caller has bounded it.
    public init(size: Int, exponent: UInt8, timing: RobustTiming, now: Int64) {
        self.exponent = min(exponent, 6)
        self.timing = timing
        let block = 16 << Int(self.exponent)
        let blocks = max(1, (max(0, size) + block - 1) / block)
        count = UInt32(clamping: blocks)
        body = [UInt8](repeating: 0, count: max(0, size))
        has = [Bool](repeating: false, count: blocks)
        deadline = now + timing.receiveTimeout
    }

    public var bytesHeld: Int { body.count + has.count }

    public mutating func take(_ block: BlockOption, _ payload: [UInt8], now: Int64) -> Outcome {
        let start = block.offset
        let isLast = block.number + 1 == count
        guard block.exponent == exponent, block.number < count, block.more != isLast,
            payload.count == min(block.size, body.count - start)
        else { return .broken }
        highest = max(highest, block.number)
        guard !has[Int(block.number)] else { return .nothing }
        for (index, byte) in payload.enumerated() { body[start + index] = byte }
        has[Int(block.number)] = true
        received += 1
        attempts = 0
        deadline = now + timing.receiveTimeout
        while firstMissing < count, has[Int(firstMissing)] { firstMissing += 1 }
        if received == count { return .whole(body) }
        let set = block.number / timing.maxPayloads * timing.maxPayloads
        if firstMissing < set, reportedBefore < set {
            // A later set has begun: what lacks of those before has been lost rather than late.
            reportedBefore = set
            return .missing(gaps(from: firstMissing, to: set))
        }
        if firstMissing % timing.maxPayloads == 0, firstMissing == highest + 1 { return .goOn(after: firstMissing - 1) }
        return .nothing
    }

    /// What lacks of the set that is under way, the part of it that was never seen too.
    public mutating func handleTimeout(now: Int64) -> Outcome {
        guard now >= deadline else { return .nothing }
        guard attempts < timing.maxRetransmit else { return .abandoned }
        attempts += 1
        // Time-to-Wait = NON_RECEIVE_TIMEOUT 2^(count - 1).
        deadline = now + timing.receiveTimeout << Int64(attempts)
        let reference = max(firstMissing, highest)
        let end = min(count, (reference / timing.maxPayloads + 1) * timing.maxPayloads)
        return .missing(gaps(from: firstMissing, to: end))
    }

    private func gaps(from start: UInt32, to end: UInt32) -> [UInt32] {
        var numbers: [UInt32] = []
        for number in start..<max(start, end) where !has[Int(number)] {
            numbers.append(number)
            // A report has to fit into a message; what does not is asked for next time.
            if numbers.count == Int(timing.maxPayloads) { break }
        }
        return numbers
    }
}
