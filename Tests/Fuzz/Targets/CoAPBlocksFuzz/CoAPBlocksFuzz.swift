internal import CoAP
internal import FuzzSupport

/// Bodies in blocks, of both kinds (RFC 7959, RFC 9177). The input is a script: each step's first byte says what happens, the
/// rest of it what comes along. A client's transfer and a server's session get each other's messages, late, twice or not at
/// all, forged ones, and time that passes. As long as nothing is forged, what arrives is what was sent.
enum CoAPBlocksFuzz: FuzzTarget {
    static func run(_ input: [UInt8]) -> String? {
        var transfer = BlocksTransfer(script: Script(Array(input.prefix(4_096))))
        return transfer.run()
    }
}

private struct BlocksTransfer {
    static var mostBytes: Int { 4_096 }

    var script: Script
    var client = Endpoint(parameters: .rfc7252, seed: 1, firstMessageID: 0)
    var server = ServerSession(
        endpoint: Endpoint(parameters: .rfc7252, seed: 2, firstMessageID: 0), limits: .init(bodyBytes: mostBytes))
    var robust: RobustTransfer?
    var blockwise: BlockwiseTransfer?
    var handles: [Endpoint.Handle] = []
    var request = Request(.get)
    var answer: [UInt8] = []
    var toServer: [[UInt8]] = []
    var toClient: [[UInt8]] = []
    var now: Int64 = 0
    var isForged = false
    var starts: UInt8 = 0
    var fault: String?

