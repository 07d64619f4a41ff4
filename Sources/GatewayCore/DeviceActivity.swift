internal import Links
internal import SecureDatagram

/// What a device has used today (UTC), and when it was last known to be well.
public struct DeviceActivity: Equatable, Sendable {
    public var device: UInt32
    /// Days since 1970.
    public var day: Int64
    /// UDP payload from it and to it.
    public var bytesUp: UInt64 = 0
    public var bytesDown: UInt64 = 0
    /// Nanoseconds for which that occupied the link, with what the link adds; 0 where its rate is not known.
    public var airtimeUp: Int64 = 0
    public var airtimeDown: Int64 = 0
    /// The session in use, and when it was first used.
    public var session: [UInt8] = []
    public var sessionUnixMilliseconds: Int64?
    /// When the device last showed that it has received a frame of ours.
    public var confirmedUnixMilliseconds: Int64?

    public init(device: UInt32, day: Int64) {
        self.device = device
        self.day = day
    }

    private static var millisecondsPerDay: Int64 { 86_400_000 }

    static func day(of now: Moment) -> Int64 { now.unixMilliseconds / millisecondsPerDay }

    mutating func received(_ bytes: Int, airtime: Int64, now: Moment) {
        turn(to: now)
        bytesUp &+= UInt64(bytes)
        airtimeUp &+= airtime
    }

    mutating func sent(_ bytes: Int, airtime: Int64, now: Moment) {
        turn(to: now)
        bytesDown &+= UInt64(bytes)
        airtimeDown &+= airtime
    }

    /// Begins anew with each day.
    private mutating func turn(to now: Moment) {
        let today = Self.day(of: now)
        guard today != day else { return }
        day = today
        (bytesUp, bytesDown, airtimeUp, airtimeDown) = (0, 0, 0, 0)
    }
}

extension Gateway {
    /// Milliseconds after which what a device has used is written once more: it is worth no write of its own each time.
    private static var activityInterval: Int64 { 60_000 }

    func noteReceived(_ bytes: Int, from number: UInt32, now: Moment) {
        let airtime = configuration.link.isRateKnown ? link.up.serialisation(of: bytes) : 0
        devices[number]?.activity.received(bytes, airtime: airtime, now: now)
    }

    func noteSent(_ bytes: Int, to number: UInt32, now: Moment) {
        devices[number]?.activity.sent(bytes, airtime: airtimeDown(of: bytes), now: now)
    }

    func airtimeDown(of bytes: Int) -> Int64 {
        configuration.link.isRateKnown ? link.down.serialisation(of: bytes) : 0
    }

    /// Notes a new session and a new confirmation; says whether the device's activity is to be written now.
    func reviewActivity(of device: inout Device) -> Bool {
        guard let session = device.channel[.current] else { return false }
        var isDue = false
        // Sixteen bytes tell a device's sessions apart.
        if !session.id.starts(with: device.activity.session) || device.activity.session.isEmpty {
            device.activity.session = Array(session.id.prefix(16))
            device.activity.sessionUnixMilliseconds = clock.unixMilliseconds
            device.confirmedNumber = nil
            isDue = true
        }
        if session.confirmed != device.confirmedNumber {
            if !device.isActivityRestored { device.activity.confirmedUnixMilliseconds = clock.unixMilliseconds }
            device.confirmedNumber = session.confirmed
        }
        device.isActivityRestored = false
        let age = clock.unixMilliseconds - device.activityWrittenUnixMilliseconds
        // Only along with something else: a datagram that somebody repeats must not be able to cause a write.
        guard device.recordChanged, isDue || !(0..<Self.activityInterval).contains(age) else { return false }
        device.activityWrittenUnixMilliseconds = clock.unixMilliseconds
        return true
    }
}

extension GatewayChannel.Received {
    /// Whether it came from the device, as far as one can know.
    var isAuthentic: Bool {
        switch self {
        case .frame, .handshake, .repeated, .repeatedAnswer: true
        case .dropped: false
        }
    }
}
