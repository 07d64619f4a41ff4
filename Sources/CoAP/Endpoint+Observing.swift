extension Endpoint {
    // MARK: As a server

    /// Sends a notification of an observation (RFC 7641 section 4.2).
    ///
    /// - Parameters:
    ///   - sequence: of the Observe option; its 24 low bits travel.
    ///   - confirmable: false sends it once, and says nothing of its arrival; at least one in 24 hours has to be
    ///     confirmable (section 4.5).
    public mutating func notify(
        token: [UInt8], sequence: UInt64, response: Response, confirmable: Bool = true
    ) throws(MessageError) -> Handle {
        let options = Self.options(of: response, sequence)
        if confirmable {
            return try enqueue(
                role: .notification, code: response.code, options: options, payload: response.payload, token: token,
                answerBytes: nil, observes: false)
        }
        let messageID = takeMessageID()
        let message = Message(
            type: .nonConfirmable, code: response.code, messageID: messageID, token: token, options: options,
            payload: response.payload)
        let bytes = try message.encoded()
        let handle = takeHandle()
        unconfirmed.append(Unconfirmed(handle: handle, messageID: messageID))
        if unconfirmed.count > Self.mostUnconfirmed { unconfirmed.removeFirst() }
        transmissions.append(
            Transmission(handle: handle, content: .message(bytes), answering: nil, isConfirmable: false))
        return handle
    }

    /// Puts a newer state in the place of a notification that is not confirmed yet: its next repetition carries the new
    /// one, with the timer and the count of the old (RFC 7641 section 4.5.2). False when there is none: `notify` then.
    public mutating func supersede(
        _ handle: Handle, sequence: UInt64, response: Response
    ) throws(MessageError) -> Bool {
        guard let index = outgoing.firstIndex(where: { $0.handle == handle && $0.role == .notification }) else {
            return false
        }
        let messageID = takeMessageID()
        let message = Message(
            type: .confirmable, code: response.code, messageID: messageID, token: outgoing[index].token,
            options: Self.options(of: response, sequence), payload: response.payload)
        outgoing[index].successor = Outgoing.Successor(messageID: messageID, message: try message.encoded())
        // One that has not left yet gives its place at once.
        if case .waiting = outgoing[index].state { _ = takeSuccessor(index) }
        return true
    }

    private static func options(of response: Response, _ sequence: UInt64) -> [MessageOption] {
        // Only success goes on; an error ends the observation, and carries no sequence (RFC 7641 section 4.2).
        response.code.isSuccess
            ? response.options + [MessageOption(.observe, uint: sequence & 0xFF_FFFF)] : response.options
    }

    private static var mostUnconfirmed: Int { 8 }

    mutating func takeSuccessor(_ index: Int) -> Bool {
        guard let successor = outgoing[index].successor else { return false }
        outgoing[index].formerMessageID = outgoing[index].messageID
        outgoing[index].messageID = successor.messageID
        outgoing[index].message = successor.message
        outgoing[index].successor = nil
        return true
    }

    /// A reset to a notification that left unconfirmed ends its observation too (RFC 7641 section 4.5).
    mutating func resetUnconfirmed(_ messageID: UInt16) {
        guard let index = unconfirmed.firstIndex(where: { $0.messageID == messageID }) else { return }
        events.append(.notificationFailed(unconfirmed.remove(at: index).handle, .reset))
    }

    // MARK: As a client

    /// Registers a living observation anew, under the token that it has (RFC 7641 section 3.3.1). False when there is none.
    public mutating func renew(_ handle: Handle, _ request: Request) throws(MessageError) -> Bool {
        try sendAgain(handle, request, deregisters: false)
    }

    /// Ends an observation by a request with Observe 1 under its token (RFC 7641 section 3.6); the answer to that comes as
    /// `response`. False when there is none. `cancel` ends it without a word until the next notification.
    public mutating func deregister(_ handle: Handle, _ request: Request) throws(MessageError) -> Bool {
        var request = request
        request.options.removeAll { $0.number == .observe }
        request.options.append(MessageOption(.observe, uint: 1))
        return try sendAgain(handle, request, deregisters: true)
    }

    private mutating func sendAgain(
        _ handle: Handle, _ request: Request, deregisters: Bool
    ) throws(MessageError) -> Bool {
        guard let index = outgoing.firstIndex(where: { $0.handle == handle && $0.state == .observing }) else {
            return false
        }
        let messageID = takeMessageID()
        outgoing[index].message = try Message(
            type: .confirmable, code: request.method, messageID: messageID, token: outgoing[index].token,
            options: request.options, payload: request.payload
        ).encoded()
        outgoing[index].messageID = messageID
        outgoing[index].repetitions = 0
        outgoing[index].deregisters = deregisters
        outgoing[index].state = .waiting
        startWaiting()
        return true
    }
}
