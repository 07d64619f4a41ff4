internal import Links
internal import SecureDatagram

/// Devices that enrol themselves by the secret of their label (XXpsk0), under a number that is printed beside it.
extension Gateway {
    /// Nanoseconds for which a message 2 waits for its message 3.
    static var labelHandshakeLifetime: Int64 { 600_000_000_000 }
    /// Two, so that somebody who repeats an old message 1 does not displace the newest.
    private static var labelHandshakesKept: Int { 2 }

    /// Adds a device that will enrol itself.
    ///
    /// - Parameter secret: 16 bytes, printed on its label with the number.
    public func addLabelled(
        name: String, secret: [UInt8], room: String, now: Moment
    ) throws(DeviceError) -> DeviceRecord {
        guard secret.count == Label.secretLength else { throw .invalidKey }
        return try add(name: name, room: room, now: now) {
            $0.record.labelKey = Label.presharedKey(Suite.self, secret: secret)
        }
    }

    /// Messages 1 and 3 of a device that shakes hands by its label.
    func receiveLabelHandshake(
        _ datagram: [UInt8], _ parsed: FrameHeader.Parsed, of number: UInt32, from address: PeerAddress, now: Moment
    ) {
        let hash = GatewayChannel<Suite>.hash(of: datagram, parsed)
        if case .repeatedAnswer(let bytes, _)? = devices[number]?.channel.repeatedHandshake(hash, arrival) {
            // The frame that confirms was lost, or we were killed before it left.
            counters.answersRepeated += 1
            transmit(bytes, to: address)
            return
        }
        if let record = devices[number]?.record, record.labelHash == hash {
            guard passesBudget(datagram, parsed, from: address) else { return }
            counters.answersRepeated += 1
            transmit(record.labelReply, to: address)
            return
        }
        guard var device = devices[number], device.record.handshake == .xxpsk0 else {
            counters.droppedForged += 1
            return
        }
        device.labelHandshakes.removeAll { $0.ends <= now.monotonic }
        if parsed.closing != nil {
            close(&device, datagram, parsed, hash, from: address, now: now)
        } else {
            open(&device, datagram, parsed, hash, from: address, now: now)
        }
    }

    private func open(
        _ device: inout Device, _ datagram: [UInt8], _ parsed: FrameHeader.Parsed, _ hash: [UInt8],
        from address: PeerAddress, now: Moment
    ) {
        guard passesBudget(datagram, parsed, from: address) else { return }
        if let known = device.labelHandshakes.first(where: { $0.state.hash == hash }) {
            counters.answersRepeated += 1
            transmit(known.state.message2, to: address)
            return
        }
        let keys = HandshakeKeys(
            privateKey: configuration.privateKeys[0], publicKey: publicKeys[0], presharedKey: device.record.labelKey)
        guard
            let state = try? LabelResponder<Suite>(
                datagram: datagram, parsed: parsed, keys: keys, ephemeral: random(32))
        else {
            counters.droppedForged += 1
            return
        }
        if device.labelHandshakes.count == Self.labelHandshakesKept { device.labelHandshakes.removeFirst() }
        device.labelHandshakes.append((state, now.monotonic + Self.labelHandshakeLifetime))
        devices[device.record.number] = device
        _ = queue.enqueue(state.message2.count, now: now.monotonic)
        transmit(state.message2, to: address)
    }

    private func close(
        _ device: inout Device, _ datagram: [UInt8], _ parsed: FrameHeader.Parsed, _ hash: [UInt8],
        from address: PeerAddress, now: Moment
    ) {
        for pending in device.labelHandshakes {
            guard let opened = try? pending.state.receive(datagram, parsed),
                standing(key: opened.deviceKey) == nil
            else { continue }
            var session = opened.session
            // Empty: it tells that message 3 has arrived, and the device's number and key are on disk.
            guard let confirmation = try? session.seal([]) else { continue }
            device.channel.begin(with: session, answering: hash, by: confirmation.bytes)
            device.record.labelHash = pending.state.hash
            device.record.labelReply = pending.state.message2
            hasEnrolled(&device, with: opened.deviceKey, (hash, confirmation.bytes), from: address, now: now)
            advance(device.record.number, now: now)
            return
        }
        counters.droppedForged += 1
    }
}
