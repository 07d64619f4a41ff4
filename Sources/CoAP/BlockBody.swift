/// One body as its blocks come in (Block1, RFC 7959 section 2.3), in order: the place where the next one goes is its end.
public struct BlockBody: Equatable, Sendable {
    public enum Outcome: Equatable, Sendable {
        /// The request with its whole body.
        case whole(Request)
        /// The block was taken, or had been before: to be answered with this.
        case proceed(Response)
        /// Something is missing before it.
        case incomplete(Response)
        /// The body would be longer than it may be.
        case tooLarge(Response)
    }

    public let key: BlockKey
    public private(set) var bytes: [UInt8]

    /// - Parameter bytes: what came before a restart.
    public init(key: BlockKey, bytes: [UInt8] = []) {
        self.key = key
        self.bytes = bytes
    }

    /// - Parameters:
    ///   - request: one with this key, its block of the right size.
    ///   - exponent: of the largest block that we want; a peer that sends larger ones is told so.
    public mutating func take(_ request: Request, _ block: BlockOption, exponent: UInt8, mostBytes: Int) -> Outcome {
        let end = block.offset + request.payload.count
        if block.more, end <= bytes.count {
            // Once more what we have, under another message id: the answer to it got lost.
            return .proceed(Self.proceed(block, exponent))
        }
        guard block.offset == bytes.count else { return .incomplete(Self.incomplete(block)) }
        guard end <= mostBytes else { return .tooLarge(Self.tooLarge(mostBytes)) }
        bytes.append(contentsOf: request.payload)
        if block.more { return .proceed(Self.proceed(block, exponent)) }
        var whole = request
        whole.payload = bytes
        return .whole(whole)
    }

    private static func proceed(_ block: BlockOption, _ exponent: UInt8) -> Response {
        let wanted = BlockOption(number: block.number, more: true, exponent: min(block.exponent, exponent))
        return Response(.continue, options: [wanted.option(.block1)])
    }

    /// The answer to a block without those before it: the peer has to begin anew (RFC 7959 section 2.9.2).
    public static func incomplete(_ block: BlockOption) -> Response {
        Response(.requestEntityIncomplete, options: [block.option(.block1)])
    }

    public static func tooLarge(_ mostBytes: Int) -> Response {
        Response(.requestEntityTooLarge, options: [MessageOption(.size1, uint: UInt64(max(0, mostBytes)))])
    }
}
