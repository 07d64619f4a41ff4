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
                if let handling { devices[number]?.channel.confirmAnswers(before: handling.frame) }
                var response = respond(to: incoming, of: number, now: now)
                if let handling, handling.form != .verbatim { response.shortenRefusal() }
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
        let request: Request
        switch RequestScreen().verdict(on: incoming.request) {
        case .sound(let sound): request = sound
        case .refused(let response, _): return response
        }
        for option in request.options where option.number.isCritical {
            // What is critical and has no meaning here must not be ignored (RFC 7252 section 5.4.1).
            switch option.number {
            case .uriPath, .block1, .block2: break
            default: return Response(.badOption)
            }
        }
        guard let resource = Resource(path: request.path) else { return Response(.notFound) }
        switch (resource, request.method) {
        case (.messages, .get):
            return observe(request, token: incoming.id.token, of: number)
        case (.text, .post), (.reading, .post), (.packedReading, .post), (.event, .post):
            guard let frame = handling?.frame else { return Response(.internalServerError) }
            guard let block = request.block(.block1) else {
                return accept(resource, request.payload, frame, of: number, now: now)
            }
            var response = receive(block, resource, request, frame, of: number, now: now)
            // RFC 7959 section 2.3: the final answer names the block that it answers.
            if response.option(.block1) == nil { response.options.append(block.option(.block1)) }
            return response
        default:
            return Response(.methodNotAllowed)
        }
    }

    /// Takes a block of a message: what is acknowledged is on disk. The message is accepted with its last block, under the
    /// identity of its first.
    private func receive(
        _ block: BlockOption, _ resource: Resource, _ request: Request, _ frame: GatewayChannel<Suite>.FrameID,
        of number: UInt32, now: Moment
    ) -> Response {
        guard var device = devices[number] else { return Response(.internalServerError) }
        let key = BlockKey(request)
        if block.number == 0 {
            // What would be refused in the end is refused before its bytes are spent.
            if let refusal = refusal(of: &device, now: now) {
                devices[number] = device
                return refusal
            }
            if let size = request.option(.size1)?.uint, size > UInt64(Uplink.longestBody) {
                return BlockBody.tooLarge(Uplink.longestBody)
            }
            device.body = BodyRecord(
                device: number, session: frame.source, source: frame.source, number: frame.number, key: key.bytes,
                bytes: [], expiresUnixMilliseconds: 0)
        }
        guard var record = device.body, record.key == key.bytes, record.session == frame.source,
            block.number == 0 || record.expiresUnixMilliseconds > now.unixMilliseconds
        else { return BlockBody.incomplete(block) }
        var body = BlockBody(key: key, bytes: record.bytes)
        let outcome = body.take(request, block, exponent: 6, mostBytes: Uplink.longestBody)
        let lifetime = device.endpoint.parameters.exchangeLifetime / 1_000_000
        record.expiresUnixMilliseconds = now.unixMilliseconds + lifetime
        record.bytes = body.bytes
        device.bodyChanged = true
        switch outcome {
        case .proceed(let response):
            device.body = record
            devices[number] = device
            return response
        case .incomplete(let response):
            device.bodyChanged = false
            devices[number] = device
            return response
        case .tooLarge(let response):
            device.body = nil
            devices[number] = device
            return response
        case .whole(let whole):
            device.body = nil
            devices[number] = device
            let first = GatewayChannel<Suite>.FrameID(source: record.source, number: record.number)
            return accept(resource, whole.payload, first, of: number, now: now)
        }
    }

    /// Why nothing can be taken from a device now; nil: it can.
    private func refusal(of device: inout Device, now: Moment) -> Response? {
        switch device.record.room.state {
        case .refused(let reason):
            note(
                .warning, "a message was refused: the device is not in its room (\(reason))",
                device: device.record.number)
        case .encrypted:
            note(
                .warning, "a message was refused: its room is encrypted, and it would go there in clear",
                device: device.record.number)
        case .pending, .joined:
            guard device.queued < configuration.uplinkLimit else {
                return Response(.serviceUnavailable, options: [MessageOption(.maxAge, uint: 60)])
            }
            return tooMany(of: &device, now: now)
        }
        device.record.refused += 1
        device.recordChanged = true
        return Response(.forbidden)
    }

    /// 4.29 to a device that sends more than it may (RFC 8516), with the time until it may again in Max-Age.
    private func tooMany(of device: inout Device, now: Moment) -> Response? {
        guard let most = configuration.messagesPerHour else { return nil }
        let allowance =
            device.allowance
            ?? TokenBucket(
                rate: Int64(most), per: 3_600_000_000_000, burst: Int64(most), now: now.monotonic)
        device.allowance = allowance
        let wait = allowance.wait(now: now.monotonic)
        guard wait > 0 else { return nil }
        counters.requestsRateLimited += 1
        let seconds = UInt64((wait + 999_999_999) / 1_000_000_000)
        return Response(.tooManyRequests, options: [MessageOption(.maxAge, uint: seconds)])
    }

    /// Takes a message for the room: on disk with the answer, or refused.
    ///
    /// - Parameter frame: the first that brought it.
    private func accept(
        _ resource: Resource, _ body: [UInt8], _ frame: GatewayChannel<Suite>.FrameID, of number: UInt32, now: Moment
    ) -> Response {
        guard var device = devices[number] else { return Response(.internalServerError) }
        var (resource, body) = (resource, body)
        if resource == .packedReading {
            guard let reading = unpacked(body, of: device.record) else {
                note(
                    .warning,
                    device.record.template.isEmpty
                        ? "a packed reading was refused: its firmware is not known; sotto device firmware tells it"
                        : "a packed reading was refused: it is none of its firmware's template",
                    device: number)
                return Response(.badRequest)
            }
            (resource, body) = (.reading, reading)
        }
        do throws(UplinkError) {
            _ = try RoomContent(resource: resource, body: body)
        } catch {
            return Response(error == .tooLarge ? .requestEntityTooLarge : .badRequest)
        }
        if let refusal = refusal(of: &device, now: now) {
            devices[number] = device
            return refusal
        }
        _ = device.allowance?.take(now: now.monotonic)
        let record = UplinkRecord(
            id: nextUplinkID, device: number, requestID: requestID(of: frame), resource: resource.rawValue, body: body,
            receivedUnixMilliseconds: now.unixMilliseconds)
        nextUplinkID += 1
        enqueue(record, of: &device)
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

extension Response {
    /// Says in the payload instead of an option when to try again.
    fileprivate mutating func shortenRefusal() {
        guard !code.isSuccess, payload.isEmpty, let option = option(.maxAge) else { return }
        options.removeAll { $0.number == .maxAge }
        payload = DeviceRefusal(usual: code, maxAge: UInt32(clamping: option.uint ?? 0)).payload
    }
}
