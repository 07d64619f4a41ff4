extension Endpoint {
    /// Takes one datagram of the peer (RFC 7252 section 4.2 and 4.3).
    public mutating func receive(_ datagram: [UInt8], now: Int64) {
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
        switch (message.type, message.code) {
        case (.acknowledgement, .empty): acknowledged(message.messageID, now: now)
        case (.acknowledgement, let code) where code.isResponse: piggybacked(message, now: now)
        case (.reset, .empty): reset(message.messageID)
        case (.confirmable, .empty): transmitEmpty(.reset, message.messageID, answering: nil)
        case (.confirmable, let code) where code.isRequest, (.nonConfirmable, let code) where code.isRequest:
            receive(request: message, now: now)
        case (.confirmable, let code) where code.isResponse, (.nonConfirmable, let code) where code.isResponse:
            receive(response: message, digest: Self.digest(datagram), now: now)
        default: break
        }
    }

    /// Answers a request; the answer is kept for repetitions of the request. Piggybacked on the acknowledgement where
    /// none has left yet, otherwise as a confirmable message of its own (RFC 7252 section 5.2).
    public mutating func respond(to id: IncomingRequest.ID, _ response: Response, now: Int64) throws(MessageError) {
        guard let index = answered.firstIndex(where: { $0.id == id && $0.answer == nil }) else { return }
        let request = answered[index]
        if request.isConfirmable && request.acknowledged {
            _ = try enqueue(
                role: .response, code: response.code, options: response.options, payload: response.payload,
                token: id.token, answerBytes: nil, observes: false)
            answered[index].answer = []
            return
        }
        let message = Message(
            type: request.isConfirmable ? .acknowledgement : .nonConfirmable, code: response.code,
            messageID: request.isConfirmable ? id.messageID : takeMessageID(), token: id.token,
            options: response.options, payload: response.payload)
        let bytes = try message.encoded()
        let handle = takeHandle()
        answered[index].answer = bytes
        answered[index].handle = handle
        answered[index].acknowledgeAt = nil
        answered[index].acknowledged = true
        transmissions.append(
            Transmission(handle: handle, content: .message(bytes), answering: id, isConfirmable: false))
        boundAnswerMemory()
    }

    /// Puts back an answer from before a restart, so that a repetition of its request is answered and not run again.
    public mutating func restore(answer: [UInt8], to id: IncomingRequest.ID, expires: Int64) {
        answered.append(
            Answered(
                id: id, isConfirmable: true, acknowledged: true, answer: answer, handle: takeHandle(),
                expires: expires, acknowledgeAt: nil))
        boundAnswerMemory()
    }

    private mutating func receive(request message: Message, now: Int64) {
        let id = IncomingRequest.ID(messageID: message.messageID, token: message.token)
        if let known = answered.first(where: { $0.id.messageID == id.messageID }) {
            if let answer = known.answer, !answer.isEmpty {
                transmissions.append(
                    Transmission(
                        handle: takeHandle(), content: .message(answer), answering: known.id, isConfirmable: false))
            } else if known.acknowledged, known.isConfirmable {
                transmitEmpty(.acknowledgement, id.messageID, answering: known.id)
            }
            return
        }
        let isConfirmable = message.type == .confirmable
        answered.append(
            Answered(
                id: id, isConfirmable: isConfirmable, acknowledged: false, answer: nil, handle: 0,
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
        switch outgoing[index].role {
        case .request:
            let wait = parameters.maxTransmitWait(answerBytes: outgoing[index].answerBytes)
            outgoing[index].state = .acknowledged(until: now + wait)
        case .response:
            outgoing.remove(at: index)
        case .notification:
            events.append(.notificationDelivered(outgoing.remove(at: index).handle))
        case .ping:
            // Not the reset that the RFC asks for, but a sign of life all the same.
            events.append(.pong(outgoing.remove(at: index).handle))
        }
        startWaiting()
    }

    private mutating func piggybacked(_ message: Message, now: Int64) {
        // The token too has to match (RFC 7252 section 5.3.2).
        guard let index = index(awaiting: message.messageID), outgoing[index].role == .request,
            outgoing[index].token == message.token
        else { return }
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
        if received.count > receivedMemory { received.removeFirst() }
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
        case .awaitingAnswer, .acknowledged, .observing, .leaving: return true
        case .waiting: return false
        }
    }

    private mutating func complete(_ index: Int, _ message: Message) {
        let response = Response(message.code, options: message.options, payload: message.payload)
        let handle = outgoing[index].handle
        if outgoing[index].observes, message.code.isSuccess, response.observe != nil {
            outgoing[index].state = .observing
            events.append(.notification(handle, response))
        } else {
            outgoing.remove(at: index)
            events.append(.response(handle, response))
        }
        startWaiting()
    }

    private mutating func reset(_ messageID: UInt16) {
        guard let index = index(awaiting: messageID) else { return }
        let message = outgoing.remove(at: index)
        if message.role == .ping { events.append(.pong(message.handle)) } else { give(up: message, .reset) }
        startWaiting()
    }

    private func index(awaiting messageID: UInt16) -> Int? {
        outgoing.firstIndex { message in
            guard message.messageID == messageID else { return false }
            switch message.state {
            case .awaitingAnswer, .leaving: return true
            case .waiting, .acknowledged, .observing: return false
            }
        }
    }

    private mutating func forget(now: Int64) {
        answered.removeAll { $0.expires <= now }
        received.removeAll { $0.expires <= now }
    }

    private mutating func boundAnswerMemory() {
        var bytes = 0
        for request in answered { bytes += 64 + (request.answer?.count ?? 0) }
        while bytes > answerMemory, let index = answered.firstIndex(where: { $0.answer != nil }) {
            bytes -= 64 + (answered.remove(at: index).answer?.count ?? 0)
        }
    }
}
