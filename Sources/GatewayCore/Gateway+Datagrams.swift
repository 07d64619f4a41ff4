internal import CoAP
internal import CompactMatrix
internal import Links
internal import Noise
internal import SecureDatagram

extension Gateway {
    /// Takes one datagram. What is not a device's leaves no trace but a counter.
    public func receive(_ datagram: [UInt8], from address: PeerAddress, now: Moment) {
        clock = now
        counters.datagramsReceived += 1
        counters.bytesReceived += UInt64(datagram.count)
        guard let parsed = FrameHeader.parse(datagram, fromDevice: true) else {
            counters.droppedMalformed += 1
            return
        }
        arrival = Arrival(source: address.digest, now: now.monotonic)
        guard let named = parsed.device else {
            if parsed.opening == .ik {
                receiveEnrolment(datagram, parsed, from: address, now: now)
            } else {
                counters.droppedMalformed += 1
            }
            return
        }
        let number = named.rawValue
        guard var device = devices[number], !device.record.isRevoked else {
            counters.droppedUnknownDevice += 1
            return
        }
        if parsed.opening == .xxpsk0 || parsed.closing == .xxpsk0 {
            receiveLabelHandshake(datagram, parsed, of: number, from: address, now: now)
            return
        }
        let received: GatewayChannel<Suite>.Received
        if let kind = parsed.opening {
            guard kind == device.record.handshake else {
                counters.droppedForged += 1
                return
            }
            guard let outcome = admit(datagram, parsed, to: &device, from: address) else { return }
            received = outcome
        } else {
            let unproven = device.channel[.stale]?.id
            received = device.channel.receiveFrame(datagram, parsed, arrival)
            if case .frame(let frame, _) = received, frame.source == unproven {
                forgetConversation(with: &device)
                trustCounter(of: &device)
            }
        }
        devices[number] = device
        touched.insert(number)
        if received.isAuthentic { noteReceived(datagram.count, from: number, now: now) }
        switch received {
        case .frame(let frame, let plaintext):
            move(number, to: address, after: frame, now: now)
            take(plaintext, of: number, frame: frame, from: address, now: now)
            push(number, now: now)
        case .handshake(let frame, let responder):
            answer(responder, frame: frame, of: number, from: address, now: now)
        case .repeatedAnswer(let bytes, let isNewest):
            repeatAnswer(bytes, of: number, received: datagram.count, from: isNewest ? address : nil, now: now)
        case .repeated(let frame, _):
            answerAnew(frame, of: number, received: datagram.count, from: address, now: now)
        case .dropped(let reason):
            count(reason)
            if device.record.awaitsHandshake, case .transport = parsed.header {
                hint(number, datagram, to: address, now: now)
            }
            if reason == .copied {
                note(
                    .error,
                    "two different frames came under one number: its state was copied, or its keys are known to somebody. "
                        + "The session is stopped"
                        + (device.record.handshake == nil ? "; the device must be provisioned again" : ""),
                    device: number)
            }
        }
    }

    /// After a restore there is no session: the device would repeat its request until it gives up. It is told once a
    /// minute at most, in fewer bytes than it sent, since anybody may have sent them.
    private func hint(_ number: UInt32, _ datagram: [UInt8], to address: PeerAddress, now: Moment) {
        let hint = Hint.write(answering: datagram, Suite.self)
        guard hint.count < datagram.count, devices[number]?.record.handshake != nil,
            devices[number]?.hints.take(now: now.monotonic) == true
        else { return }
        counters.hintsSent += 1
        _ = queue.enqueue(hint.count, now: now.monotonic)
        transmit(hint, to: address)
    }

    /// The newest frame decides where the device is; one that was overtaken does not.
    private func move(
        _ number: UInt32, to address: PeerAddress, after frame: GatewayChannel<Suite>.FrameID, now: Moment
    ) {
        devices[number]?.record.lastSeenUnixMilliseconds = now.unixMilliseconds
        devices[number]?.recordChanged = true
        devices[number]?.isSilent = false
        if let channel = devices[number]?.channel, channel.isCurrent(frame),
            channel[.current]?.received.highest == frame.number
        {
            devices[number]?.record.address = address
        }
    }

