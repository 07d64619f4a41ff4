internal import CoAP
internal import SecureDatagram

extension Gateway {
    /// How long a device may wait for a notification before it asks again whether it is still observed, in seconds.
    static var observationMaxAge: UInt64 { 3600 }

    /// A device asks for what arrives (RFC 7641): the token is kept, and everything that waits follows one by one.
    func observe(_ request: Request, token: [UInt8], of number: UInt32) -> Response {
        guard var device = devices[number] else { return Response(.internalServerError) }
        defer {
            device.recordChanged = true
            devices[number] = device
        }
        switch request.observe {
        case 0:
            if let delivery = device.delivery {
                // The new registration takes the place of the old one; what was under way goes out again under it.
                device.endpoint.cancel(delivery.handle)
                device.delivery = nil
            }
            device.record.observeToken = token
            return Response(
                .content,
                options: [
                    MessageOption(.observe, uint: 0), MessageOption(.maxAge, uint: Self.observationMaxAge),
                ])
        case 1:
            device.record.observeToken = nil
            return Response(.content)
        default:
            return Response(.badRequest)
        }
    }

    /// Sends the next of what waits for a device, one at a time: it is removed when the device has confirmed it.
    func push(_ number: UInt32, now: Moment) {
        guard var device = devices[number], device.delivery == nil, !device.isSilent, device.channel.canPush,
            let token = device.record.observeToken, device.record.address != nil,
            let item = device.inbox.first, item.unverifiedSender == nil
        else { return }
        let response = Response(
            .content, options: [MessageOption(.maxAge, uint: Self.observationMaxAge)], payload: item.body)
        guard let handle = try? device.endpoint.notify(token: token, sequence: UInt64(item.id), response: response)
        else { return }
        device.delivery = (handle, item.id, 0, [])
        devices[number] = device
        touched.insert(number)
        run(number, now: now)
    }

    func delivered(_ handle: Endpoint.Handle, of number: UInt32, now: Moment) {
        guard let delivery = devices[number]?.delivery, delivery.handle == handle else { return }
        devices[number]?.delivery = nil
        devices[number]?.channel.confirm(delivery.frameNumber, session: delivery.session)
        devices[number]?.inbox.removeAll { $0.id == delivery.inboxID }
        actions.writes.append(.removeInbox(id: delivery.inboxID))
        push(number, now: now)
    }

    /// A reset says that the device does not listen any more: what waits stays until it asks again (RFC 7641 section 3.6).
    /// Silence says nothing of the kind: the next thing that we hear from it starts the pushing again.
    func deliveryFailed(_ handle: Endpoint.Handle, _ failure: Endpoint.Failure, of number: UInt32) {
        guard devices[number]?.delivery?.handle == handle else { return }
        devices[number]?.delivery = nil
        touched.insert(number)
        switch failure {
        case .reset:
            devices[number]?.record.observeToken = nil
            devices[number]?.recordChanged = true
            note(.info, "no longer watches", device: number)
        case .timeout:
            devices[number]?.isSilent = true
            note(.info, "does not confirm what is sent to it; waiting to hear from it", device: number)
        }
    }
}
