/// Bodies in blocks that nobody confirms one by one (RFC 9177).
extension ServerSession {
    /// Header, token and options of a message with a block, about.
    private static var blockOverhead: Int { 40 }

    private func timing(_ exponent: UInt8) -> RobustTiming {
        RobustTiming(endpoint.parameters, blockBytes: (16 << Int(exponent)) + Self.blockOverhead)
    }

    // MARK: Q-Block1

    /// Takes a block of a body, or a word about blocks of an answer. False: it is neither.
    mutating func receivesRobustly(_ request: Request, _ id: RequestID, now: Int64) -> Bool {
        if let block = request.block(.qBlock1) {
            receive(block, request, id, now: now)
            return true
        }
        guard request.option(.qBlock2) != nil else { return false }
        return continues(request, id, now: now)
    }

    private mutating func receive(_ block: BlockOption, _ request: Request, _ id: RequestID, now: Int64) {
        // Both stand in every block (section 4.3): the size bounds the body, the tag tells it from others.
        guard let size = request.option(.size1)?.uint, request.option(.requestTag) != nil else {
            finish(id, request, Response(.badRequest), now: now)
            return
        }
        guard size <= UInt64(limits.bodyBytes) else {
            finish(id, request, BlockBody.tooLarge(limits.bodyBytes), now: now)
            return
        }
        var held = bodies
        defer { bodies = held }
        let key = BlockKey(request)
        if !held.uploads.contains(where: { $0.key == key }) {
            let receiver = RobustReceiver(
                size: Int(size), exponent: block.exponent, timing: timing(block.exponent), now: now)
            held.uploads.append(ServerBodies.Upload(key: key, receiver: receiver, token: id.token, expires: 0))
            held.makeRoom()
        }
        guard let index = held.uploads.firstIndex(where: { $0.key == key }) else { return }
        held.uploads[index].token = id.token
        held.uploads[index].expires = now + timing(block.exponent).partialTimeout
        let outcome = held.uploads[index].receiver.take(block, request.payload, now: now)
        switch outcome {
        case .whole(let body):
            held.uploads.remove(at: index)
            var whole = request
            whole.payload = body
            whole.options.removeAll { $0.number == .qBlock1 || $0.number == .size1 }
            ask(whole, id)
        case .broken, .abandoned:
            held.uploads.remove(at: index)
            endpoint.answer(id, Response(.badRequest), now: now)
        case .nothing:
            endpoint.endWithoutAnswer(id)
        case .goOn, .missing:
            endpoint.answer(id, Self.word(outcome, block.exponent), now: now)
        }
    }

    /// What is said of a body on its way: 2.31, or 4.08 with the numbers of what is missing.
    private static func word(_ outcome: RobustReceiver.Outcome, _ exponent: UInt8) -> Response {
        switch outcome {
        case .goOn(let number):
            let block = BlockOption(number: number, more: true, exponent: exponent)
            return Response(.continue, options: [block.option(.qBlock1)])
        case .missing(let numbers):
            return Response(
                .requestEntityIncomplete,
                options: [MessageOption(.contentFormat, uint: MissingBlocks.contentFormat)],
                payload: MissingBlocks.encoded(numbers))
        default:
            return Response(.badRequest)
        }
    }

    // MARK: Q-Block2

