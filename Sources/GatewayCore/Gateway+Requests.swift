internal import CoAP
internal import CompactMatrix
internal import MatrixJSON
internal import SecureDatagram

extension Gateway {
    /// Handles what has happened at a device's endpoint.
    func handle(eventsOf number: UInt32, now: Moment) {
        while let event = devices[number]?.endpoint.nextEvent() {
            switch event {
            case .request(let incoming):
                counters.requests += 1
                if let frame = handling { devices[number]?.channel.confirmAnswers(before: frame) }
                let response = respond(to: incoming, of: number, now: now)
                try? devices[number]?.endpoint.respond(to: incoming.id, response, now: now.monotonic)
            case .notificationDelivered(let handle):
                delivered(handle, of: number, now: now)
            case .notificationFailed(let handle, let failure):
                deliveryFailed(handle, failure, of: number)
            case .response, .notification, .failed, .pong:
                break
            }
        }
    }

    private func respond(to incoming: Endpoint.IncomingRequest, of number: UInt32, now: Moment) -> Response {
        let request = incoming.request
        for option in request.options where option.number.isCritical {
            // Uri-Path alone has a meaning here; what else is critical must not be ignored (RFC 7252 section 5.4.1).
            guard option.number == .uriPath else { return Response(.badOption) }
        }
        guard let resource = Resource(path: request.path) else { return Response(.notFound) }
        switch (resource, request.method) {
        case (.messages, .get):
            return observe(request, token: incoming.id.token, of: number)
        case (.text, .post), (.reading, .post), (.event, .post):
            return accept(resource, request.payload, of: number, now: now)
        default:
            return Response(.methodNotAllowed)
        }
    }

    /// Takes a message for the room: on disk with the answer, or refused.
    private func accept(_ resource: Resource, _ body: [UInt8], of number: UInt32, now: Moment) -> Response {
        guard var device = devices[number], let frame = handling else { return Response(.internalServerError) }
        do throws(UplinkError) {
            _ = try RoomContent(resource: resource, body: body)
        } catch {
            return Response(error == .tooLarge ? .requestEntityTooLarge : .badRequest)
        }
        switch device.record.room.state {
        case .refused(let reason):
            note(.warning, "a message was refused: the device is not in its room (\(reason))", device: number)
            device.record.refused += 1
            device.recordChanged = true
            devices[number] = device
            return Response(.forbidden)
        case .encrypted:
            note(
                .warning, "a message was refused: its room is encrypted, and it would go there in clear", device: number
            )
            device.record.refused += 1
            device.recordChanged = true
            devices[number] = device
            return Response(.forbidden)
        case .pending, .joined:
            break
        }
        guard device.uplinks.count < configuration.uplinkLimit else {
            return Response(.serviceUnavailable, options: [MessageOption(.maxAge, uint: 60)])
        }
        let record = UplinkRecord(
            id: nextUplinkID, device: number, requestID: requestID(of: frame), resource: resource.rawValue, body: body,
            receivedUnixMilliseconds: now.unixMilliseconds)
        nextUplinkID += 1
        device.uplinks.append(record)
        device.record.accepted += 1
        device.recordChanged = true
        devices[number] = device
        actions.writes.append(.uplink(record))
        advance(number, now: now)
        return Response(.changed)
    }

    /// The identity of a request for ever: the session (or message 1) and the number of its first accepted frame, never a
    /// counter of ours, which a restored backup would repeat. 96 bits of a hash tell sessions apart.
    private func requestID(of frame: GatewayChannel<Suite>.FrameID) -> String {
        let session = Base64URL.encode(Array(frame.source.prefix(12)))
        guard let number = frame.number else { return session + ".h" }
        return "\(session).\(number)"
    }
}
