internal import CoAP
public import CompactMatrix
internal import Links
internal import SecureDatagram

/// Bodies that are longer than a message, both ways (RFC 7959).
extension DeviceClient {
    /// A delivery of which the first block was pushed; the others are asked for.
    struct Download: Sendable {
        var name: DeliveryName
        var tag: [UInt8]
        var transfer: BlockwiseTransfer
        /// The request under way.
        var handle: Endpoint.Handle?
    }

    // MARK: Up

    /// The longest body that travels in one message: a handshake may have to carry it, and never fragments.
    public var largestMessage: Int {
        // A device that never shakes hands: first byte, device, a long number, tag.
        let frame = 1 + identity.number.encoded.count + 8 + 16
        let overhead = identity.handshake == nil ? frame : Initiator<Suite>.message1Overhead(of: identity.number)
        return max(0, link.up.mtu - overhead - Self.requestOverhead)
    }

    /// The exponent of the blocks that fit, and that the link's losses ask for; nil: not even the smallest fits.
    private var blockExponent: UInt8? {
        let room = largestMessage - Self.blockOptions
        guard room >= 16 else { return nil }
        return min(
            BlockOption.exponent(fitting: room),
            BlockOption.exponent(
                lossPerBillionBytes: losses.lossPerBillionBytes,
                overhead: Self.blockOverhead + link.up.overheadBytes + link.down.overheadBytes))
    }

    /// Block1 and Size1.
    private static var blockOptions: Int { 10 }
    /// What each block costs beside its bytes: frames and tags, CoAP's header and options, both ways.
    private static var blockOverhead: Int { 53 }

    /// The longest body of a message.
    public var largestBody: Int {
        blockExponent == nil ? min(largestMessage, Uplink.longestBody) : Uplink.longestBody
    }

    /// Sends something to the device's room. It is stored and repeated until it is answered. What is longer than a message
    /// goes in blocks, the next one when the gateway has the one before.
    public mutating func send(_ uplink: Uplink, now: Int64) throws(SendError) -> RequestID {
        let body = uplink.body
        let handle = endpoint.reserveHandle()
        let sending = SentUplink(handle: handle, resource: uplink.resource, body: body)
        guard body.count <= largestBody else { throw .tooLarge(body: body.count, limit: largestBody) }
        if sendsAgainAt != nil {
            postponed.append(sending)
        } else if !start(sending, now: now) {
            throw .tooLarge(body: body.count, limit: largestBody)
        }
        run(now: now)
        return handle
    }

    private mutating func start(_ uplink: SentUplink, now: Int64) -> Bool {
        var uplink = uplink
        var request = Request(.post, path: [uplink.resource.segment], payload: uplink.body)
        uplink.transfer = nil
        if let exponent = blockExponent, isBetterInBlocks(uplink.body.count, exponent) {
            let transfer = BlockwiseTransfer(request, exponent: exponent)
            request = transfer.first
            uplink.transfer = transfer
        }
        // Each keeps its place until it is answered for good: order is kept, and one is to be stored at a time.
        guard (try? endpoint.start(request, continues: true, handle: uplink.handle, now: now)) != nil else {
            return false
        }
        uplinks.append(uplink)
        return true
    }

    /// Around the best size the cost is flat: up to twice as much in one message costs no more than two.
    private func isBetterInBlocks(_ bytes: Int, _ exponent: UInt8) -> Bool {
        let size = 16 << Int(exponent)
        return bytes > size && (bytes > largestMessage || exponent < 6 && bytes > 2 * size)
    }

    mutating func proceed(withUplink index: Int, _ response: Response, now: Int64) {
        guard response.code != .tooManyRequests else { return postpone(response.maxAge, now: now) }
        let handle = uplinks[index].handle
        switch uplinks[index].transfer?.receive(response) ?? .done(response) {
        case .send(let next):
            if (try? endpoint.proceed(handle, next)) == true { return }
            end(index)
            events.append(.unanswered(handle, .request))
        case .done(let response):
            end(index)
            events.append(.answered(handle, response))
        case .failed:
            end(index)
            events.append(.unanswered(handle, .request))
        }
    }

    private mutating func end(_ index: Int) {
        endpoint.end(uplinks.remove(at: index).handle)
    }

    // MARK: Later

    /// The gateway has had enough for so many seconds (RFC 8516): nothing is sent to it before.
    private mutating func postpone(_ seconds: UInt64, now: Int64) {
        let seconds = max(1, seconds)
        for uplink in uplinks.reversed() {
            endpoint.end(uplink.handle)
            endpoint.cancel(uplink.handle)
            events.append(.postponed(uplink.handle, seconds: seconds))
        }
        postponed = uplinks + postponed
        uplinks = []
        sendsAgainAt = now + Int64(clamping: seconds) * 1_000_000_000
    }

