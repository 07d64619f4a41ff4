/// A request of ours whose body, or whose answer's body, is longer than a message: one request after another (RFC 7959),
/// with Request-Tag (RFC 9175 section 3) and an Echo repeated that the server asks for (section 2.3).
///
/// The owner sends `first`, hands each answer to `receive`, and sends what that returns until it returns an end.
public struct BlockwiseTransfer: Sendable {
    public enum Step: Equatable, Sendable {
        /// To be sent next.
        case send(Request)
        /// The answer with its whole body.
        case done(Response)
        case failed(Failure)
    }

    public enum Failure: Equatable, Sendable {
        /// The answer changed while it was fetched, each time that it was begun anew.
        case changing
        /// The body of the answer exceeds what we take.
        case tooLarge
        /// The server's blocks do not fit together.
        case protocolViolation
    }

    private var request: Request
    /// Of the blocks that we send; a server may ask for smaller ones.
    private var exponent: UInt8
    private var sent = 0
    private var isSending: Bool
    private var received: [UInt8] = []
    private var receivedTag: [UInt8]?
    private var head: Response?
    private var echo: [UInt8]?
    private var echoesLeft = 2
    private var restartsLeft = 2
    private let mostBytes: Int

    /// - Parameters:
    ///   - exponent: of the block size that we would like, in both directions.
    ///   - requestTag: differs from those of our other transfers to the same resource that may not be over.
    ///   - mostBytes: that an answer may have.
    public init(_ request: Request, exponent: UInt8 = 6, requestTag: [UInt8]? = nil, mostBytes: Int = 65_536) {
        self.request = request
        self.exponent = min(exponent, 6)
        self.mostBytes = mostBytes
        isSending = request.payload.count > 16 << Int(self.exponent)
        if isSending, let requestTag { self.request.options.append(MessageOption(.requestTag, requestTag)) }
    }

    /// A transfer of an earlier run, all of it up to byte `sent` taken by the server.
    public init(_ request: Request, exponent: UInt8, resumingAt sent: Int) {
        self.init(request, exponent: exponent)
        isSending = true
        self.sent = sent
    }

    /// What a transfer in blocks is resumed from: the size of its blocks, and how far it has come.
    public var progress: (exponent: UInt8, sent: Int) { (exponent, sent) }

    public var first: Request { isSending ? block(at: 0) : plain(asking: exponent < 6) }

    public mutating func receive(_ response: Response) -> Step {
        if response.code == .unauthorized, let value = response.option(.echo)?.value, echoesLeft > 0 {
            echoesLeft -= 1
            echo = value
            if isSending { return .send(block(at: sent)) }
            return .send(received.isEmpty ? first : next())
        }
        return isSending ? received(duringUpload: response) : received(duringDownload: response)
    }

    // MARK: Block1

    private mutating func received(duringUpload response: Response) -> Step {
        let answered = response.block(.block1)
        switch response.code {
        case .continue:
            guard let answered else { return .failed(.protocolViolation) }
            let last = min(request.payload.count, sent + (16 << Int(exponent)))
            guard last < request.payload.count else { return .failed(.protocolViolation) }
            // The bytes that have been taken are those that we sent; the size may shrink from here on.
            sent = last
            exponent = min(exponent, answered.exponent)
            return .send(block(at: sent))
        case .requestEntityTooLarge:
            // RFC 7959 section 2.9.3: with a smaller size in it, an invitation to try again.
            guard let answered, answered.exponent < exponent, sent == 0 else { return .done(response) }
            exponent = answered.exponent
            return .send(block(at: 0))
        case .requestEntityIncomplete:
            guard restartsLeft > 0 else { return .done(response) }
            restartsLeft -= 1
            sent = 0
            return .send(block(at: 0))
        default:
            isSending = false
            return received(duringDownload: response)
        }
    }

    private func block(at offset: Int) -> Request {
        let size = 16 << Int(exponent)
        let end = min(request.payload.count, offset + size)
        var part = plain(asking: false)
        part.payload = Array(request.payload[offset..<end])
        part.options.append(
            BlockOption(
                number: UInt32(offset / size), more: end < request.payload.count, exponent: exponent
            ).option(.block1))
        if offset == 0 { part.options.append(MessageOption(.size1, uint: UInt64(request.payload.count))) }
        return part
    }

    private func plain(asking early: Bool) -> Request {
        var plain = request
        if let echo { plain.options.append(MessageOption(.echo, echo)) }
        if early { plain.options.append(BlockOption(number: 0, more: false, exponent: exponent).option(.block2)) }
        return plain
    }

    // MARK: Block2

    private mutating func received(duringDownload response: Response) -> Step {
        // A part must not be taken for the whole: SZX 7 is reserved (RFC 7959 section 2.2).
        if response.option(.block2) != nil, response.block(.block2) == nil { return .failed(.protocolViolation) }
        guard response.code.isSuccess, let block = response.block(.block2), block.number > 0 || block.more else {
            // One message holds it all; or what was begun has come to an end by an error.
            var whole = response
            whole.options.removeAll { $0.number == .block2 || $0.number == .size2 }
            return .done(whole)
        }
        let tag = response.option(.eTag)?.value
        if block.number == 0 {
            received = []
            receivedTag = tag
            head = response
        } else if tag != receivedTag {
            guard restartsLeft > 0 else { return .failed(.changing) }
            restartsLeft -= 1
            received = []
            return .send(next())
        }
        guard block.offset == received.count, !block.more || response.payload.count == block.size else {
            return .failed(.protocolViolation)
        }
        received.append(contentsOf: response.payload)
        guard received.count <= mostBytes else { return .failed(.tooLarge) }
        exponent = min(exponent, block.exponent)
        if block.more { return .send(next()) }
        guard var whole = head else { return .failed(.protocolViolation) }
        whole.options.removeAll { $0.number == .block2 || $0.number == .size2 }
        whole.payload = received
        return .done(whole)
    }

    /// Asks for the block that follows what has been received: without Observe, without the body (section 2.6, 2.7).
    private func next() -> Request {
        var next = plain(asking: false)
        // A FETCH asks by its body: one that was sent whole is sent with each block (RFC 8132 section 2.1).
        if request.method != .fetch || request.payload.count > 16 << Int(exponent) { next.payload = [] }
        next.options.removeAll { $0.number == .observe }
        next.options.append(
            BlockOption(number: UInt32(received.count >> Int(exponent + 4)), more: false, exponent: exponent)
                .option(.block2))
        return next
    }
}
