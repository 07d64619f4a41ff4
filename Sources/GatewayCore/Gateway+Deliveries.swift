internal import CoAP
internal import Links
internal import SecureDatagram

extension Gateway {
    /// How long a device may wait for a notification before it asks again whether it is still observed, in seconds.
    static var observationMaxAge: UInt64 { 3600 }

    /// A device asks for what arrives (RFC 7641): the token is kept, and everything that waits follows one by one. A tag says
    /// what it has whole.
    func observe(_ request: Request, token: [UInt8], of number: UInt32) -> Response {
        guard var device = devices[number] else { return Response(.internalServerError) }
        defer {
            device.recordChanged = true
            devices[number] = device
        }
        let isConfirmed = confirm(request, of: &device)
        switch request.observe {
        case 0:
            if let delivery = device.delivery {
                // The new registration takes the place of the old one; what was under way goes out again under it.
                device.endpoint.cancel(delivery.handle)
                device.delivery = nil
            }
            device.record.observeToken = token
            return Response(
                isConfirmed ? .valid : .content,
                options: [
                    MessageOption(.observe, uint: 0), MessageOption(.maxAge, uint: Self.observationMaxAge),
                ])
        case 1:
            device.record.observeToken = nil
            return Response(.content)
        case nil where request.block(.block2) != nil:
            return block(of: &device, for: request)
        default:
            return Response(.badRequest)
        }
    }

    // MARK: Blocks

    /// The longest body of a notification that is not cut into blocks: frame and tag; CoAP's header, token, Observe, Max-Age
    /// and marker.
    var largestNotification: Int { link.down.mtu - 28 - 13 }
    /// ETag and Block2.
    private static var blockOptions: Int { 9 }
    /// What each block costs beside its bytes: frames and tags, CoAP's header and options, both ways.
    private static var blockOverhead: Int { 62 }

    /// Whether the link carries blocks at all.
    var smallestBlockFits: Bool { largestNotification - Self.blockOptions >= 16 }

    /// The exponent of the blocks that fit, and that the losses on the way to the device ask for.
    private func blockExponent(_ device: Device) -> UInt8 {
        min(
            BlockOption.exponent(fitting: largestNotification - Self.blockOptions),
            BlockOption.exponent(
                lossPerBillionBytes: device.losses.lossPerBillionBytes,
                overhead: Self.blockOverhead + link.up.overheadBytes + link.down.overheadBytes))
    }

    /// Around the best size the cost is flat: up to twice as much in one message costs no more than two.
    private func isBetterInBlocks(_ bytes: Int, _ exponent: UInt8) -> Bool {
        let size = 16 << Int(exponent)
        guard smallestBlockFits, bytes > size else { return false }
        return bytes > largestNotification || exponent < 6 && bytes > 2 * size
    }

    /// Names what is delivered, in whichever blocks.
    private static func tag(of inboxID: Int64) -> [UInt8] {
        let id = UInt32(truncatingIfNeeded: inboxID)
        return [UInt8(id >> 24), UInt8(id >> 16 & 0xFF), UInt8(id >> 8 & 0xFF), UInt8(id & 0xFF)]
    }

    private static func notification(of item: InboxRecord) -> Response {
        Response(
            .content,
            options: [MessageOption(.maxAge, uint: observationMaxAge), MessageOption(.eTag, tag(of: item.id))],
            payload: item.body)
    }

    /// A block of what is being delivered. The device has the first one, whatever became of its acknowledgement.
    private func block(of device: inout Device, for request: Request) -> Response {
        guard let item = device.inbox.first, item.unverifiedSender == nil else { return Response(.notFound) }
        if let delivery = device.delivery, delivery.inboxID == item.id { device.endpoint.cancel(delivery.handle) }
        device.delivery = DeliveryUnderWay(handle: 0, inboxID: item.id, isInBlocks: true)
        // It holds nothing: the inbox does.
        var slicer = BlockSlicer(mostBytes: 0, lifetime: 0)
        var whole = Self.notification(of: item)
        whole.options.removeAll { $0.number == .maxAge }
        return slicer.cut(whole, for: request, exponent: blockExponent(device), now: 0)
    }

    /// A tag in a request: the device has all blocks of this delivery. Whether it is one of ours.
    private func confirm(_ request: Request, of device: inout Device) -> Bool {
        guard let tag = request.option(.eTag)?.value else { return false }
        guard let item = device.inbox.first, Self.tag(of: item.id) == tag else { return true }
        if let delivery = device.delivery, delivery.inboxID == item.id {
            device.endpoint.cancel(delivery.handle)
            device.delivery = nil
        }
        device.inbox.removeFirst()
        actions.writes.append(.removeInbox(id: item.id))
        return true
    }

    // MARK: Pushing

    /// Sends the next of what waits for a device, one at a time: it is removed when the device has confirmed it.
    func push(_ number: UInt32, now: Moment) {
        guard var device = devices[number], device.delivery == nil, !device.isSilent, device.channel.canPush,
            let token = device.record.observeToken, device.record.address != nil,
            let item = device.inbox.first, item.unverifiedSender == nil
        else { return }
        var response = Self.notification(of: item)
        let exponent = blockExponent(device)
        let isInBlocks = isBetterInBlocks(item.body.count, exponent)
        if isInBlocks {
            let first = BlockOption(number: 0, more: true, exponent: exponent)
            response.payload = Array(item.body.prefix(first.size))
            response.options.append(first.option(.block2))
        } else {
            response.options.removeAll { $0.number == .eTag }
        }
        guard let handle = try? device.endpoint.notify(token: token, sequence: UInt64(item.id), response: response)
        else { return }
        device.delivery = DeliveryUnderWay(handle: handle, inboxID: item.id, isInBlocks: isInBlocks)
        devices[number] = device
        touched.insert(number)
        run(number, now: now)
    }

    func delivered(_ handle: Endpoint.Handle, of number: UInt32, now: Moment) {
        guard var device = devices[number], let delivery = device.delivery, delivery.handle == handle else { return }
        learn(from: handle, of: &device, now: now)
        device.channel.confirm(delivery.frameNumber, session: delivery.session)
        if !delivery.isInBlocks {
            device.delivery = nil
            device.inbox.removeAll { $0.id == delivery.inboxID }
            actions.writes.append(.removeInbox(id: delivery.inboxID))
        }
        devices[number] = device
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
