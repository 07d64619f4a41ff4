internal import CoAP
internal import CompactMatrix
internal import Links
internal import Noise
internal import SecureDatagram

extension DeviceClient {
    mutating func send(_ transmission: Endpoint.Transmission, now: Int64) {
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

    mutating func startHandshake(
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
    mutating func remember(_ handle: Endpoint.Handle, _ pending: DeviceSnapshot.Pending) {
        guard let message = try? Message(decoding: pending.message), message.code == .post else { return }
        var pending = pending
        pending.upload = upload(handle)
        snapshot.pending = pending
        pendingHandle = handle
    }

    mutating func forgetPending(_ handle: Endpoint.Handle) {
        guard pendingHandle == handle else { return }
        snapshot.pending = nil
        pendingHandle = nil
    }

    mutating func transmit(_ datagram: [UInt8]) {
        outgoing.append(datagram)
    }

    /// Starts the timer of a message when its last bit has left the modem, as far as the link's rate tells.
    mutating func left(
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
    mutating func learn(from frame: Frame, now: Int64) {
        let bytes = frame.datagram.count + arrivingBytes + link.up.overheadBytes + link.down.overheadBytes
        losses.add(bytes: bytes, copies: frame.copies)
        guard timed == frame.handle else { return }
        timed = nil
        learntTimer?.answered(bytes: bytes, now: now)
    }

    mutating func report(_ frame: Frame, repetition: Bool) {
        events.append(
            .traffic(
                DatagramReport(
                    .up, total: frame.datagram.count, message: frame.wireBytes, body: Self.bodyBytes(frame.message),
                    frame: frame.header, isRepetition: repetition, handle: frame.handle)))
    }

    /// - Parameter message: what the plaintext says, where it says something.
    mutating func report(down datagram: [UInt8], _ plaintext: [UInt8], _ message: [UInt8]?, repetition: Bool) {
        events.append(
            .traffic(
                DatagramReport(
                    .down, total: datagram.count, message: plaintext.count,
                    body: message.map { Self.bodyBytes($0) } ?? 0, frame: datagram.count - 16 - plaintext.count,
                    isRepetition: repetition, handle: nil)))
    }

    static func bodyBytes(_ message: [UInt8]) -> Int {
        (try? Message(decoding: message))?.payload.count ?? 0
    }
}
