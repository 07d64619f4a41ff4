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
        case .hint: receiveHint(datagram)
        case .transport: receiveFrame(datagram, parsed, now: now)
        }
        run(now: now)
    }

    /// The gateway is under load and wants to see that we receive what it sends: message 1 once more, with its cookie. The
    /// repetitions that follow carry it too.
    private mutating func receiveRetry(_ datagram: [UInt8], now: Int64) {
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
    private mutating func receiveHint(_ datagram: [UInt8]) {
        let isOurs = frames.contains { $0.number != nil && Hint.answers(datagram, $0.datagram, Suite.self) }
        guard isOurs, identity.handshake != nil, !snapshot.wantsSession else { return }
        snapshot.wantsSession = true
        stateChanged = true
    }

    private func isDue(_ session: Session<Suite>) -> Bool { session.isDue || snapshot.wantsSession }

    private mutating func receiveHandshake(_ datagram: [UInt8], now: Int64) {
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

    private mutating func resendInSession() {
        let handles = frames.map { $0.handle }
        frames = []
        for handle in handles { endpoint.sendAnew(handle) }
    }

    func isUnderWay(_ handle: Endpoint.Handle?) -> Bool {
        frames.contains { $0.handle == handle }
    }

    /// A frame to the message in it; whether its session is the current one. Here alone a frame becomes a message.
    private mutating func open(
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
    private mutating func seal(
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

    private mutating func receiveFrame(_ datagram: [UInt8], _ parsed: FrameHeader.Parsed, now: Int64) {
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

    private mutating func read(
        _ plaintext: [UInt8], _ number: UInt64, now: Int64
    ) -> CompactConversation.Arrived? {
        let observation = watch.flatMap { endpoint.token(of: $0) }
        return withConversation { try? $0.decode(plaintext, frame: number, observation: observation, now: now) } ?? nil
    }

    /// In the session before.
    private mutating func readLate(
        _ plaintext: [UInt8], _ number: UInt64, now: Int64
    ) -> CompactConversation.Arrived? {
        try? previousConversation?.decode(plaintext, frame: number, now: now)
    }

    private mutating func take(
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
    private mutating func readDeliveries(_ message: [UInt8], _ arrival: inout Arrival) -> Bool {
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
    private mutating func acknowledgeAgain(_ number: UInt64, _ plaintext: [UInt8], now: Int64) {
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

    /// Carries out what the endpoint wants, until it wants nothing more.
    mutating func run(now: Int64) {
        while true {
            // Events first: a request that is given up ends its session or handshake, and the one that waited behind it
            // must not leave in what is over.
            while let event = endpoint.nextEvent() { handle(event, now: now) }
            guard let transmission = endpoint.nextTransmission() else { return }
            send(transmission, now: now)
        }
    }

    private mutating func handle(_ event: Endpoint.Event, now: Int64) {
        switch event {
        case .request(let request):
            // A device serves nothing yet; an answer is owed all the same.
            try? endpoint.respond(to: request.id, Response(.notFound), now: now)
        case .response(let handle, let answer):
            let response = answer.withRefusalRead
            confirm(handle, now: now)
            if handle == watch {
                watch = nil
                events.append(.watchRefused(response))
            } else if handle == download?.handle {
                proceed(withDownload: response, now: now)
            } else if let index = uplinks.firstIndex(where: { $0.handle == handle }) {
                proceed(withUplink: index, response, now: now)
            } else {
                events.append(.answered(handle, response))
            }
        case .notification(let handle, let response):
            confirm(handle, now: now)
            renewWatchAt = now + Int64(clamping: response.maxAge) * 1_000_000_000
            deliver(response, now: now)
        case .pong(let handle):
            confirm(handle, now: now)
        case .failed(let handle, _):
            fail(handle, now: now)
        case .notificationDelivered, .notificationFailed:
            break
        }
    }

    private mutating func deliver(_ response: Response, now: Int64) {
        guard let sequence = response.observe else { return }
        guard !response.payload.isEmpty else {
            registered(response, now: now)
            return
        }
        guard let arriving, let session else { return }
        snapshot.newestDelivery = arriving.number
        stateChanged = true
        let name =
            response.option(.eTag).flatMap { DeliveryName(tag: $0.value) }
            ?? DeliveryName(session: session.id, frame: sequence)
        if response.block(.block2) != nil {
            receiveFirstBlock(response, name, now: now)
            return
        }
        abandonDownload()
        hear(arriving.deliveries, name)
    }

    /// What was pushed before comes once more as it was, when the gateway does not know that it arrived: order is kept, so that
    /// it can only be the newest.
    mutating func hear(_ items: [DeliveryBatch.Item], _ name: DeliveryName) {
        guard snapshot.newestName != name else { return }
        snapshot.newestName = name
        var place: UInt64 = 0
        for item in items {
            if case .said(let content) = item.content {
                let delivery = Delivery(sender: item.sender, unixSeconds: item.unixSeconds, content: content)
                events.append(.delivery(delivery, name: name.rawValue << 8 | place))
            }
            place += 1
        }
    }

    private mutating func confirm(_ handle: Endpoint.Handle, now: Int64) {
        guard let index = frames.firstIndex(where: { $0.handle == handle }) else { return }
        let frame = frames.remove(at: index)
        if let number = frame.number { session?.confirm(number) }
        learn(from: frame, now: now)
        forgetPending(handle)
        if endpoint.isIdle {
            previousSession = nil
            previousConversation = nil
        }
        stateChanged = true
    }

    private mutating func fail(_ handle: Endpoint.Handle, now: Int64) {
        let wasHandshake = initiator != nil && frames.contains { $0.handle == handle && $0.number == nil }
        frames.removeAll { $0.handle == handle }
        forgetPending(handle)
        uplinks.removeAll { $0.handle == handle }
        stateChanged = true
        if wasHandshake {
            initiator = nil
            opening = nil
        } else if identity.handshake != nil {
            // The gateway may have lost the session: the next request brings a new one along.
            session = nil
        }
        if wantsWatch {
            // Without a session nothing can be heard: somebody who watches asks again, and goes on through an outage,
            // without filling the link with attempts.
            let parameters = endpoint.parameters
            let pause = parameters.maxTransmitWait(answerBytes: parameters.expectedAnswerBytes)
            renewWatchAt = min(renewWatchAt ?? .max, now + pause)
        }
        if handle == watch {
            watch = nil
            events.append(.watchInterrupted)
        } else if handle == download?.handle {
            // The gateway offers it again when it is asked again.
            abandonDownload()
        } else {
            events.append(.unanswered(handle, wasHandshake ? .handshake : .request))
        }
    }

    // MARK: Frames

    private mutating func send(_ transmission: Endpoint.Transmission, now: Int64) {
        let handle = transmission.handle
        if let index = frames.firstIndex(where: { $0.handle == handle }) {
            frames[index].copies += 1
            let frame = frames[index]
            transmit(frame.datagram)
            report(frame, repetition: true)
            left(handle, frame.datagram.count, isHandshake: frame.number == nil, copies: frame.copies, now: now)
            return
        }
        guard case .message(let message) = transmission.content else { return }
        // A session that is due goes on for what is no request, and for what still arrives, until the new one stands. One
        // that was provisioned goes on for as long as it can.
        let mayShakeHands = identity.handshake != nil && transmission.isConfirmable && initiator == nil
        guard let standing = session, !(isDue(standing) && mayShakeHands) else {
            startHandshake(message, transmission, now: now)
            return
        }
        // An answer to what is no longer being handled, or came in the session before, has nobody who waits for it.
        guard transmission.isConfirmable || arriving != nil else { return }
        guard let (sealed, wireBytes) = seal(message, isConfirmable: transmission.isConfirmable, now: now) else {
            if identity.handshake != nil { session = nil }
            if transmission.isConfirmable { startHandshake(message, transmission, now: now) }
            return
        }
        stateChanged = true
        let frame = Frame(
            handle: handle, datagram: sealed.bytes, message: message, wireBytes: wireBytes, number: sealed.number,
            header: sealed.bytes.count - wireBytes - 16)
        if transmission.isConfirmable {
            frames.append(frame)
            remember(
                handle,
                DeviceSnapshot.Pending(
                    message: message, datagram: sealed.bytes, frameNumber: sealed.number, ephemeral: []))
        } else if let arriving {
            acknowledgements.append((arriving.number, sealed.bytes, 0))
            if acknowledgements.count > 4 { acknowledgements.removeFirst() }
        }
        transmit(sealed.bytes)
        report(frame, repetition: false)
        left(handle, sealed.bytes.count, now: now)
    }

    private mutating func startHandshake(
        _ message: [UInt8], _ transmission: Endpoint.Transmission, now: Int64
    ) {
        // One at a time: what is no request (an acknowledgement of a dead session) has no place in a handshake.
        guard initiator == nil, transmission.isConfirmable, identity.handshake != nil else { return }
        snapshot.handshakeCounter += 1
        let ephemeral = entropy.next32()
        guard let request = try? openingRequest(message, now: now),
            let started = makeInitiator(request, ephemeral: ephemeral)
        else { return }
        initiator = started
        stateChanged = true
        remember(
            transmission.handle,
            DeviceSnapshot.Pending(
                message: message, datagram: [], frameNumber: 0, ephemeral: ephemeral))
        let frame = Frame(
            handle: transmission.handle, datagram: started.message1, message: message, wireBytes: request.count,
            number: nil, header: 1 + identity.number.encoded.count)
        frames.append(frame)
        transmit(started.message1)
        report(frame, repetition: false)
        left(transmission.handle, started.message1.count, isHandshake: true, now: now)
    }

    /// Notes a request that has an effect, so that it is repeated in the same frame after a restart. Others (a ping, an
    /// observation) are simply made again.
    private mutating func remember(_ handle: Endpoint.Handle, _ pending: DeviceSnapshot.Pending) {
        guard let message = try? Message(decoding: pending.message), message.code == .post else { return }
        var pending = pending
        pending.upload = upload(handle)
        snapshot.pending = pending
        pendingHandle = handle
    }

    private mutating func forgetPending(_ handle: Endpoint.Handle) {
        guard pendingHandle == handle else { return }
        snapshot.pending = nil
        pendingHandle = nil
    }

    private mutating func transmit(_ datagram: [UInt8]) {
        outgoing.append(datagram)
    }

    /// Starts the timer of a message when its last bit has left the modem, as far as the link's rate tells.
    private mutating func left(
        _ handle: Endpoint.Handle, _ bytes: Int, isHandshake: Bool = false, copies: Int = 1, now: Int64
    ) {
        let added = isHandshake ? Initiator<Suite>.message2Overhead : 0
        let lastBitAt = queue.enqueue(bytes, now: now)
        guard var timer = learntTimer, let expected = endpoint.expectedAnswerBytes(of: handle) else {
            endpoint.sent(handle, lastBitAt: lastBitAt, addedAnswerBytes: added)
            return
        }
        // The request's bytes are timed with the rest: when they have left nobody knows.
        let timeout =
            copies == 1
            ? timer.start(bytes: bytes + link.up.overheadBytes + expected + added, now: now) : timer.again()
        learntTimer = timer
        timed = handle
        let least = endpoint.parameters.leastTimeout(repetition: copies - 1, answerBytes: expected + added)
        endpoint.sent(handle, lastBitAt: now, timeout: max(timeout, least))
    }

    /// What an answered exchange tells of the link.
    private mutating func learn(from frame: Frame, now: Int64) {
        let bytes = frame.datagram.count + arrivingBytes + link.up.overheadBytes + link.down.overheadBytes
        losses.add(bytes: bytes, copies: frame.copies)
        guard timed == frame.handle else { return }
        timed = nil
        learntTimer?.answered(bytes: bytes, now: now)
    }

    private mutating func report(_ frame: Frame, repetition: Bool) {
        events.append(
            .traffic(
                DatagramReport(
                    .up, total: frame.datagram.count, message: frame.wireBytes, body: Self.bodyBytes(frame.message),
                    frame: frame.header, isRepetition: repetition, handle: frame.handle)))
    }

    /// - Parameter message: what the plaintext says, where it says something.
    private mutating func report(down datagram: [UInt8], _ plaintext: [UInt8], _ message: [UInt8]?, repetition: Bool) {
        events.append(
            .traffic(
                DatagramReport(
                    .down, total: datagram.count, message: plaintext.count,
                    body: message.map { Self.bodyBytes($0) } ?? 0, frame: datagram.count - 16 - plaintext.count,
                    isRepetition: repetition, handle: nil)))
    }

    private static func bodyBytes(_ message: [UInt8]) -> Int {
        (try? Message(decoding: message))?.payload.count ?? 0
    }
}

extension Response {
    /// Where a refusal says in its payload when to try again, as if it said so by Max-Age.
    fileprivate var withRefusalRead: Response {
        guard !code.isSuccess, !payload.isEmpty, let refusal = try? DeviceRefusal(code, payload: payload),
            let seconds = refusal.maxAge
        else { return self }
        var response = self
        response.options.removeAll { $0.number == .maxAge }
        response.options.append(MessageOption(.maxAge, uint: UInt64(seconds)))
        return response
    }
}
