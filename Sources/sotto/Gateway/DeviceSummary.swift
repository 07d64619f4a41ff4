internal import Foundation
internal import GatewayCore
internal import SecureDatagram

extension DeviceSummary {
    /// Where the session in use stands.
    struct Session: Codable, Sendable {
        /// How often the keys of the frames to the device and from it have been renewed.
        var epochDown: UInt64
        var epochUp: UInt64
        /// Of the next frame to the device, and the number below which frames may be sent without another write.
        var nextNumber: UInt64
        var leaseEnd: UInt64
        /// The newest frame of the device's.
        var received: UInt64?
        /// Frames with a wrong tag since the gateway started.
        var forged: UInt64

        init(_ status: WireGateway.DeviceStatus.SessionStatus) {
            epochDown = status.epochs.down
            epochUp = status.epochs.up
            nextNumber = status.nextNumber
            leaseEnd = status.leaseEnd
            received = status.received
            forged = status.failures
        }
    }
}

extension DeviceSummary {
    /// What a device has used today, in UTC.
    struct Use: Codable, Sendable {
        var bytesUp: UInt64
        var bytesDown: UInt64
        /// Seconds for which that occupied the link; absent where its rate is not known.
        var airtimeUpSeconds: Double?
        var airtimeDownSeconds: Double?

        init?(_ activity: DeviceActivity, today: Moment, isRateKnown: Bool) {
            guard activity.day == today.unixMilliseconds / 86_400_000 else { return nil }
            bytesUp = activity.bytesUp
            bytesDown = activity.bytesDown
            if isRateKnown {
                airtimeUpSeconds = Double(activity.airtimeUp) / 1e9
                airtimeDownSeconds = Double(activity.airtimeDown) / 1e9
            }
        }
    }
}

/// A device as `device list --json` shows it. Keys stay as they are; new ones may be added.
struct DeviceSummary: Codable, Sendable {
    var name: String
    var number: UInt32
    /// Absent where the device has a preshared key only, or a provisioned session, or has yet to enrol itself.
    var publicKey: String?
    /// Of the Noise handshake: `KK`, `KKpsk0`, `NNpsk0`, `XXpsk0` (until it has enrolled itself by its label), or
    /// `provisioned`.
    var pattern: String
    var userID: String
    var room: String
    var roomID: String?
    /// `pending`, `joined`, `refused`, `encrypted` or `revoked`.
    var state: String
    /// What is wrong and what to do about it.
    var remedy: String?
    var hasSession: Bool
    var session: Session?
    /// Since a restore of the data folder: its next message but one brings a new session.
    var awaitsHandshake: Bool
    var isWatching: Bool
    var lastSeen: String?
    /// Accepted and on their way to the room, or held.
    var queued: Int
    /// Waiting for the device.
    var waiting: Int
    var accepted: UInt64
    var delivered: UInt64
    var refused: UInt64
    /// When the session in use was first used, and when the device last showed that it receives us.
    var sessionSince: String?
    var lastConfirmed: String?
    /// Of the oldest queued message.
    var oldestQueued: String?
    /// Only in `device show`.
    var today: Use?

    init(_ status: WireGateway.DeviceStatus, today: Moment, isRateKnown: Bool) {
        self.init(status)
        self.today = Use(status.activity, today: today, isRateKnown: isRateKnown)
    }

    init(_ status: WireGateway.DeviceStatus) {
        let record = status.record
        name = record.name
        number = record.number
        publicKey = record.publicKey.isEmpty ? nil : KeyText.render(record.publicKey)
        pattern =
            switch record.handshake {
            case .kk: record.presharedKey.isEmpty ? "KK" : "KKpsk0"
            case .nnpsk0: "NNpsk0"
            case .xxpsk0: "XXpsk0"
            case .ik, nil: "provisioned"
            }
        userID = status.userID
        room = record.room.requested
        roomID = record.room.roomID
        switch record.room.state {
        case .pending:
            state = "pending"
            remedy = "the homeserver has not answered yet"
        case .joined:
            state = "joined"
        case .refused(let reason):
            state = "refused"
            remedy = "\(reason); invite \(status.userID) to \(record.room.requested)"
        case .encrypted:
            state = "encrypted"
            remedy =
                "\(record.room.requested) is encrypted and devices do not encrypt: nothing is sent there; "
                + "revoke the device and add it with a room without encryption"
        }
        awaitsHandshake = record.awaitsHandshake && !record.isRevoked
        if awaitsHandshake {
            let restored =
                "the data folder was restored or copied: "
                + (record.handshake == nil
                    ? "provision the device again with sotto device rotate \(record.name) --session FILE"
                    : "the device shakes hands after a message without an answer")
            remedy = remedy.map { "\($0); \(restored)" } ?? restored
        }
        if record.handshake == nil, !status.hasSession, !awaitsHandshake {
            remedy =
                "its session was stopped, since its frames came from two places: provision the device again with "
                + "sotto device rotate \(record.name) --session FILE"
        }
        if record.isRevoked {
            state = "revoked"
            remedy = nil
        }
        hasSession = status.hasSession
        session = status.session.map(Session.init)
        isWatching = status.isWatching
        lastSeen = Self.text(record.lastSeenUnixMilliseconds)
        sessionSince = status.hasSession ? Self.text(status.activity.sessionUnixMilliseconds) : nil
        lastConfirmed = Self.text(status.activity.confirmedUnixMilliseconds)
        oldestQueued = Self.text(status.oldestQueuedUnixMilliseconds)
        queued = status.queued
        waiting = status.waiting
        accepted = record.accepted
        delivered = record.delivered
        refused = record.refused
    }

    static func text(_ unixMilliseconds: Int64?) -> String? {
        unixMilliseconds.map { Date(timeIntervalSince1970: Double($0) / 1000).ISO8601Format() }
    }
}
