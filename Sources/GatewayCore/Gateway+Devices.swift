internal import SecureDatagram

/// Why the operator's wish about a device cannot be granted.
public enum DeviceError: Error, Equatable, Sendable {
    case invalidName(String)
    case nameTaken(String)
    case invalidKey
    case keyTaken(String)
    case invalidRoom(String)
    case unknown(String)
    case alreadyRevoked(String)
    case tooManyDevices
}

extension Gateway {
    /// Adds a device; its user and room follow as soon as the homeserver answers.
    ///
    /// - Parameters:
    ///   - publicKey: 32 bytes, not of low order (the caller has asked the primitives).
    ///   - room: a room id or alias.
    public func addDevice(
        name: String, publicKey: [UInt8], presharedKey: [UInt8] = [], room: String, now: Moment
    ) throws(DeviceError) -> DeviceRecord {
        guard publicKey.count == 32 || (publicKey.isEmpty && presharedKey.count == 32),
            presharedKey.isEmpty || presharedKey.count == 32
        else { throw .invalidKey }
        forgetExpiredEnrolments(now: now)
        try check(name: name, room: room)
        for device in devices.values where !device.record.isRevoked && !publicKey.isEmpty {
            guard device.record.publicKey != publicKey else { throw .keyTaken(device.record.name) }
        }
        guard let number = freeNumber else { throw .tooManyDevices }
        var record = DeviceRecord(
            number: number, name: name, publicKey: publicKey, addedUnixMilliseconds: now.unixMilliseconds,
            room: RoomMapping(requested: room))
        record.presharedKey = presharedKey
        var device = Device(
            record: record, channel: GatewayChannel<Suite>(limits: channelLimits), endpoint: newEndpoint(),
            learntTimer: newTimer)
        device.recordChanged = true
        devices[number] = device
        touched.insert(number)
        advance(number, now: now)
        return record
    }

    /// Whether a name and a room can be given to a new device.
    func check(name: String, room: String) throws(DeviceError) {
        guard Self.isValidName(name) else { throw .invalidName(name) }
        guard room.hasPrefix("!") || room.hasPrefix("#"), room.utf8.count > 1, room.utf8.count <= 255 else {
            throw .invalidRoom(room)
        }
        for device in devices.values where !device.record.isRevoked {
            guard device.record.name.lowercased() != name.lowercased() else { throw .nameTaken(name) }
        }
        for enrolment in enrolments {
            guard enrolment.name.lowercased() != name.lowercased() else { throw .nameTaken(name) }
        }
    }

    /// A revoked number is never given again: frames of its old holder may still be about. nil: all are given.
    var freeNumber: UInt32? {
        let number = (devices.keys.max() ?? 0) + 1
        return number <= DeviceNumber.largest ? number : nil
    }

    /// Ends a device, or takes back the code of one that has not come yet; nil in the latter case.
    public func revoke(_ name: String) throws(DeviceError) -> DeviceRecord? {
        if removeEnrolment(name) { return nil }
        return try revokeDevice(name)
    }

    /// Ends a device: its frames are strangers' frames from now on. What it had sent is still delivered.
    public func revokeDevice(_ name: String) throws(DeviceError) -> DeviceRecord {
        let all = devices.values.filter { $0.record.name.lowercased() == name.lowercased() }
        guard let device = all.first(where: { !$0.record.isRevoked }) else {
            throw all.isEmpty ? .unknown(name) : .alreadyRevoked(name)
        }
        let number = device.record.number
        devices[number]?.record.isRevoked = true
        if var revoked = devices[number] {
            forgetConversation(with: &revoked)
            devices[number] = revoked
        }
        for item in device.inbox { actions.writes.append(.removeInbox(id: item.id)) }
        devices[number]?.inbox = []
        for slot in GatewayChannel<Suite>.Slot.allCases where device.channel[slot] != nil {
            actions.writes.append(.removeSession(device: number, slot: slot.rawValue))
        }
        devices[number]?.channel = GatewayChannel<Suite>(limits: channelLimits)
        devices[number]?.recordChanged = true
        touched.insert(number)
        return devices[number]?.record ?? device.record
    }

    /// One row of the list of devices.
    public struct DeviceStatus: Sendable {
        public var record: DeviceRecord
        public var hasSession: Bool
        /// Accepted messages on their way to the room, or held because it is encrypted.
        public var queued: Int
        /// What waits for the device.
        public var waiting: Int
        public var isWatching: Bool
        public var userID: String
    }

    /// By number.
    public var deviceList: [DeviceStatus] {
        devices.keys.sorted().compactMap { number in
            guard let device = devices[number] else { return nil }
            return DeviceStatus(
                record: device.record,
                hasSession: device.channel[.current] != nil || device.channel[.next] != nil,
                queued: device.uplinks.count, waiting: device.inbox.count,
                isWatching: device.record.observeToken != nil, userID: userID(of: device.record))
        }
    }

    /// What a user id and a command can carry: letters, digits, `.`, `_`, `-`; not `sotto`, which means the gateway.
    static func isValidName(_ name: String) -> Bool {
        guard !name.isEmpty, name.utf8.count <= 64, name.lowercased() != "sotto" else { return false }
        return name.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
            default: false
            }
        }
    }
}
