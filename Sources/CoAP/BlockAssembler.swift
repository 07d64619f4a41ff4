/// Bodies that one peer sends block by block, until they are whole (Block1, RFC 7959 section 2.3 and 2.5). Bounded: what
/// is never finished expires, and goes before what came later.
public struct BlockAssembler: Sendable {
    public enum Outcome: Equatable, Sendable {
        /// The request with its whole body; one that came in a single message as it was.
        case whole(Request)
        /// Something is missing yet, or wrong: to be answered with this.
        case answer(Response)
    }

    private struct Body: Sendable {
        var body: BlockBody
        var expires: Int64
    }

    private var bodies: [Body] = []
    /// Bytes of unfinished bodies together, and thereby of each one.
    public let mostBytes: Int
    /// How long the next block may take: EXCHANGE_LIFETIME (RFC 7959 section 2.5), which grows with the link's timers.
    public let lifetime: Int64

    public init(mostBytes: Int, lifetime: Int64) {
        self.mostBytes = mostBytes
        self.lifetime = lifetime
    }

    public var bytesHeld: Int {
        var sum = 0
        for body in bodies { sum += body.body.bytes.count + body.body.key.count }
        return sum
    }

    public mutating func expire(now: Int64) {
        if bodies.contains(where: { $0.expires <= now }) { bodies.removeAll { $0.expires <= now } }
    }

    /// Forgets what has come of the body that this request belongs to.
    public mutating func discard(_ request: Request) {
        let key = BlockKey(request)
        bodies.removeAll { $0.body.key == key }
    }

    /// - Parameter exponent: of the largest block that we want; a peer that sends larger ones is told so.
    public mutating func take(_ request: Request, exponent: UInt8, now: Int64) -> Outcome {
        expire(now: now)
        guard let block = request.block(.block1) else { return .whole(request) }
        if let size = request.option(.size1)?.uint, size > UInt64(mostBytes) {
            discard(request)
            return .answer(BlockBody.tooLarge(mostBytes))
        }
        let key = BlockKey(request)
        var index = bodies.firstIndex { $0.body.key == key }
        if block.number == 0 {
            // A new body under the same key ends the old one.
            if let old = index { bodies.remove(at: old) }
            guard block.more else { return .whole(request) }
            bodies.append(Body(body: BlockBody(key: key), expires: 0))
            index = bodies.count - 1
        }
        guard let index else { return .answer(BlockBody.incomplete(block)) }
        switch bodies[index].body.take(request, block, exponent: exponent, mostBytes: mostBytes) {
        case .whole(let whole):
            bodies.remove(at: index)
            return .whole(whole)
        case .proceed(let response):
            bodies[index].expires = now + lifetime
            makeRoom()
            return .answer(response)
        case .incomplete(let response):
            return .answer(response)
        case .tooLarge(let response):
            bodies.remove(at: index)
            return .answer(response)
        }
    }

    private mutating func makeRoom() {
        // The newest stays: it is not larger than the bound by itself, its key aside.
        while bodies.count > 1, bytesHeld > mostBytes { bodies.removeFirst() }
    }
}