    mutating func sendPostponed(now: Int64) {
        guard let time = sendsAgainAt, time <= now else { return }
        sendsAgainAt = nil
        let due = postponed
        postponed = []
        for uplink in due where !start(uplink, now: now) { events.append(.unanswered(uplink.handle, .request)) }
    }

    // MARK: After a restart

    /// How far the body of this request has come; nil: it is in one message.
    func upload(_ handle: Endpoint.Handle) -> DeviceSnapshot.Upload? {
        guard let uplink = uplinks.first(where: { $0.handle == handle }), let transfer = uplink.transfer else {
            return nil
        }
        let (exponent, sent) = transfer.progress
        return DeviceSnapshot.Upload(body: uplink.body, exponent: exponent, sent: sent)
    }

    /// Takes up a message that was on its way in an earlier run, the newest of its blocks where it has any.
    mutating func resume(
        _ upload: DeviceSnapshot.Upload?, _ message: [UInt8], _ handle: Endpoint.Handle
    ) throws(MessageError) {
        let block = try Message(decoding: message)
        var request = Request(block.code, payload: upload?.body ?? block.payload)
        for option in block.options where option.number == .uriPath { request.options.append(option) }
        guard let resource = Resource(path: request.path) else { throw .cannotEncode }
        var uplink = SentUplink(handle: handle, resource: resource, body: request.payload)
        if let upload {
            guard upload.sent >= 0, upload.sent < upload.body.count else { throw .cannotEncode }
            uplink.transfer = BlockwiseTransfer(request, exponent: upload.exponent, resumingAt: upload.sent)
        }
        uplinks.append(uplink)
    }

    // MARK: Down

    mutating func receiveFirstBlock(_ response: Response, _ name: DeliveryName, now: Int64) {
        // Without a tag nobody could say whether later blocks belong to this one.
        guard let tag = response.option(.eTag)?.value, !tag.isEmpty else { return }
        guard snapshot.newestName != name else {
            // Heard, and the gateway does not know of it.
            confirm(tag, now: now)
            return
        }
        if let download, download.tag == tag { return }
        abandonDownload()
        var transfer = BlockwiseTransfer(
            Request(.get, path: [Resource.messages.segment]), mostBytes: Delivery.longestBody)
        let step = transfer.receive(response)
        download = Download(name: name, tag: tag, transfer: transfer, handle: nil)
        take(step, now: now)
    }

    mutating func proceed(withDownload response: Response, now: Int64) {
        guard var download else { return }
        download.handle = nil
        guard response.code == .content, response.option(.eTag)?.value == download.tag else {
            // Something else waits there now.
            self.download = nil
            register(now: now)
            return
        }
        let step = download.transfer.receive(response)
        self.download = download
        take(step, now: now)
    }

    private mutating func take(_ step: BlockwiseTransfer.Step, now: Int64) {
        guard let download else { return }
        switch step {
        case .send(var request):
            let size = 16 << Int(download.transfer.progress.exponent)
            request.expectedAnswerBytes = endpoint.parameters.expectedAnswerBytes + size + Self.blockOptions
            self.download?.handle = try? endpoint.start(request, now: now)
        case .done(let whole):
            self.download = nil
            var pass = IdentifierPass.none
            hear((try? DeliveryBatch.decode(whole.payload, &pass)) ?? [], download.name)
            confirm(download.tag, now: now)
        case .failed(.tooLarge):
            // It would be offered for ever, and all that waits behind it with it.
            snapshot.newestName = download.name
            self.download = nil
            confirm(download.tag, now: now)
        case .failed:
            self.download = nil
            register(now: now)
        }
    }

    mutating func abandonDownload() {
        if let handle = download?.handle {
            endpoint.cancel(handle)
            frames.removeAll { $0.handle == handle }
        }
        download = nil
    }

    /// Tells the gateway that a delivery in blocks is here whole: the registration made anew, with its tag (RFC 7641 section
    /// 3.3.1). An acknowledgement says that of its first block only.
    private mutating func confirm(_ tag: [UInt8], now: Int64) {
        snapshot.unconfirmedTag = tag
        stateChanged = true
        register(now: now)
    }

    /// The gateway has answered a registration.
    mutating func registered(_ response: Response, now: Int64) {
        if response.code != .valid { events.append(.watching) }
        guard !snapshot.unconfirmedTag.isEmpty else { return }
        if registeredTag == snapshot.unconfirmedTag {
            snapshot.unconfirmedTag = []
            stateChanged = true
        } else {
            register(now: now)
        }
    }
}
