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
        if let holder = standing(key: publicKey) { throw .keyTaken(holder.name) }
        return try add(name: name, room: room, now: now) {
            $0.record.publicKey = publicKey
            $0.record.presharedKey = presharedKey
        }
    }

    /// A new device, whose keys or session `complete` gives it.
    func add(
        name: String, room: String, now: Moment, complete: (inout Device) throws(DeviceError) -> Void
    ) throws(DeviceError) -> DeviceRecord {
        forgetExpiredEnrolments(now: now)
        try check(name: name, room: room)
        guard let number = freeNumber else { throw .tooManyDevices }
        var device = Device(
            record: DeviceRecord(
                number: number, name: name, publicKey: [], addedUnixMilliseconds: now.unixMilliseconds,
                room: RoomMapping(requested: room)),
            channel: GatewayChannel<Suite>(limits: channelLimits), endpoint: newEndpoint(),
            learntTimer: newTimer)
        try complete(&device)
        device.recordChanged = true
        devices[number] = device
        touched.insert(number)
        advance(number, now: now)
        return device.record
    }

    /// The device of a name that is not revoked.
    func standing(_ name: String) throws(DeviceError) -> DeviceRecord {
        reschedule()
        let all = devices.named(name).compactMap { devices[$0]?.record }
        guard let device = all.first(where: { !$0.isRevoked }) else {
            throw all.isEmpty ? .unknown(name) : .alreadyRevoked(name)
        }
        return device
    }

    /// The device that has a public key and is not revoked.
    func standing(key: [UInt8]) -> DeviceRecord? {
        guard !key.isEmpty else { return nil }
        reschedule()
        return devices.withKey(key).compactMap { devices[$0]?.record }.first { !$0.isRevoked }
    }

    /// Whether a name and a room can be given to a new device.
    func check(name: String, room: String) throws(DeviceError) {
        guard Self.isValidName(name) else { throw .invalidName(name) }
        guard room.hasPrefix("!") || room.hasPrefix("#"), room.utf8.count > 1, room.utf8.count <= 255 else {
            throw .invalidRoom(room)
        }
        reschedule()
        guard !devices.named(name).contains(where: { devices[$0]?.record.isRevoked == false }) else {
            throw .nameTaken(name)
        }
        for enrolment in enrolments {
            guard enrolment.name.lowercased() != name.lowercased() else { throw .nameTaken(name) }
        }
    }

    /// A revoked number is never given again: frames of its old holder may still be about. nil: all are given.
    var freeNumber: UInt32? {
        let number = (devices.highest ?? 0) + 1
        return number <= DeviceNumber.largest ? number : nil
    }

    /// Ends a device, or takes back the code of one that has not come yet; nil in the latter case.
    public func revoke(_ name: String) throws(DeviceError) -> DeviceRecord? {
        // The code of a device that is to get another key goes with the device.
        let isNew = enrolments.contains { $0.name.lowercased() == name.lowercased() && $0.device == nil }
        if removeEnrolment(name), isNew { return nil }
        return try revokeDevice(name)
    }

    /// Ends a device: its frames are strangers' frames from now on. What it had sent is still delivered.
    public func revokeDevice(_ name: String) throws(DeviceError) -> DeviceRecord {
        let number = try standing(name).number
        guard let device = devices[number] else { throw .unknown(name) }
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
        /// Where the session in use stands.
        public struct SessionStatus: Sendable {
            /// Of the frames to the device and from it: how often their keys have been renewed.
            public var epochs: (down: UInt64, up: UInt64)
            /// Of the next frame to the device, and the number below which frames may be sent without another write.
            public var nextNumber: UInt64
            public var leaseEnd: UInt64
            /// The newest frame of the device's; nil: none yet.
            public var received: UInt64?
            /// Frames with a wrong tag since the gateway started.
            public var failures: UInt64

            init(_ session: Session<Suite>) {
                epochs = (session.epochs.sending, session.epochs.receiving)
                nextNumber = session.nextNumber
                leaseEnd = session.leaseEnd
                received = session.received.highest
                failures = session.failures
            }
        }

        public var record: DeviceRecord
        public var hasSession: Bool
        public var session: SessionStatus?
        /// Accepted messages on their way to the room, or held because it is encrypted.
        public var queued: Int
        /// What waits for the device.
        public var waiting: Int
        public var isWatching: Bool
        public var activity: DeviceActivity
        /// When the oldest of its queued messages was accepted.
        public var oldestQueuedUnixMilliseconds: Int64?
        public var userID: String
    }

    /// By number.
    public var deviceList: [DeviceStatus] {
        devices.numbers.compactMap(status(of:))
    }

    /// The device of a name; of several that one which is not revoked.
    public func status(named name: String) throws(DeviceError) -> DeviceStatus {
        reschedule()
        let all = devices.named(name).compactMap(status(of:))
        guard let status = all.first(where: { !$0.record.isRevoked }) ?? all.last else { throw .unknown(name) }
        return status
    }

    public func status(of number: UInt32) -> DeviceStatus? {
        guard let device = devices[number] else { return nil }
        return DeviceStatus(
            record: device.record,
            hasSession: device.channel[.current] != nil || device.channel[.next] != nil,
            session: (device.channel[.current] ?? device.channel[.next]).map(DeviceStatus.SessionStatus.init),
            queued: device.queued, waiting: device.inbox.count,
            isWatching: device.record.observeToken != nil, activity: device.activity,
            oldestQueuedUnixMilliseconds: device.uplinks.first?.receivedUnixMilliseconds,
            userID: userID(of: device.record))
    }

    /// Of all devices together.
    public struct Totals: Equatable, Sendable {
        /// Those that are not revoked.
        public var devices = 0
        /// Accepted messages on their way to rooms, or held.
        public var queued = 0
        /// What waits for devices.
        public var waiting = 0
        /// Devices whose room refuses them or is encrypted.
        public var withoutRoom = 0
        /// Devices that have a session.
        public var withSession = 0
    }

    public var totals: Totals {
        var totals = Totals()
        devices.forEach { device in
            totals.queued += device.queued
            totals.waiting += device.inbox.count
            guard !device.record.isRevoked else { return }
            totals.devices += 1
            if device.channel[.current] != nil || device.channel[.next] != nil { totals.withSession += 1 }
            switch device.record.room.state {
            case .refused, .encrypted: totals.withoutRoom += 1
            case .pending, .joined: break
            }
        }
        return totals
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