    /// Sends an answer in blocks, where it was asked for so and is long. False: it goes as any other.
    mutating func answersRobustly(_ id: RequestID, _ request: Request, _ response: Response, now: Int64) -> Bool {
        guard let asked = request.block(.qBlock2), response.code.isSuccess, isAddressProved,
            response.payload.count <= limits.bodyBytes, !response.payload.isEmpty
        else { return false }
        let exponent = min(asked.exponent, blockExponent)
        var head = response
        head.payload = []
        if head.option(.eTag) == nil {
            head.options.append(MessageOption(.eTag, BlockSlicer.tag(of: response.payload)))
        }
        head.options.append(MessageOption(.size2, uint: UInt64(response.payload.count)))
        var sender = RobustSender(
            body: response.payload, exponent: exponent, timing: timing(exponent),
            first: asked.more ? asked.number : nil, now: now)
        guard asked.number == 0 || (asked.number < sender.count && asked.exponent == exponent) else {
            endpoint.answer(id, Response(.badRequest), now: now)
            return true
        }
        if !asked.more {
            // Without M a request is for the blocks that it names alone (section 4.4).
            _ = sender.misses(Self.blocks(of: request).map { $0.number }, now: now)
        }
        let key = BlockKey(request)
        var held = bodies
        held.downloads.removeAll { $0.key == key }
        held.downloads.append(ServerBodies.Download(key: key, head: head, sender: sender, token: id.token))
        held.makeRoom()
        // The first block is the answer that is owed.
        if let (block, payload) = held.downloads[held.downloads.count - 1].sender.nextBlock(now: now, draw: 0) {
            endpoint.answer(id, Self.part(head, block, payload), now: now)
        }
        bodies = held
        sendBlocks(now: now)
        return true
    }

    private static func part(_ head: Response, _ block: BlockOption, _ payload: [UInt8]) -> Response {
        var part = head
        part.payload = payload
        part.options.append(block.option(.qBlock2))
        if block.number > 0 { part.options.removeAll { $0.number == .observe } }
        return part
    }

    private static func blocks(of request: Request) -> [BlockOption] {
        var blocks: [BlockOption] = []
        for option in request.options where option.number == .qBlock2 {
            if let block = BlockOption(option) { blocks.append(block) }
        }
        return blocks
    }

    /// A request about blocks of an answer that is on its way. False: no such answer is, or it is asked for anew.
    private mutating func continues(_ request: Request, _ id: RequestID, now: Int64) -> Bool {
        let blocks = Self.blocks(of: request)
        let key = BlockKey(request)
        var held = bodies
        guard let first = blocks.first, !(first.number == 0 && first.more),
            let index = held.downloads.firstIndex(where: { $0.key == key }),
            blocks.allSatisfy({ $0.exponent == held.downloads[index].sender.exponent })
        else {
            // What is no safe request must not be run for the sake of a block.
            guard !request.method.isSafe, let first = blocks.first, first.number > 0 else { return false }
            endpoint.answer(id, Response(.requestEntityIncomplete), now: now)
            return true
        }
        held.downloads[index].token = id.token
        var isHonest = true
        for block in blocks {
            if block.more, block.number > 0 {
                held.downloads[index].sender.confirm(upTo: block.number - 1, now: now)
            } else {
                isHonest = held.downloads[index].sender.misses([block.number], now: now) && isHonest
            }
        }
        if !isHonest { held.downloads.remove(at: index) }
        bodies = held
        endpoint.endWithoutAnswer(id)
        sendBlocks(now: now)
        return true
    }

    private mutating func sendBlocks(now: Int64) {
        var held = bodies
        for index in held.downloads.indices {
            let draw = UInt64(truncatingIfNeeded: endpoint.drawJitter())
            while let (block, payload) = held.downloads[index].sender.nextBlock(now: now, draw: draw) {
                let part = Self.part(held.downloads[index].head, block, payload)
                try? endpoint.sendUnconfirmed(part, token: held.downloads[index].token)
            }
        }
        bodies = held
    }

    // MARK: Time

    mutating func handleRobustTimeout(now: Int64) {
        var held = bodies
        var gone: [Int] = []
        for index in held.uploads.indices where held.uploads[index].receiver.deadline <= now {
            let outcome = held.uploads[index].receiver.handleTimeout(now: now)
            switch outcome {
            case .missing:
                let word = Self.word(outcome, held.uploads[index].receiver.exponent)
                // A word to an address that may be somebody else's, and unasked for, is an attack on it.
                if isAddressProved { try? endpoint.sendUnconfirmed(word, token: held.uploads[index].token) }
            default:
                gone.append(index)
            }
        }
        for index in gone.reversed() { held.uploads.remove(at: index) }
        bodies = held
        sendBlocks(now: now)
    }
}

extension Endpoint {
    /// Answers as far as the answer can be written.
    mutating func answer(_ id: IncomingRequest.ID, _ response: Response, now: Int64) {
        try? respond(to: id, response, confirmably: true, now: now)
    }
}
