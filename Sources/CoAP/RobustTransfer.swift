/// A request of ours whose body, or whose answer's body, is longer than a message, in blocks that nobody confirms one by one
/// (RFC 9177): Q-Block1 where the body is long, Q-Block2 for the answer.
///
/// The owner sends each request of `nextRequest` unconfirmed and under a token of its own, hands every answer to any of them to
/// `receive`, and calls `handleTimeout` at `deadline`, until there is an outcome.
public struct RobustTransfer: Sendable {
    public enum Outcome: Equatable, Sendable {
        /// The answer with its whole body.
        case done(Response)
        case failed(Failure)
    }

    public enum Failure: Equatable, Sendable {
        /// The server does not know the options (section 4.1): `BlockwiseTransfer` is for it.
        case notSupported
        /// The server fell silent, or blocks were asked for too often.
        case timeout
        case tooLarge
        /// The server's blocks do not fit together.
        case protocolViolation
    }

    private let request: Request
    private let exponent: UInt8
    private let timing: RobustTiming
    private let requestTag: [UInt8]
    private let mostBytes: Int
    private var sender: RobustSender?
    private var receiver: RobustReceiver?
    private var receivedTag: [UInt8]?
    private var head: Response?
    private var waiting: [Request] = []
    private var givesUpAt: Int64
    private var restartsLeft = 2
    /// When the first request is sent again, as long as nothing has come; how often it has been.
    private var asksAgainAt: Int64?
    private var asked = 0
    private var draw: UInt64
    private var isUpload: Bool { request.payload.count > 16 << Int(exponent) }
    public private(set) var outcome: Outcome?

    /// - Parameters:
    ///   - requestTag: differs from those of our other transfers to the same resource that may not be over.
    ///   - draw: any number that differs from run to run.
    public init(
        _ request: Request, exponent: UInt8 = 6, requestTag: [UInt8], timing: RobustTiming, mostBytes: Int = 65_536,
        draw: UInt64, now: Int64
    ) {
        self.request = request
        self.exponent = min(exponent, 6)
        self.timing = timing
        self.requestTag = requestTag
        self.mostBytes = mostBytes
        self.draw = draw
        givesUpAt = now + timing.partialTimeout
        if isUpload {
            sender = RobustSender(body: request.payload, exponent: self.exponent, timing: timing, now: now)
        } else {
            waiting = [asking([BlockOption(number: 0, more: true, exponent: self.exponent)])]
            asksAgainAt = now + timing.receiveTimeout
        }
    }

    public var deadline: Int64? {
        guard outcome == nil else { return nil }
        var earliest = max(givesUpAt, sender?.givesUpAt ?? .min)
        if let time = sender?.resumesAt { earliest = min(earliest, time) }
        if let asksAgainAt { earliest = min(earliest, asksAgainAt) }
        if let receiver { earliest = min(earliest, receiver.deadline) }
        return earliest
    }

    public mutating func nextRequest(now: Int64) -> Request? {
        guard outcome == nil else { return nil }
        if !waiting.isEmpty { return waiting.removeFirst() }
        draw = draw &* 0x5851_F42D_4C95_7F2D &+ 0x1405_7B7E_F767_814F
        guard let (block, payload) = sender?.nextBlock(now: now, draw: draw >> 33) else { return nil }
        var part = request
        part.payload = payload
        part.options.append(block.option(.qBlock1))
        part.options.append(MessageOption(.requestTag, requestTag))
        part.options.append(MessageOption(.size1, uint: UInt64(request.payload.count)))
        // The answer may be long as well.
        part.options.append(BlockOption(number: 0, more: true, exponent: exponent).option(.qBlock2))
        return part
    }

    public mutating func handleTimeout(now: Int64) {
        guard outcome == nil else { return }
        if var receiving = receiver {
            let result = receiving.handleTimeout(now: now)
            receiver = receiving
            act(on: result)
        }
        if let time = asksAgainAt, time <= now {
            asked += 1
            waiting.append(asking([BlockOption(number: 0, more: true, exponent: exponent)]))
            asksAgainAt = asked < timing.maxRetransmit ? now + timing.receiveTimeout << Int64(asked) : nil
        }
        guard outcome == nil, now >= max(givesUpAt, sender?.givesUpAt ?? .min) else { return }
        outcome = .failed(.timeout)
    }

    public mutating func receive(_ response: Response, now: Int64) {
        guard outcome == nil else { return }
        givesUpAt = now + timing.partialTimeout
        asksAgainAt = nil
        if response.code == .badOption {
            outcome = .failed(.notSupported)
        } else if sender != nil, response.code == .continue, let block = response.block(.qBlock1) {
            sender?.confirm(upTo: block.number, now: now)
        } else if sender != nil, response.code == .requestEntityIncomplete,
            response.option(.contentFormat)?.uint == MissingBlocks.contentFormat
        {
            guard let numbers = MissingBlocks.decoded(response.payload) else {
                outcome = .failed(.protocolViolation)
                return
            }
            if sender?.misses(numbers, now: now) == false { outcome = .failed(.timeout) }
        } else if let block = response.block(.qBlock2), response.code.isSuccess {
            receive(block, response, now: now)
        } else if response.code.isSuccess, response.option(.block2) != nil {
            // The two kinds do not mix (section 4.1), and a part is not to be taken for the whole.
            outcome = .failed(.protocolViolation)
        } else {
            outcome = .done(response)
        }
    }

    private mutating func receive(_ block: BlockOption, _ response: Response, now: Int64) {
        // The body of the request has arrived whole.
        sender = nil
        guard let size = response.option(.size2)?.uint, let tag = response.option(.eTag)?.value else {
            outcome = .failed(.protocolViolation)
            return
        }
        guard size <= UInt64(mostBytes) else {
            outcome = .failed(.tooLarge)
            return
        }
        if receiver == nil || tag != receivedTag {
            guard receiver == nil || restartsLeft > 0 else {
                outcome = .failed(.protocolViolation)
                return
            }
            if receiver != nil { restartsLeft -= 1 }
            receiver = RobustReceiver(size: Int(size), exponent: block.exponent, timing: timing, now: now)
            receivedTag = tag
            head = response
        }
        guard var receiving = receiver else { return }
        let result = receiving.take(block, response.payload, now: now)
        receiver = receiving
        act(on: result)
    }

    private mutating func act(on result: RobustReceiver.Outcome) {
        guard let size = receiver?.exponent else { return }
        switch result {
        case .whole(let body):
            guard var whole = head else { return }
            whole.options.removeAll { $0.number == .qBlock2 || $0.number == .size2 }
            whole.payload = body
            outcome = .done(whole)
        case .goOn(let number):
            waiting.append(asking([BlockOption(number: number + 1, more: true, exponent: size)]))
        case .missing(let numbers):
            waiting.append(asking(numbers.map { BlockOption(number: $0, more: false, exponent: size) }))
        case .nothing:
            break
        case .broken:
            outcome = .failed(.protocolViolation)
        case .abandoned:
            outcome = .failed(.timeout)
        }
    }

    /// A request for blocks of the answer: with M the rest of a set, without it this one.
    private func asking(_ blocks: [BlockOption]) -> Request {
        var asking = request
        if request.method != .fetch || isUpload, receiver != nil { asking.payload = [] }
        // What makes it a part of the same operation.
        if isUpload { asking.options.append(MessageOption(.requestTag, requestTag)) }
        if receiver != nil { asking.options.removeAll { $0.number == .observe } }
        for block in blocks { asking.options.append(block.option(.qBlock2)) }
        return asking
    }
}
