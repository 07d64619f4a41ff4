/// Answers that are too long for one message, handed out block by block (Block2, RFC 7959 section 2.4), for one peer.
/// Bounded: what is not fetched expires, and goes before what came later.
public struct BlockSlicer: Sendable {
    private struct Body: Sendable {
        var key: BlockKey
        var response: Response
        var expires: Int64
    }

    private var bodies: [Body] = []
    public let mostBytes: Int
    public let lifetime: Int64

    public init(mostBytes: Int, lifetime: Int64) {
        self.mostBytes = mostBytes
        self.lifetime = lifetime
    }

    public var bytesHeld: Int {
        var sum = 0
        for body in bodies { sum += body.response.payload.count + body.key.count }
        return sum
    }

    public mutating func expire(now: Int64) {
        if bodies.contains(where: { $0.expires <= now }) { bodies.removeAll { $0.expires <= now } }
    }

    /// A later block of an answer that is in memory; nil where the resource has to be asked.
    public mutating func laterBlock(for request: Request, exponent: UInt8, now: Int64) -> Response? {
        expire(now: now)
        guard let block = request.block(.block2), block.number > 0 else { return nil }
        let key = BlockKey(request)
        guard let index = bodies.firstIndex(where: { $0.key == key }) else {
            // What is no safe request must not be run for the sake of a block (RFC 7959 section 2.4, 2.7).
            return request.method.isSafe ? nil : Response(.requestEntityIncomplete)
        }
        return slice(bodies[index].response, request, block, exponent)
    }

    /// The part of `response` that the request asks for, or the first where it is too long for one message. The whole is
    /// kept for the requests that follow.
    public mutating func cut(
        _ response: Response, for request: Request, exponent: UInt8, now: Int64
    ) -> Response {
        let asked = request.block(.block2)
        let block = asked ?? BlockOption(number: 0, more: false, exponent: exponent)
        let size = 16 << Int(min(block.exponent, exponent))
        guard block.number > 0 || response.payload.count > size else {
            guard asked != nil, !response.payload.isEmpty else { return response }
            return slice(response, request, block, exponent)
        }
        var whole = response
        if whole.option(.eTag) == nil, whole.code.isSuccess {
            // So that blocks of two states are never put together (RFC 7959 section 2.4).
            whole.options.append(MessageOption(.eTag, Self.tag(of: whole.payload)))
        }
        let key = BlockKey(request)
        bodies.removeAll { $0.key == key }
        if whole.payload.count + key.count <= mostBytes {
            bodies.append(Body(key: key, response: whole, expires: now + lifetime))
            while bytesHeld > mostBytes { bodies.removeFirst() }
        }
        return slice(whole, request, block, exponent)
    }

    private func slice(
        _ whole: Response, _ request: Request, _ asked: BlockOption, _ exponent: UInt8
    ) -> Response {
        let used = min(asked.exponent, exponent)
        // A smaller size than asked for: the same place in the body has a higher number.
        let number = asked.number << UInt32(asked.exponent - used)
        let offset = Int(number) << Int(used + 4)
        guard offset < whole.payload.count || number == 0, number < BlockOption.mostBlocks else {
            return Response(.badRequest)
        }
        let end = min(whole.payload.count, offset + (16 << Int(used)))
        var part = whole
        part.payload = Array(whole.payload[offset..<end])
        part.options.append(
            BlockOption(number: number, more: end < whole.payload.count, exponent: used).option(.block2))
        // RFC 7959 section 4: a Size2 of the client asks for ours; in the first block it is worth its bytes anyway.
        if request.option(.size2) != nil {
            part.options.append(MessageOption(.size2, uint: UInt64(whole.payload.count)))
        }
        if number > 0 { part.options.removeAll { $0.number == .observe } }
        return part
    }

    static func tag(of bytes: [UInt8]) -> [UInt8] {
        var hash: UInt32 = 0x811C_9DC5
        for byte in bytes { hash = (hash ^ UInt32(byte)) &* 0x0100_0193 }
        return [UInt8(hash >> 24), UInt8(hash >> 16 & 0xFF), UInt8(hash >> 8 & 0xFF), UInt8(hash & 0xFF)]
    }
}
