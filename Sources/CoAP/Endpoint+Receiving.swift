extension Endpoint {
    /// Takes one datagram of the peer (RFC 7252 section 4.2 and 4.3).
    ///
    /// - Parameters:
    ///   - addedBytes: what the channel below added to it beyond what it adds to each: a handshake's.
    ///   - isUnique: the channel below tells copies from new messages, and answers them: a request is not looked for among
    ///   earlier ones, whose message ids may be of another numbering, nor remembered when it has been answered.
    public mutating func receive(_ datagram: [UInt8], addedBytes: Int = 0, isUnique: Bool = false, now: Int64) {
        forget(now: now)
        let message: Message
        do throws(MessageError) {
            message = try Message(decoding: datagram)
        } catch {
            // A confirmable message that cannot be processed is rejected by a reset, everything else is ignored.
            if case .formatError(_, .confirmable, let messageID) = error {
                transmitEmpty(.reset, messageID, answering: nil)
            }
            return
        }
        heard(now: now)
        switch (message.type, message.code) {
        case (.acknowledgement, .empty): acknowledged(message.messageID, now: now)
        case (.acknowledgement, let code) where code.isResponse:
            piggybacked(message, bytes: datagram.count + addedBytes, now: now)
        case (.reset, .empty): reset(message.messageID)
        case (.confirmable, .empty): transmitEmpty(.reset, message.messageID, answering: nil)
        case (.confirmable, let code) where code.isRequest, (.nonConfirmable, let code) where code.isRequest:
            receive(request: message, isUnique: isUnique, now: now)
        case (.confirmable, let code) where code.isResponse, (.nonConfirmable, let code) where code.isResponse:
            receive(response: message, digest: Self.digest(datagram), now: now)
        default: break
        }
    }

    /// Answers a request; the answer is kept for repetitions of the request. Piggybacked on the acknowledgement where
    /// none has left yet, otherwise as a confirmable message of its own (RFC 7252 section 5.2).
    ///
    /// - Parameter confirmably: false has a separate answer leave once only and unconfirmed: towards an address that is
    ///   not known to be the peer's own, repetitions are an attack on somebody else.
    public mutating func respond(
        to id: IncomingRequest.ID, _ response: Response, confirmably: Bool = true, now: Int64
    ) throws(MessageError) {
        guard let index = log.pendingIndex(of: id) else { return }
        let request = log.pending[index]
        if request.isConfirmable && request.isAcknowledged {
            if confirmably {
                _ = try enqueue(
                    role: .response, code: response.code, options: response.options, payload: response.payload,
                    token: id.token, answerBytes: nil, observes: false)
            } else {
                let message = Message(
                    type: .nonConfirmable, code: response.code, messageID: takeMessageID(), token: id.token,
                    options: response.options, payload: response.payload)
                transmit(try message.encoded(), answering: id)
            }
            log.finish(index, .acknowledgement, memory: Self.answerMemory)
            return
        }
        let message = Message(
            type: request.isConfirmable ? .acknowledgement : .nonConfirmable, code: response.code,
            messageID: request.isConfirmable ? id.messageID : takeMessageID(), token: id.token,
            options: response.options, payload: response.payload)
        let bytes = try message.encoded()
        log.finish(index, .answer(bytes), memory: Self.answerMemory)
        transmit(bytes, answering: id)
    }

    /// Acknowledges a request before its time: its answer is known to take long, and comes as a message of its own.
    public mutating func acknowledge(_ id: IncomingRequest.ID) {
        if log.acknowledge(id) { transmitEmpty(.acknowledgement, id.messageID, answering: id) }
    }

    /// Ends a request without an answer: the client does not want any (RFC 7967), or it was unconfirmed and is ignored
    /// (RFC 7252 section 4.3). A confirmable one is acknowledged all the same.
    public mutating func endWithoutAnswer(_ id: IncomingRequest.ID) {
        guard let index = log.pendingIndex(of: id) else { return }
        let request = log.pending[index]
        if request.isConfirmable, !request.isAcknowledged {
            transmitEmpty(.acknowledgement, id.messageID, answering: id)
        }
        log.finish(index, request.isConfirmable ? .acknowledgement : .silence, memory: Self.answerMemory)
    }

    /// Puts back an answer from before a restart, so that a repetition of its request is answered and not run again.
    public mutating func restore(answer: [UInt8], to id: IncomingRequest.ID, expires: Int64) {
        log.keep(id, isSafe: false, .answer(answer), expires: expires, memory: Self.answerMemory)
    }

    private mutating func receive(request message: Message, isUnique: Bool, now: Int64) {
        let id = IncomingRequest.ID(messageID: message.messageID, token: message.token)
        let isConfirmable = message.type == .confirmable
        switch isUnique ? .unknown : log.search(id.messageID, now: now) {
        case .pending(let index):
            // The answer is on its way; until then there is nothing new to say.
            guard log.pending[index].isAcknowledged else { return }
            transmitEmpty(.acknowledgement, id.messageID, answering: log.pending[index].id)
            return
        case .answered(let known, .answer(let answer)):
            transmit(answer, answering: known)
            return
        case .answered(let known, .acknowledgement):
            transmitEmpty(.acknowledgement, id.messageID, answering: known)
            return
        case .answered(_, .forgotten):
            // To say nothing would have the client repeat it; a reset is what it learns soonest of all.
            if isConfirmable { transmitEmpty(.reset, id.messageID, answering: nil) }
            return
        case .answered(_, .silence), .answered(_, .runAgain):
            return
        case .unknown:
            break
        }
        // Whoever has that many unanswered requests under way will repeat this one.
        guard log.pending.count < RequestLog.mostPending else { return }
        log.append(
            RequestLog.Pending(
                id: id, isConfirmable: isConfirmable, isSafe: message.code.isSafe, isUnique: isUnique,
                isAcknowledged: false,
                expires: now + parameters.exchangeLifetime,
                acknowledgeAt: isConfirmable ? now + parameters.emptyAcknowledgementAfter : nil))
        events.append(
            .request(
                IncomingRequest(
                    id: id, isConfirmable: isConfirmable,
                    request: Request(message.code, options: message.options, payload: message.payload))))
    }

    private mutating func acknowledged(_ messageID: UInt16, now: Int64) {
        guard let index = index(awaiting: messageID) else { return }
        // The acknowledgement of a request may have waited for its answer; those of answers leave at once.
        if outgoing[index].role != .request { measure(outgoing[index], answerBytes: 4, now: now) }
        switch outgoing[index].role {
        case .request:
            let wait = parameters.maxTransmitWait(answerBytes: outgoing[index].answerBytes)
            outgoing[index].state = .acknowledged(until: now + wait)
        case .response:
            outgoing.remove(at: index)
        case .notification where takeSuccessor(index):
            // The old state has arrived; the newer one is a notification of its own now.
            outgoing[index].repetitions = 0
            outgoing[index].state = .waiting
        case .notification:
            events.append(.notificationDelivered(outgoing.remove(at: index).handle))
        case .ping:
            // Not the reset that the RFC asks for, but a sign of life all the same.
            events.append(.pong(outgoing.remove(at: index).handle))
        }
        startWaiting()
    }

    private mutating func piggybacked(_ message: Message, bytes: Int, now: Int64) {
        // The token too has to match (RFC 7252 section 5.3.2).
        guard let index = index(awaiting: message.messageID), outgoing[index].role == .request,
            outgoing[index].token == message.token
        else { return }
        measure(outgoing[index], answerBytes: bytes, now: now)
        complete(index, message)
    }

    private mutating func receive(response message: Message, digest: UInt64, now: Int64) {
        let isConfirmable = message.type == .confirmable
        // A copy gets what the first one got (RFC 7252 section 4.2 and 4.3), and is no second answer: its token may have
        // been given to another request since.
        for known in received where known.messageID == message.messageID && known.digest == digest {
            if isConfirmable {
                transmitEmpty(known.wasTaken ? .acknowledgement : .reset, message.messageID, answering: nil)
            }
            return
        }
        let index = outgoing.firstIndex { isAwaited($0, by: message.token) }
        received.append(
            Received(
                messageID: message.messageID, digest: digest, wasTaken: index != nil,
                expires: now + parameters.exchangeLifetime))
        if received.count > Self.receivedMemory { received.removeFirst() }
        guard let index else {
            // Nobody waits for it: a reset ends an observation that we no longer keep (RFC 7641 section 3.6).
            if isConfirmable { transmitEmpty(.reset, message.messageID, answering: nil) }
            return
        }
        if isConfirmable { transmitEmpty(.acknowledgement, message.messageID, answering: nil) }
        complete(index, message)
    }

    /// FNV-1a: tells a copy from another message under the same id, which a peer that restarts may pick again.
    private static func digest(_ bytes: [UInt8]) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return hash
    }

    private func isAwaited(_ message: Outgoing, by token: [UInt8]) -> Bool {
        guard message.role == .request, message.token == token else { return false }
        switch message.state {
        case .awaitingAnswer, .acknowledged, .observing, .leaving, .unconfirmed: return true
        // A registration that is made anew goes on under its token.
        case .waiting: return message.observes && message.isRegistered
        case .probing, .between: return false
        }
    }

    private mutating func complete(_ index: Int, _ message: Message) {
        let response = Response(message.code, options: message.options, payload: message.payload)
        let handle = outgoing[index].handle
        if outgoing[index].observes, message.code.isSuccess, response.observe != nil {
            events.append(.notification(handle, response))
            // While a new registration is under way only its own acknowledgement ends that; an end that is under way
            // waits for the answer without Observe.
            var isOwnAnswer = message.type == .acknowledgement || !outgoing[index].isRegistered
            if case .acknowledged = outgoing[index].state { isOwnAnswer = true }
            outgoing[index].isRegistered = true
            if isOwnAnswer, !outgoing[index].deregisters { outgoing[index].state = .observing }
        } else if outgoing[index].continues {
            if case .unconfirmed = outgoing[index].state {} else { outgoing[index].state = .between }
            events.append(.response(handle, response))
        } else {
            outgoing.remove(at: index)
            events.append(.response(handle, response))
        }
        startWaiting()
    }

    private mutating func reset(_ messageID: UInt16) {
        guard let index = index(awaiting: messageID) ?? outgoing.firstIndex(where: { $0.formerMessageID == messageID })
        else {
            resetUnconfirmed(messageID)
            return
        }
        let message = outgoing.remove(at: index)
        if message.role == .ping { events.append(.pong(message.handle)) } else { give(up: message, .reset) }
        startWaiting()
    }

    private func index(awaiting messageID: UInt16) -> Int? {
        outgoing.firstIndex { message in
            guard message.messageID == messageID else { return false }
            switch message.state {
            case .awaitingAnswer, .leaving, .unconfirmed: return true
            case .waiting, .acknowledged, .observing, .probing, .between: return false
            }
        }
    }

    private mutating func forget(now: Int64) {
        log.forget(now: now)
        if received.contains(where: { $0.expires <= now }) { received.removeAll { $0.expires <= now } }
    }
}