    private func take(
        _ plaintext: [UInt8], of number: UInt32, frame: GatewayChannel<Suite>.FrameID, from address: PeerAddress,
        now: Moment
    ) {
        let arrived: CompactConversation.Arrived
        do throws(CompactMessageError) {
            arrived = try read(plaintext, of: number, in: frame, now: now)
        } catch {
            // An answer that nobody waits for is ignored; to anything else silence would be taken for loss.
            counters.droppedMalformed += 1
            guard error != .answersNothing, let id = frame.number else { return }
            arrived = CompactConversation.Arrived(
                message: Self.unreadable(CompactContext.messageID(id)),
                form: CompactConversation.form(of: plaintext))
        }
        handling = Handling(frame: frame, form: arrived.form)
        devices[number]?.endpoint.receive(arrived.message, isUnique: arrived.form != .verbatim, now: now.monotonic)
        run(number, answeringTo: address, now: now)
        handling = nil
    }

    /// A confirmable message with a format error: the endpoint answers it by a reset (RFC 7252 section 4.2).
    private static func unreadable(_ messageID: UInt16) -> [UInt8] {
        [0x40, 0x00, UInt8(messageID >> 8), UInt8(messageID & 0xFF), 0xFF]
    }

    private func read(
        _ plaintext: [UInt8], of number: UInt32, in frame: GatewayChannel<Suite>.FrameID, now: Moment
    ) throws(CompactMessageError) -> CompactConversation.Arrived {
        let id = frame.number ?? CompactConversation.handshakeFrame
        if devices[number]?.channel.isCurrent(frame) == true {
            var conversation = takeConversation(of: number)
            defer { devices[number]?.conversation = conversation }
            return try conversation.decode(plaintext, frame: id, now: now.monotonic)
        }
        // Nothing of ours is answered in another session than the current one.
        var other = CompactConversation(session: frame.source, lifetime: 0)
        return try other.decode(plaintext, frame: id, now: now.monotonic)
    }

    /// That of the current session, to be put back.
    private func takeConversation(of number: UInt32) -> CompactConversation {
        defer { devices[number]?.conversation = nil }
        let session = devices[number]?.channel[.current]?.id ?? []
        if let conversation = devices[number]?.conversation, conversation.session == session { return conversation }
        let lifetime = devices[number]?.endpoint.parameters.exchangeLifetime ?? 0
        return CompactConversation(session: session, lifetime: lifetime)
    }

    // MARK: Handshakes

    /// What becomes of a message 1: the answer that it has had already, or, within the budget for strangers, a handshake.
    /// nil: it has been dealt with.
    private func admit(
        _ datagram: [UInt8], _ parsed: FrameHeader.Parsed, to device: inout Device, from address: PeerAddress
    ) -> GatewayChannel<Suite>.Received? {
        let hash = GatewayChannel<Suite>.hash(of: datagram, parsed)
        if let known = device.channel.repeatedHandshake(hash, arrival) { return known }
        guard passesBudget(datagram, parsed, from: address) else { return nil }
        if device.handshakeKeys.isEmpty { device.handshakeKeys = keys(towards: device.record) }
        return device.channel.receiveHandshake(datagram, parsed, device.handshakeKeys)
    }

    /// Whether a handshake may cost something now; where it may not, a cookie is asked for or nothing said.
    func passesBudget(_ datagram: [UInt8], _ parsed: FrameHeader.Parsed, from address: PeerAddress) -> Bool {
        if handshakes.wantsSecret(now: arrival.now) { handshakes.renew(random(32), now: arrival.now) }
        switch handshakes.admit(
            datagram, parsed, prefix: address.prefixDigest, address: address.bytes, now: arrival.now)
        {
        case .proceed:
            return true
        case .drop:
            counters.droppedRateLimited += 1
        case .retry(let bytes):
            counters.retriesAsked += 1
            transmit(bytes, to: address)
        }
        return false
    }

