internal import CoAP
internal import CompactMatrix
internal import Links
internal import Noise
internal import SecureDatagram

extension DeviceClient {
    /// Takes one datagram from the gateway's address.
    public mutating func receive(_ datagram: [UInt8], now: Int64) {
        guard let parsed = FrameHeader.parse(datagram, fromDevice: false) else { return }
        switch parsed.header {
        case .handshake: receiveHandshake(datagram, now: now)
        case .retry: receiveRetry(datagram, now: now)
        case .hint: receiveHint(datagram, now: now)
        case .transport: receiveFrame(datagram, parsed, now: now)
        }
        run(now: now)
    }

    /// The gateway is under load and wants to see that we receive what it sends: message 1 once more, with its cookie. The
    /// repetitions that follow carry it too.
    mutating func receiveRetry(_ datagram: [UInt8], now: Int64) {
        guard let message1 = initiator?.follow(datagram), let index = frames.firstIndex(where: { $0.number == nil })
        else { return }
        frames[index].datagram = message1
        frames[index].copies += 1
        transmit(message1)
        report(frames[index], repetition: true)
        _ = queue.enqueue(message1.count, now: now)
    }

    /// The gateway no longer has the session (its data were restored). Whoever sees our frames can write this: it only makes
    /// the next request bring a new session along, and the one that stands goes on until then.
    mutating func receiveHint(_ datagram: [UInt8], now: Int64) {
        let isOurs = frames.contains { $0.number != nil && Hint.answers(datagram, $0.datagram, Suite.self) }
        guard isOurs, identity.handshake != nil, !snapshot.wantsSession, hints.allows(now: now) else { return }
        snapshot.wantsSession = true
        stateChanged = true
    }

    func isDue(_ session: Session<Suite>) -> Bool { session.isDue || snapshot.wantsSession }

    mutating func receiveHandshake(_ datagram: [UInt8], now: Int64) {
        guard let initiator, let opened = try? initiator.receive(datagram) else { return }
        self.initiator = nil
        previousSession = session
        session = opened.session
        previousConversation = conversation
        conversation = nil
        var opening = self.opening
        self.opening = nil
        acknowledgements = []
        snapshot.wantsSession = false
        snapshot.sessionSinceUnixMilliseconds = nil
        snapshot.newestDelivery = nil
        stateChanged = true
        let answer = try? opening?.decode(opened.answer, frame: CompactConversation.handshakeFrame, now: now)
        events.append(
            .traffic(
                DatagramReport(
                    .down, total: datagram.count, message: opened.answer.count,
                    body: answer.map { Self.bodyBytes($0.message) } ?? 0, frame: 1, isRepetition: false,
                    handle: frames.last?.handle)))
        let isRegistering = isUnderWay(watch)
        switch opened.status {
        case .accepted, .enrolled:
            arrivingBytes = datagram.count
            if let answer {
                endpoint.receive(answer.message, addedBytes: Initiator<Suite>.message2Overhead, now: now)
            }
        case .staleCounter(let last):
            // Our counter was lost with our memory: the session stands, the request was not taken.
            snapshot.handshakeCounter = max(snapshot.handshakeCounter, last)
            resendInSession()
        case .unknownRevision:
            resendInSession()
        }
        // The gateway pushes only in a session that the device has used, and knows no observation of an earlier one.
        if !isRegistering { register(now: now) }
        if wantsWatch { _ = endpoint.ping() }
    }

    mutating func resendInSession() {
        let handles = frames.map { $0.handle }
        frames = []
        for handle in handles { endpoint.sendAnew(handle) }
    }

    func isUnderWay(_ handle: Endpoint.Handle?) -> Bool {
        frames.contains { $0.handle == handle }
    }

    /// A frame to the message in it; whether its session is the current one. Here alone a frame becomes a message.
    mutating func open(
        _ datagram: [UInt8], _ parsed: FrameHeader.Parsed
    ) -> (opened: Session<Suite>.Opened, isCurrent: Bool)? {
        do throws(Session<Suite>.Refusal) {
            if let opened = try session?.open(datagram, parsed, tryFurther: true) { return (opened, true) }
        } catch {
            // Somebody else sends under the gateway's numbers: nothing can be believed in this session.
            if error == .copied {
                session = nil
                stateChanged = true
                events.append(.sessionCopied)
                return nil
            }
        }
        if var previous = previousSession, let opened = try? previous.open(datagram, parsed) {
            previousSession = previous
            return (opened, false)
        }
        return nil
    }

    // MARK: Messages and frames

    /// The conversation of the session that stands; nil: none does.
    mutating func withConversation<Result>(_ body: (inout CompactConversation) -> Result) -> Result? {
        guard let id = session?.id else { return nil }
        var standing: CompactConversation
        if let conversation, conversation.session == id {
            standing = conversation
        } else {
            standing = CompactConversation(session: id, lifetime: endpoint.parameters.exchangeLifetime)
        }
        // In its place: two of them would be copied with each change.
        conversation = nil
        defer { conversation = standing }
        return body(&standing)
    }

    /// A message as it travels in the frame of this number, whose answer is awaited from here on.
    mutating func reserve(_ message: [UInt8], _ number: UInt64, now: Int64) throws(MessageError) -> [UInt8] {
        let encoded = withConversation { try? $0.encode(message, frame: number, now: now) }
        guard let encoded, let encoded else { throw .cannotEncode }
        return encoded
    }

