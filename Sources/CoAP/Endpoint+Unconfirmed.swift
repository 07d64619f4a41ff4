extension Endpoint {
    mutating func startUnconfirmed(
        _ request: Request, token: [UInt8], observes: Bool, continues: Bool, now: Int64
    ) throws(MessageError) -> Handle {
        let messageID = takeMessageID()
        let message = try Message(
            type: .nonConfirmable, code: request.method, messageID: messageID, token: token, options: request.options,
            payload: request.payload
        ).encoded()
        let handle = takeHandle()
        guard !continues else {
            // Its owner paces it (RFC 9177 section 7.2), and more than one answer may come.
            outgoing.append(
                Outgoing(
                    handle: handle, role: .request, state: .unconfirmed(until: now + parameters.exchangeLifetime),
                    message: message, messageID: messageID, token: token, repetitions: 0, answerBytes: 0,
                    observes: false, continues: true))
            transmissions.append(
                Transmission(handle: handle, content: .message(message), answering: nil, isConfirmable: false))
            return handle
        }
        outgoing.append(
            Outgoing(
                handle: handle, role: .request, state: .probing(at: max(now, probingFreeAt)), message: message,
                messageID: messageID, token: token, repetitions: 0,
                answerBytes: request.expectedAnswerBytes ?? parameters.expectedAnswerBytes, observes: observes))
        if probingFreeAt <= now { sendUnconfirmed(outgoing.count - 1, now: now) }
        return handle
    }

    /// Sends an answer under a token of the peer, besides the one that its request had: a block of a body, or a word about
    /// blocks that are missing (RFC 9177).
    mutating func sendUnconfirmed(_ response: Response, token: [UInt8]) throws(MessageError) {
        let message = Message(
            type: .nonConfirmable, code: response.code, messageID: takeMessageID(), token: token,
            options: response.options, payload: response.payload)
        transmit(try message.encoded(), answering: nil)
    }

    /// Sends a message that nobody confirms. Until the peer is heard from, the next one waits for as long as these bytes
    /// take at PROBING_RATE.
    mutating func sendUnconfirmed(_ index: Int, now: Int64) {
        let message = outgoing[index]
        probingFreeAt = max(now, probingFreeAt) + Int64(message.message.count) * parameters.perProbingByte
        for other in outgoing.indices {
            if case .probing(let time) = outgoing[other].state, other != index {
                outgoing[other].state = .probing(at: max(time, probingFreeAt))
            }
        }
        transmissions.append(
            Transmission(
                handle: message.handle, content: .message(message.message), answering: nil, isConfirmable: false))
        if Self.declinesEveryAnswer(message.message) {
            outgoing.remove(at: index)
        } else {
            outgoing[index].state = .unconfirmed(until: now + parameters.nonLifetime)
        }
    }

    /// The peer lives: what waited for PROBING_RATE leaves.
    mutating func heard(now: Int64) {
        guard probingFreeAt > now else { return }
        probingFreeAt = .min
        for index in outgoing.indices {
            if case .probing = outgoing[index].state { outgoing[index].state = .probing(at: now) }
        }
    }

    private static func declinesEveryAnswer(_ message: [UInt8]) -> Bool {
        guard let decoded = try? Message(decoding: message) else { return false }
        let request = Request(decoded.code, options: decoded.options)
        return request.declines(.content) && request.declines(.badRequest) && request.declines(.internalServerError)
    }
}
