internal import Links
internal import Noise
internal import SecureDatagram

/// A device that may enrol itself: name and room, until its one-time code is used or expires.
public struct EnrolmentRecord: Equatable, Sendable {
    public var name: String
    public var room: String
    /// A device that the gateway knows already, and that gets another key.
    public var device: UInt32?
    /// The hash of the code; the code itself is with the device only.
    public var codeHash: [UInt8]
    public var expiresUnixMilliseconds: Int64

    public init(
        name: String, room: String, device: UInt32? = nil, codeHash: [UInt8], expiresUnixMilliseconds: Int64
    ) {
        self.name = name
        self.room = room
        self.device = device
        self.codeHash = codeHash
        self.expiresUnixMilliseconds = expiresUnixMilliseconds
    }
}

extension EnrolmentRecord {
    /// Milliseconds for which a one-time code can be used.
    static var lifetime: Int64 { 15 * 60 * 1000 }

    /// Whether its code can be used. One that expires much later than any can was made before the clock was set back, and
    /// would otherwise stay open for as long as that.
    func isOpen(at now: Moment) -> Bool {
        (now.unixMilliseconds + 1...now.unixMilliseconds + 2 * Self.lifetime).contains(expiresUnixMilliseconds)
    }
}

extension Gateway {
    /// Milliseconds for which a one-time code can be used.
    public static var codeLifetime: Int64 { EnrolmentRecord.lifetime }

    /// Lets a device enrol itself once with this code.
    public func addEnrolment(name: String, room: String, code: [UInt8], now: Moment) throws(DeviceError) {
        forgetExpiredEnrolments(now: now)
        try check(name: name, room: room)
        let record = EnrolmentRecord(
            name: name, room: room, codeHash: Suite.hash(code),
            expiresUnixMilliseconds: now.unixMilliseconds + Self.codeLifetime)
        enrolments.append(record)
        actions.writes.append(.enrolment(record))
    }

    /// Lets a device that is known exchange its key: it enrols itself anew, under its number and in its room. Until it has,
    /// its old key stays valid.
    public func rotate(_ name: String, code: [UInt8], now: Moment) throws(DeviceError) {
        forgetExpiredEnrolments(now: now)
        let device = try standing(name)
        _ = removeEnrolment(name)
        let record = EnrolmentRecord(
            name: device.name, room: device.room.requested, device: device.number, codeHash: Suite.hash(code),
            expiresUnixMilliseconds: now.unixMilliseconds + Self.codeLifetime)
        enrolments.append(record)
        actions.writes.append(.enrolment(record))
    }

    /// Names that wait for their device.
    public var openEnrolments: [EnrolmentRecord] { enrolments }

    /// Takes back a code that has not been used; false where there is none of this name.
    func removeEnrolment(_ name: String) -> Bool {
        guard let index = enrolments.firstIndex(where: { $0.name.lowercased() == name.lowercased() }) else {
            return false
        }
        actions.writes.append(.removeEnrolment(name: enrolments.remove(at: index).name))
        return true
    }

    func forgetExpiredEnrolments(now: Moment) {
        for record in enrolments where !record.isOpen(at: now) {
            actions.writes.append(.removeEnrolment(name: record.name))
        }
        enrolments.removeAll { !$0.isOpen(at: now) }
    }

    /// A device without a number shows its code (IK). Wrong ones cost nothing but a count: they name no enrolment, so that
    /// none can be burnt by guessing.
    func receiveEnrolment(_ datagram: [UInt8], _ parsed: FrameHeader.Parsed, from address: PeerAddress, now: Moment) {
        let hash = GatewayChannel<Suite>.hash(of: datagram, parsed)
        if let number = enrolled[hash],
            case .repeatedAnswer(let bytes, _)? = devices[number]?.channel.repeatedHandshake(
                hash, arrival)
        {
            // The answer was lost, or we were killed before it left: the code is used, the answer stands.
            counters.answersRepeated += 1
            transmit(bytes, to: address)
            return
        }
        guard passesBudget(datagram, parsed, from: address) else { return }
        guard codeGuesses.hasToken(now: now.monotonic) else {
            counters.droppedRateLimited += 1
            return
        }
        forgetExpiredEnrolments(now: now)
        var found: Responder<Suite>?
        for (privateKey, publicKey) in zip(configuration.privateKeys, publicKeys) where found == nil {
            found = try? Responder<Suite>(
                datagram: datagram, parsed: parsed, keys: HandshakeKeys(privateKey: privateKey, publicKey: publicKey))
        }
        guard let responder = found else {
            counters.droppedForged += 1
            return
        }
        // Hashes are compared, so that the time that it takes tells nothing of the code.
        let codeHash = Suite.hash(responder.payload.code)
        guard let index = enrolments.firstIndex(where: { $0.codeHash == codeHash }), responder.payload.revision == 0,
            standing(key: responder.deviceKey) == nil
        else {
            _ = codeGuesses.take(now: now.monotonic)
            counters.droppedForged += 1
            return
        }
        enrol(responder, frame: hash, enrolments[index], from: address, now: now)
    }

    private func enrol(
        _ responder: Responder<Suite>, frame hash: [UInt8], _ enrolment: EnrolmentRecord, from address: PeerAddress,
        now: Moment
    ) {
        guard let number = enrolment.device ?? freeNumber, let deviceNumber = DeviceNumber(number) else {
            note(.error, "all device numbers are given: \(enrolment.name) cannot be enrolled")
            return
        }
        var device =
            devices[number]
            ?? Device(
                record: DeviceRecord(
                    number: number, name: enrolment.name, publicKey: [],
                    addedUnixMilliseconds: now.unixMilliseconds, room: RoomMapping(requested: enrolment.room)),
                channel: GatewayChannel<Suite>(limits: channelLimits), endpoint: newEndpoint())
        device.channel.endAll()
        let frame = GatewayChannel<Suite>.FrameID(source: hash, number: nil)
        guard
            let message2 = try? device.channel.reply(
                to: responder, frame: frame, .enrolled(deviceNumber), answer: [], ephemeral: random(32), arrival)
        else {
            counters.droppedForged += 1
            return
        }
        hasEnrolled(&device, with: responder.deviceKey, (hash, message2), from: address, now: now)
        _ = removeEnrolment(enrolment.name)
        advance(number, now: now)
    }

    /// What every enrolment ends with: the device has a key, its last message an answer, which now leaves.
    func hasEnrolled(
        _ device: inout Device, with key: [UInt8], _ answered: (hash: [UInt8], reply: [UInt8]),
        from address: PeerAddress, now: Moment
    ) {
        counters.handshakes += 1
        let number = device.record.number
        let isKnown = devices[number] != nil
        forgetConversation(with: &device)
        device.record.publicKey = key
        device.record.presharedKey = []
        device.record.labelKey = []
        device.record.hasDamagedSecrets = false
        device.handshakeKeys = []
        device.labelHandshakes = []
        device.record.handshakeCounter = device.channel.handshakeCounter
        device.record.handshakeHash = answered.hash
        device.record.handshakeReply = answered.reply
        device.record.address = address
        device.record.lastSeenUnixMilliseconds = now.unixMilliseconds
        devices[number] = device
        enrolled = enrolled.filter { $0.value != number }
        enrolled[answered.hash] = number
        touched.insert(number)
        note(.info, isKnown ? "has enrolled itself" : "has enrolled itself as number \(number)", device: number)
        _ = queue.enqueue(answered.reply.count, now: now.monotonic)
        transmit(answered.reply, to: address)
    }
}