    static func body(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 / 256) } }

    mutating func run() -> String? {
        while !script.isAtEnd, fault == nil {
            let step = script.byte()
            switch step & 7 {
            case 0: start(isRobust: step & 8 != 0, isUpload: step & 16 != 0)
            case 1: if !toServer.isEmpty { server.receive(toServer.removeFirst(), now: now) }
            case 2: if !toClient.isEmpty { client.receive(toClient.removeFirst(), now: now) }
            case 3: pass(Int64(script.byte()) << Int64(script.byte() % 32))
            case 4: loseOrRepeat(step)
            case 5: forgeRequest(step)
            case 6: forgeResponse(step)
            default:
                for datagram in toServer { server.receive(datagram, now: now) }
                toServer = []
                pump()
                for datagram in toClient { client.receive(datagram, now: now) }
                toClient = []
            }
            pump()
            // Four kinds of unfinished bodies, with a bit for each block and a key for each body.
            if server.bodyBytesHeld > 5 * Self.mostBytes + 4_096 { return "more memory than allowed" }
        }
        return fault
    }

    private mutating func start(isRobust: Bool, isUpload: Bool) {
        // With many more, or more blocks, tokens of transfers that nobody waits for come round again.
        guard starts < 4 else { return }
        starts += 1
        for handle in handles { client.cancel(handle) }
        handles = []
        robust = nil
        blockwise = nil
        // What is on its way belongs to another transfer.
        toServer = []
        toClient = []
        let exponent = script.byte() % 7
        let count = Int(script.byte()) * (exponent < 2 ? 3 : 16) + Int(script.byte() & 15)
        answer = Self.body(isUpload ? 5 : count)
        // A path of its own, so that nothing of the transfer before is taken for a part of this one.
        let path = [starts]
        request =
            isUpload
            ? Request(.put, path: [path], payload: Self.body(count)) : Request(.get, path: [path])
        if isRobust {
            let timing = RobustTiming(.rfc7252, blockBytes: 100)
            robust = RobustTransfer(
                request, exponent: exponent, requestTag: path, timing: timing, mostBytes: Self.mostBytes, draw: 7,
                now: now)
        } else {
            let transfer = BlockwiseTransfer(
                request, exponent: exponent, requestTag: path, mostBytes: Self.mostBytes)
            send(transfer.first)
            blockwise = transfer
        }
    }

    private mutating func send(_ request: Request, robustly: Bool = false) {
        guard
            let handle = try? client.start(request, confirmable: !robustly, continues: robustly, now: now)
        else { return }
        handles.append(handle)
    }

    private mutating func pass(_ time: Int64) {
        now += time
        client.handleTimeout(now: now)
        server.handleTimeout(now: now)
        robust?.handleTimeout(now: now)
    }

    private mutating func loseOrRepeat(_ step: UInt8) {
        switch step >> 3 & 3 {
        case 0: toServer = Array(toServer.dropFirst())
        case 1: toClient = Array(toClient.dropFirst())
        case 2: if let first = toServer.first { toServer.append(first) }
        default: if let first = toClient.first { toClient.append(first) }
        }
    }

    private mutating func options() -> [MessageOption] {
        let numbers: [OptionNumber] = [
            .qBlock1, .qBlock2, .block1, .block2, .size1, .size2, .requestTag, .eTag, .contentFormat, .echo,
        ]
        var options: [MessageOption] = []
        for _ in 0..<(script.byte() % 6) {
            options.append(MessageOption(numbers[Int(script.byte()) % numbers.count], script.bytes()))
        }
        return options
    }

    private mutating func forgeRequest(_ step: UInt8) {
        isForged = true
        let message = Message(
            type: step & 8 == 0 ? .confirmable : .nonConfirmable, code: Code(0, script.byte() % 8),
            messageID: UInt16(script.byte()), token: [script.byte()],
            options: [MessageOption(.uriPath, [script.byte() & 1])] + options(), payload: script.bytes())
        if let bytes = try? message.encoded() { server.receive(bytes, now: now) }
    }

    private mutating func forgeResponse(_ step: UInt8) {
        isForged = true
        let response = Response(Code(rawValue: script.byte()), options: options(), payload: script.bytes())
        robust?.receive(response, now: now)
        continueBlockwise(response)
    }

    private mutating func continueBlockwise(_ response: Response) {
        guard var transfer = blockwise else { return }
        let step = transfer.receive(response)
        blockwise = transfer
        switch step {
        case .send(let next): send(next)
        case .done(let whole):
            blockwise = nil
            check(whole)
        case .failed: blockwise = nil
        }
    }

    private mutating func check(_ response: Response) {
        guard !isForged, response.code.isSuccess else { return }
        if response.payload != answer { fault = "another body came back" }
    }

    private mutating func pump() {
        while let event = server.nextEvent() {
            guard case .request(let id, let whole) = event else { continue }
            if !isForged, whole.payload != request.payload { fault = "another body got there" }
            let code: Code = whole.method == .get ? .content : .changed
            server.respond(to: id, Response(code, payload: answer), now: now)
        }
        while let next = robust?.nextRequest(now: now) { send(next, robustly: true) }
        while let transmission = server.nextTransmission() {
            if let bytes = bytes(of: transmission, server.endpoint) { toClient.append(bytes) }
            if transmission.isConfirmable { server.endpoint.sent(transmission.handle, lastBitAt: now) }
        }
        while let event = client.nextEvent() {
            guard case .response(let handle, let response) = event, handles.contains(handle) else { continue }
            robust?.receive(response, now: now)
            continueBlockwise(response)
        }
        if case .done(let whole)? = robust?.outcome {
            robust = nil
            check(whole)
        }
        while let transmission = client.nextTransmission() {
            if let bytes = bytes(of: transmission, client) { toServer.append(bytes) }
            if transmission.isConfirmable { client.sent(transmission.handle, lastBitAt: now) }
        }
        toServer = Array(toServer.suffix(64))
        toClient = Array(toClient.suffix(64))
    }

    private func bytes(of transmission: Endpoint.Transmission, _ endpoint: Endpoint) -> [UInt8]? {
        switch transmission.content {
        case .message(let bytes): bytes
        case .again: endpoint.message(of: transmission.handle)
        }
    }
}

#if FUZZING
    @_cdecl("LLVMFuzzerTestOneInput")
    public func fuzzOneInput(_ data: UnsafePointer<UInt8>?, _ count: Int) -> Int32 { CoAPBlocksFuzz.feed(data, count) }
#endif