    private func keys(towards device: DeviceRecord) -> [HandshakeKeys] {
        zip(configuration.privateKeys, publicKeys).map { privateKey, publicKey in
            HandshakeKeys(
                privateKey: privateKey, publicKey: publicKey, peerKey: device.publicKey,
                staticSecret: device.publicKey.isEmpty
                    ? nil : Suite.sharedSecret(privateKey: privateKey, publicKey: device.publicKey),
                presharedKey: device.presharedKey)
        }
    }

    private func answer(
        _ responder: Responder<Suite>, frame: GatewayChannel<Suite>.FrameID, of number: UInt32,
        from address: PeerAddress, now: Moment
    ) {
        guard var device = devices[number] else { return }
        counters.handshakes += 1
        let counterBefore = device.channel.handshakeCounter
        let status: HandshakeStatus
        var reply: [UInt8] = []
        if responder.payload.counter <= device.channel.handshakeCounter {
            // Repeated by somebody, or a device that lost its memory: it gets a session, but nothing is executed. How often
            // is bounded: whoever replays old messages must not have the link answer each.
            guard device.staleHandshakes.take(now: now.monotonic) else {
                counters.droppedRateLimited += 1
                return
            }
            status = .staleCounter(last: Self.staleCounter(device.channel, told: responder.payload.counter))
            device.claimedCounter = responder.payload.counter
        } else if responder.payload.revision != 0 {
            status = .unknownRevision(own: 0)
        } else {
            status = .accepted
            forgetConversation(with: &device)
            devices[number] = device
            let arrived = try? read(responder.payload.request, of: number, in: frame, now: now)
            let request = Handling(frame: frame, form: arrived?.form ?? .verbatim)
            device.endpoint.receive(
                arrived?.message ?? [], isUnique: request.form != .verbatim, now: now.monotonic)
            devices[number] = device
            handling = request
            handle(eventsOf: number, now: now)
            handling = nil
            device = devices[number] ?? device
            while let transmission = device.endpoint.nextTransmission() {
                guard case .message(let message) = transmission.content, reply.isEmpty,
                    let encoded = try? CompactConversation.encode(
                        answer: message, frame: request.number, answered: request.number, form: request.form)
                else { continue }
                reply = encoded
                remember(message, answering: request, of: &device, now: now)
            }
        }
        do throws(NoiseError) {
            let message2 = try device.channel.reply(
                to: responder, frame: frame, status, answer: reply, ephemeral: random(32), arrival)
            device.record.handshakeCounter = device.channel.handshakeCounter
            device.record.handshakeHash = device.channel.answeredHandshake?.hash ?? []
            device.record.handshakeReply = device.channel.answeredHandshake?.message2 ?? []
            // The blocks that follow one in a handshake come in the session that it made.
            if device.body?.source == frame.source { device.body?.session = device.channel[.next]?.id ?? [] }
            if status == .accepted { device.record.address = address }
            if responder.payload.counter > counterBefore {
                device.record.lastSeenUnixMilliseconds = now.unixMilliseconds
                device.recordChanged = true
            }
            _ = queue.enqueue(message2.count, now: now.monotonic)
            transmit(message2, to: address)
            device.activity.sent(message2.count, airtime: airtimeDown(of: message2.count), now: now)
        } catch {
            counters.droppedForged += 1
        }
        devices[number] = device
    }

    /// A new session is a new conversation: a device that lost its memory may use message ids of before for other
    /// messages, and knows of no observation.
    func forgetConversation(with device: inout Device) {
        device.endpoint = newEndpoint()
        device.frames = []
        device.delivery = nil
        if device.body != nil {
            device.body = nil
            device.bodyChanged = true
        }
        device.record.observeToken = nil
        device.recordChanged = true
    }

    // MARK: Repetitions

    private func repeatAnswer(
        _ bytes: [UInt8], of number: UInt32, received: Int, from address: PeerAddress?, now: Moment
    ) {
        counters.answersRepeated += 1
        guard let target = target(of: number, bytes: bytes.count, received: received, from: address) else { return }
        // What goes elsewhere does not go over the device's link.
        if target == devices[number]?.record.address { _ = queue.enqueue(bytes.count, now: now.monotonic) }
        transmit(bytes, to: target)
        noteSent(bytes.count, to: number, now: now)
    }

