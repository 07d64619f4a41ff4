internal import Noise
internal import SecureDatagram

/// Devices whose sessions are made here and carried to them, so that no handshake travels over the air.
extension Gateway {
    /// Adds a device with a provisioned session.
    ///
    /// - Returns: the device, and its end of the session, which is a secret and must be used once.
    public func provision(
        name: String, room: String, now: Moment
    ) throws(DeviceError) -> (record: DeviceRecord, session: [UInt8]) {
        var session: [UInt8] = []
        let record = try add(name: name, room: room, now: now) { device throws(DeviceError) in
            session = try self.beginProvisioned(&device)
        }
        return (record, session)
    }

    /// Gives a device another session, and ends what it had: its key, if it had one, is no longer taken.
    public func provisionAgain(
        _ name: String, now: Moment
    ) throws(DeviceError) -> (record: DeviceRecord, session: [UInt8]) {
        let number = try standing(name).number
        guard var device = devices[number] else { throw .unknown(name) }
        _ = removeEnrolment(name)
        let session = try beginProvisioned(&device)
        forgetConversation(with: &device)
        devices[number] = device
        touched.insert(number)
        return (device.record, session)
    }

    private func beginProvisioned(_ device: inout Device) throws(DeviceError) -> [UInt8] {
        guard let number = DeviceNumber(device.record.number),
            let pair = try? Session<Suite>.provision(for: number, ephemerals: (random(32), random(32)))
        else { throw .invalidKey }
        device.channel.begin(with: pair.gateway)
        device.record.publicKey = []
        device.record.presharedKey = []
        device.record.labelKey = []
        device.record.hasDamagedSecrets = false
        device.record.labelHash = []
        device.record.labelReply = []
        device.record.handshakeCounter = 0
        device.record.handshakeHash = []
        device.record.handshakeReply = []
        device.handshakeKeys = []
        device.labelHandshakes = []
        return pair.device.encoded()
    }
}
