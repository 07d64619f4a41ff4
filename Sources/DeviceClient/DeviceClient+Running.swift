internal import CoAP
internal import CompactMatrix
internal import Links
internal import Noise
internal import SecureDatagram

extension DeviceClient {
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

    mutating func handle(_ event: Endpoint.Event, now: Int64) {
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

    mutating func deliver(_ response: Response, now: Int64) {
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

    mutating func confirm(_ handle: Endpoint.Handle, now: Int64) {
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

    mutating func fail(_ handle: Endpoint.Handle, now: Int64) {
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