    /// The datagram that answered is gone with a restart: the same answer in a new frame. Its message id says which
    /// request it answers.
    ///
    /// Only the newest answers, as many as are kept as datagrams: a device has one request under way, and each of them is
    /// thereby encrypted and written once, however often somebody replays a capture.
    private func answerAnew(
        _ frame: GatewayChannel<Suite>.FrameID, of number: UInt32, received: Int, from address: PeerAddress, now: Moment
    ) {
        guard var device = devices[number],
            let known = device.answers.suffix(GatewayChannel<Suite>.answersKept).first(where: {
                $0.source == frame.source && $0.number == frame.number
            }),
            let sealed = try? device.channel.seal(known.answer, answering: frame, arrival)
        else {
            counters.droppedReplayed += 1
            return
        }
        devices[number] = device
        repeatAnswer(sealed.bytes, of: number, received: received, from: address, now: now)
    }

    /// A repeated frame does not prove that its source address is the device's: no more than three times what it
    /// measured goes there (RFC 9000 section 8.1), otherwise to where the device was.
    private func target(of number: UInt32, bytes: Int, received: Int, from address: PeerAddress?) -> PeerAddress? {
        guard let address, bytes <= 3 * received else { return devices[number]?.record.address }
        return address
    }

    private func count(_ reason: GatewayChannel<Suite>.Drop) {
        switch reason {
        case .malformed: counters.droppedMalformed += 1
        case .forged: counters.droppedForged += 1
        case .copied: counters.droppedCopied += 1
        case .replayed: counters.droppedReplayed += 1
        case .tooOld: counters.droppedTooOld += 1
        case .repeatedTooOften: counters.droppedRepeatedTooOften += 1
        }
    }

    // MARK: Sending

    /// Carries out what a device's endpoint wants, until it wants nothing more.
    func run(_ number: UInt32, answeringTo address: PeerAddress? = nil, now: Moment) {
        handle(eventsOf: number, now: now)
        while let transmission = devices[number]?.endpoint.nextTransmission() {
            send(transmission, of: number, answeringTo: address, now: now)
            handle(eventsOf: number, now: now)
        }
    }

    private func send(
        _ transmission: Endpoint.Transmission, of number: UInt32, answeringTo address: PeerAddress?, now: Moment
    ) {
        guard var device = devices[number] else { return }
        defer { devices[number] = device }
        let datagram: [UInt8]
        switch transmission.content {
        case .again:
            guard let index = device.frames.firstIndex(where: { $0.handle == transmission.handle }) else { return }
            device.frames[index].copies += 1
            datagram = device.frames[index].datagram
            counters.retransmissions += 1
        case .message(let message):
            // Acknowledgements and answers belong to the frame that asked; whatever else goes its own way. Only a session that
            // is used up refuses to seal; the device makes a new one when it next sends.
            if transmission.isConfirmable {
                guard let sealed = seal(message, transmission.handle, to: &device, now: now) else { return }
                datagram = sealed.bytes
                let delivery = device.delivery?.handle
                device.frames.removeAll { $0.handle != delivery }
                device.frames.append(SentFrame(handle: transmission.handle, datagram: datagram))
            } else if let handling {
                guard let sealed = seal(message, answering: handling, to: &device) else { return }
                datagram = sealed.bytes
                if transmission.answering != nil { remember(message, answering: handling, of: &device, now: now) }
            } else {
                return
            }
        }
        guard let target = address ?? device.record.address else { return }
        let left = queue.enqueue(datagram.count, now: now.monotonic)
        transmit(datagram, to: target)
        device.activity.sent(datagram.count, airtime: airtimeDown(of: datagram.count), now: now)
        if transmission.isConfirmable { startTimer(transmission.handle, lastBitAt: left, of: &device, now: now) }
    }

