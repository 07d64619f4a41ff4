internal import CoAP
internal import CompactMatrix
internal import Links
internal import SecureDatagram

extension Gateway {
    /// A device asks for what arrives (RFC 7641): the token is kept, and everything that waits follows one by one. A tag says
    /// what it has whole.
    func observe(_ request: Request, token: [UInt8], of number: UInt32) -> Response {
        guard var device = devices[number] else { return Response(.internalServerError) }
        defer {
            device.recordChanged = true
            devices[number] = device
        }
        let isConfirmed = confirm(request, of: &device)
        let isCompact = handling?.form != .verbatim
        switch request.observe {
        case 0:
            if let delivery = device.delivery {
                // The new registration takes the place of the old one; what was under way goes out again under it.
                device.endpoint.cancel(delivery.handle)
                device.delivery = nil
            }
            device.record.observeToken = token
            device.record.observesCompactly = isCompact
            // It may be a device that lost its memory.
            device.conversation?.forgetSentIdentifiers()
            return Response(
                isConfirmed ? .valid : .content,
                options: [
                    MessageOption(.observe, uint: 0),
                    MessageOption(.maxAge, uint: CompactConversation.notificationMaxAge),
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

    /// What goes together: what went together before, or what waits, as far as it fits into one message. The first alone may
    /// be longer.
    private func nextDeliveries(of device: Device) -> ArraySlice<InboxRecord> {
        let name = device.inbox.first?.name
        let exponent = blockExponent(device)
        var count = 0
        for item in device.inbox.prefix(Self.mostTogether) {
            guard item.unverifiedSender == nil, item.name == name else { break }
            if name == nil, count > 0 {
                let bytes = Self.body(of: device.inbox.prefix(count + 1)).count
                if bytes > largestNotification || isBetterInBlocks(bytes, exponent) { break }
            }
            count += 1
        }
        return device.inbox.prefix(count)
    }

    private static var mostTogether: Int { 16 }

    /// As it travels in blocks, or to a device that does not remember identifiers.
    private static func body(of items: ArraySlice<InboxRecord>) -> [UInt8] {
        var pass = IdentifierPass.none
        return DeliveryBatch.encode(batch(of: items), &pass)
    }

    private static func batch(of items: ArraySlice<InboxRecord>) -> [DeliveryBatch.Item] {
        items.compactMap { record in
            guard let delivery = try? Delivery(decoding: record.body) else { return nil }
            return DeliveryBatch.Item(
                sender: delivery.sender, unixSeconds: delivery.unixSeconds, content: .said(delivery.content))
        }
    }

    private static func notification(of body: [UInt8], _ tag: [UInt8]?) -> Response {
        var response = Response(
            .content, options: [MessageOption(.maxAge, uint: CompactConversation.notificationMaxAge)], payload: body)
        if let tag { response.options.append(MessageOption(.eTag, tag)) }
        return response
    }

    /// A block of what is being delivered. The device has the first one, whatever became of its acknowledgement.
    private func block(of device: inout Device, for request: Request) -> Response {
        let items = nextDeliveries(of: device)
        guard let name = items.first?.name else { return Response(.notFound) }
        let ids = items.map(\.id)
        if let delivery = device.delivery, delivery.inboxIDs == ids { device.endpoint.cancel(delivery.handle) }
        device.delivery = DeliveryUnderWay(handle: 0, inboxIDs: ids, isInBlocks: true)
        // It holds nothing: the inbox does.
        var slicer = BlockSlicer(mostBytes: 0, lifetime: 0)
        var whole = Self.notification(of: Self.body(of: items), name.tag)
        whole.options.removeAll { $0.number == .maxAge }
        return slicer.cut(whole, for: request, exponent: blockExponent(device), now: 0)
    }

    /// A tag in a request: the device has all blocks of this delivery. Whether it is one of ours.
    private func confirm(_ request: Request, of device: inout Device) -> Bool {
        guard let tag = request.option(.eTag)?.value else { return false }
        guard let name = device.inbox.first?.name, name.tag == tag else { return true }
        let items = device.inbox.prefix { $0.name == name }
        if let delivery = device.delivery, delivery.inboxIDs.first == items.first?.id {
            device.endpoint.cancel(delivery.handle)
            device.delivery = nil
        }
        remove(items.map(\.id), from: &device)
        return true
    }

    private func remove(_ ids: [Int64], from device: inout Device) {
        device.inbox.removeAll { ids.contains($0.id) }
        for id in ids { actions.writes.append(.removeInbox(id: id)) }
    }

    // MARK: Pushing

    /// Sends the next of what waits for a device, one message at a time: it is removed when the device has confirmed it.
    func push(_ number: UInt32, now: Moment) {
        guard var device = devices[number], device.delivery == nil, !device.isSilent, device.channel.canPush,
            let token = device.record.observeToken, device.record.address != nil
        else { return }
        let items = nextDeliveries(of: device)
        guard !items.isEmpty else { return }
        let body = Self.body(of: items)
        let exponent = blockExponent(device)
        let isInBlocks = isBetterInBlocks(body.count, exponent)
        var response = Self.notification(of: body, nil)
        if isInBlocks {
            let first = BlockOption(number: 0, more: true, exponent: exponent)
            response.payload = Array(body.prefix(first.size))
            response.options.append(first.option(.block2))
        }
        // The frame's number is known when it leaves, and goes into the message then.
        guard let handle = try? device.endpoint.notify(token: token, sequence: 0, response: response) else { return }
        device.delivery = DeliveryUnderWay(handle: handle, inboxIDs: items.map(\.id), isInBlocks: isInBlocks)
        devices[number] = device
        touched.insert(number)
        run(number, now: now)
    }

    /// Completes a notification for the frame that it leaves in: what it is named, and what stands for identifiers there.
    func write(
        _ bytes: [UInt8], in frame: UInt64, _ session: [UInt8], of device: inout Device,
        _ conversation: inout CompactConversation
    ) -> [UInt8] {
        guard let delivery = device.delivery, var message = try? Message(decoding: bytes) else { return bytes }
        let items = device.inbox.filter { delivery.inboxIDs.contains($0.id) }
        let own = DeliveryName(session: session, frame: frame)
        let name = items.first?.name ?? own
        if items.first?.name == nil {
            for index in device.inbox.indices where delivery.inboxIDs.contains(device.inbox[index].id) {
                device.inbox[index].name = own
                actions.writes.append(.inbox(device.inbox[index]))
            }
        }
        message.options.removeAll { $0.number == .observe || $0.number == .eTag }
        message.options.append(MessageOption(.observe, uint: frame & 0xFF_FFFF))
        if name != own || delivery.isInBlocks { message.options.append(MessageOption(.eTag, name.tag)) }
        if device.record.observesCompactly, !delivery.isInBlocks {
            var pass = conversation.identifiersToWrite(in: frame)
            message.payload = DeliveryBatch.encode(Self.batch(of: items[...]), &pass)
            conversation.wrote(pass, in: frame)
        }
        return (try? message.encoded()) ?? bytes
    }

    func delivered(_ handle: Endpoint.Handle, of number: UInt32, now: Moment) {
        guard var device = devices[number], let delivery = device.delivery, delivery.handle == handle else { return }
        learn(from: handle, of: &device, now: now)
        device.channel.confirm(delivery.frameNumber, session: delivery.session)
        if device.conversation?.session == delivery.session { device.conversation?.acknowledged(delivery.frameNumber) }
        if !delivery.isInBlocks {
            device.delivery = nil
            remove(delivery.inboxIDs, from: &device)
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