    /// A request as a message 1 carries it.
    mutating func openingRequest(_ message: [UInt8], now: Int64) throws(MessageError) -> [UInt8] {
        var opening = CompactConversation(session: [], lifetime: .max - now)
        let request = try opening.encode(message, frame: CompactConversation.handshakeFrame, now: now)
        self.opening = opening
        return request
    }

    /// A message to a frame in the session. Here alone a message becomes a frame.
    mutating func seal(
        _ message: [UInt8], isConfirmable: Bool, now: Int64
    ) -> (frame: Session<Suite>.SealedFrame, wireBytes: Int)? {
        guard let number = session?.nextNumber else { return nil }
        let encoded: [UInt8]?
        if isConfirmable {
            encoded = try? reserve(message, number, now: now)
        } else if let arriving {
            encoded =
                arriving.isAgain
                ? try? CompactConversation.encode(laterAnswer: message, form: arriving.form)
                : try? CompactConversation.encode(
                    answer: message, frame: number, answered: arriving.number, form: arriving.form)
        } else {
            encoded = nil
        }
        guard let encoded, let sealed = try? session?.seal(encoded) else { return nil }
        return (sealed, encoded.count)
    }

    mutating func receiveFrame(_ datagram: [UInt8], _ parsed: FrameHeader.Parsed, now: Int64) {
        guard let (opened, isCurrent) = open(datagram, parsed) else { return }
        switch opened {
        case .fresh(let number, let plaintext):
            stateChanged = true
            let isPush = CompactConversation.isConfirmableNotification(plaintext, frame: number)
            let arrived = isCurrent ? read(plaintext, number, now: now) : readLate(plaintext, number, now: now)
            report(down: datagram, plaintext, arrived?.message, repetition: false)
            guard let arrived else { return }
            if isPush {
                // The gateway pushes one thing at a time: what comes in an older frame than the newest delivery, or in
                // the session before, has been pushed again since, and would be heard twice.
                guard isCurrent, snapshot.newestDelivery.map({ number > $0 }) ?? true else { return }
            }
            arrivingBytes = datagram.count
            take(arrived, number, isCurrent: isCurrent, isAgain: false, now: now)
        case .duplicate(let number, let plaintext):
            report(down: datagram, plaintext, nil, repetition: true)
            if isCurrent, CompactConversation.isConfirmableNotification(plaintext, frame: number) {
                acknowledgeAgain(number, plaintext, now: now)
            }
        }
    }

    mutating func read(
        _ plaintext: [UInt8], _ number: UInt64, now: Int64
    ) -> CompactConversation.Arrived? {
        let observation = watch.flatMap { endpoint.token(of: $0) }
        return withConversation { try? $0.decode(plaintext, frame: number, observation: observation, now: now) } ?? nil
    }

    /// In the session before.
    mutating func readLate(
        _ plaintext: [UInt8], _ number: UInt64, now: Int64
    ) -> CompactConversation.Arrived? {
        try? previousConversation?.decode(plaintext, frame: number, now: now)
    }

    mutating func take(
        _ arrived: CompactConversation.Arrived, _ number: UInt64, isCurrent: Bool, isAgain: Bool, now: Int64
    ) {
        var arrival = Arrival(number: number, form: arrived.form, isAgain: isAgain)
        if isCurrent, !isAgain, !readDeliveries(arrived.message, &arrival) {
            // The gateway takes something for known that is not: a registration has it begin anew, in words.
            register(now: now)
            run(now: now)
            return
        }
        arriving = isCurrent ? arrival : nil
        endpoint.receive(arrived.message, isUnique: arrived.form != .verbatim, now: now)
        run(now: now)
        arriving = nil
    }

    /// False: they refer to what is not known here.
    mutating func readDeliveries(_ message: [UInt8], _ arrival: inout Arrival) -> Bool {
        guard let message = try? Message(decoding: message), message.code == .content,
            message.option(.observe) != nil, message.option(.block2) == nil, !message.payload.isEmpty
        else { return true }
        let number = arrival.number
        guard var pass = withConversation({ $0.identifiersToRead(in: number) }) else { return true }
        do throws(DeliveryBatch.Refusal) {
            arrival.deliveries = try DeliveryBatch.decode(message.payload, &pass)
            _ = withConversation { $0.read(pass, in: number) }
        } catch {
            return error != .unknownReference
        }
        return true
    }

    /// The gateway did not get our acknowledgement: the same frame again. After a restart of ours it is made anew, for the
    /// newest delivery only: the gateway went on from every earlier one, so that somebody else repeats it.
    mutating func acknowledgeAgain(_ number: UInt64, _ plaintext: [UInt8], now: Int64) {
        guard let index = acknowledgements.firstIndex(where: { $0.number == number }) else {
            if snapshot.newestDelivery == number, let arrived = read(plaintext, number, now: now) {
                take(arrived, number, isCurrent: true, isAgain: true, now: now)
            }
            return
        }
        guard acknowledgements[index].repetitions < Self.mostRepetitions else { return }
        acknowledgements[index].repetitions += 1
        transmit(acknowledgements[index].datagram)
    }

    private static var mostRepetitions: Int { 8 }
}