    /// An answer to a frame. Message 2 carries it as it is.
    private func seal(
        _ message: [UInt8], answering handling: Handling, to device: inout Device
    ) -> Session<Suite>.SealedFrame? {
        guard let number = device.channel.nextNumber(in: handling.frame.source),
            let encoded = try? CompactConversation.encode(
                answer: message, frame: number, answered: handling.number, form: handling.form)
        else { return nil }
        return try? device.channel.seal(encoded, answering: handling.frame, arrival)
    }

    /// A notification to a frame.
    private func seal(
        _ message: [UInt8], _ handle: Endpoint.Handle, to device: inout Device, now: Moment
    ) -> Session<Suite>.SealedFrame? {
        guard let session = device.channel[.current] else { return nil }
        let number = session.nextNumber
        var conversation = device.conversation ?? CompactConversation(session: [], lifetime: 0)
        if conversation.session != session.id {
            conversation = CompactConversation(
                session: session.id, lifetime: device.endpoint.parameters.exchangeLifetime)
        }
        // In its place: two of them would be copied with each change.
        device.conversation = nil
        defer { device.conversation = conversation }
        var message = message
        if device.delivery?.handle == handle {
            message = write(message, in: number, session.id, of: &device, &conversation)
            device.delivery?.frameNumber = number
            device.delivery?.session = session.id
        }
        guard device.record.observesCompactly else { return try? device.channel.seal(message) }
        let encoded = try? conversation.encode(
            message, frame: number, observation: device.record.observeToken, now: now.monotonic)
        guard let encoded else { return nil }
        return try? device.channel.seal(encoded)
    }

    private func startTimer(_ handle: Endpoint.Handle, lastBitAt: Int64, of device: inout Device, now: Moment) {
        guard var timer = device.learntTimer, let frame = device.frames.first(where: { $0.handle == handle }),
            let expected = device.endpoint.expectedAnswerBytes(of: handle)
        else {
            device.endpoint.sent(handle, lastBitAt: lastBitAt)
            return
        }
        let timeout =
            frame.copies == 1
            ? timer.start(bytes: frame.datagram.count + link.down.overheadBytes + expected, now: now.monotonic)
            : timer.again()
        device.learntTimer = timer
        let least = device.endpoint.parameters.leastTimeout(repetition: frame.copies - 1, answerBytes: expected)
        device.endpoint.sent(handle, lastBitAt: now.monotonic, timeout: max(timeout, least))
    }

    /// What an acknowledged delivery tells of the link.
    func learn(from handle: Endpoint.Handle, of device: inout Device, now: Moment) {
        guard let frame = device.frames.first(where: { $0.handle == handle }) else { return }
        let bytes = frame.datagram.count + device.endpoint.parameters.expectedAnswerBytes + link.down.overheadBytes
        device.losses.add(bytes: bytes, copies: frame.copies)
        device.learntTimer?.answered(bytes: bytes, now: now.monotonic)
    }

    func transmit(_ bytes: [UInt8], to address: PeerAddress) {
        counters.datagramsSent += 1
        counters.bytesSent += UInt64(bytes.count)
        actions.datagrams.append(Actions.Datagram(bytes: bytes, to: address))
    }

    /// Keeps an answer for a request that is repeated after a restart.
    private func remember(
        _ message: [UInt8], answering handling: Handling, of device: inout Device, now: Moment
    ) {
        guard let later = try? CompactConversation.encode(laterAnswer: message, form: handling.form) else { return }
        let frame = handling.frame
        let lifetime = device.endpoint.parameters.exchangeLifetime / 1_000_000
        let record = AnswerRecord(
            device: device.record.number, source: frame.source, number: frame.number, answer: later,
            expiresUnixMilliseconds: now.unixMilliseconds + lifetime)
        if device.answers.contains(where: { $0.expiresUnixMilliseconds < now.unixMilliseconds }) {
            device.answers.removeAll { $0.expiresUnixMilliseconds < now.unixMilliseconds }
            actions.writes.append(
                .removeAnswers(
                    device: device.record.number, expiredAtUnixMilliseconds: now.unixMilliseconds))
        }
        device.answers.append(record)
        actions.writes.append(.answer(record))
    }
}
