internal import CoAP
internal import CompactMatrix
internal import LinkModel

/// What follows from a profile. Times are seconds here, since people and scripts read it.
public struct Explanation: Sendable, Encodable {
    public var name: String
    public var kind: String
    public var description: String
    public var link: String
    public var carriesUDP: Bool
    public var adapter: String?
    public var allowsEncryption: Bool
    /// Why Sotto cannot run on it.
    public var problem: String?
    public var security: String?
    public var mtuUp: Int
    public var mtuDown: Int
    public var bytesBody: Int
    public var bytesCoAP: Int
    public var bytesUp: Int
    public var bytesDown: Int
    public var bytesSum: String
    /// Frame, CoAP and answer of a handshake that carries the message; nil: it does not shake hands, or it does not fit.
    public var handshakeUp: Int?
    public var handshakeDown: Int?
    public var airtimeUp: Double
    public var airtimeDown: Double
    public var arrives: Double
    public var acknowledged: Double
    public var lossUpPercent: Double?
    public var lossDownPercent: Double?
    public var ackTimeout: Double
    public var ackTimeoutMost: Double
    public var maxTransmitSpan: Double
    public var maxTransmitWait: Double
    public var maxLatency: Double
    public var nonLifetime: Double
    public var exchangeLifetime: Double
    public var nstart: Int
    public var maxRetransmit: Int
    public var messagesPerDay: Int
    public var limits: [DailyLimits.Limit]
    public var energy: Energy?
    public var unverified: [String]
    public var notes: [String]

    /// Of a link alone: for a message with so many bytes of body.
    public init(_ profile: LinkProfile, bodyBytes: Int, encryptionPermitted: Bool = false) {
        let bytes = MessageBytes(.text, bodyBytes: bodyBytes)
        let settings = try? DeviceProfile.CoAPSettings.read(.empty)
        self.init(profile, bytes, settings?.timers(on: profile.link), device: nil)
        problem = profile.problem(encryptionPermitted: encryptionPermitted)
        if problem == nil {
            if bytes.up > mtuUp { problem = "the message needs \(bytes.sumUp) bytes, and the link carries \(mtuUp) up" }
            if bytes.down > mtuDown {
                problem = "an answer needs \(bytes.sumDown) bytes, and the link carries \(mtuDown) down"
            }
        }
        if min(mtuUp, mtuDown) < MessageBytes.handshakeMTU, problem == nil {
            notes.append(
                "carries less than \(MessageBytes.handshakeMTU) bytes: no handshake fits, only provisioned sessions work"
            )
        }
        if min(mtuUp, mtuDown) >= MessageBytes.handshakeMTU { addHandshake(bytes) }
    }

    public init(_ profile: DeviceProfile) {
        let bytes = profile.messageBytes
        self.init(profile.link, bytes, profile.coap.timers(on: profile.link.link), device: profile)
        name = profile.about.name
        kind = "device"
        description = profile.about.description
        security = profile.security.pattern.rawValue
        problem = nil
        energy = Energy(profile)
        if profile.security.pattern.shakesHands { addHandshake(bytes) }
    }

    private init(
        _ profile: LinkProfile, _ bytes: MessageBytes, _ timers: TransmissionParameters?, device: DeviceProfile?
    ) {
        let link = profile.link
        let times = ExchangeTimes(bytes: bytes, link: link)
        let timers = timers ?? .rfc7252
        let expected = timers.expectedAnswerBytes
        let daily = DailyLimits(bytes: bytes, link: link, profile: device)
        func seconds(_ nanoseconds: Int64) -> Double { Double(nanoseconds) / 1e9 }
        name = profile.name
        kind = "link"
        description = profile.description
        self.link = profile.name
        carriesUDP = profile.carrier == .udp
        if case .adapter(let text) = profile.carrier { adapter = text }
        allowsEncryption = profile.allowsEncryption
        mtuUp = link.up.mtu
        mtuDown = link.down.mtu
        bytesBody = bytes.body
        bytesCoAP = bytes.coap
        bytesUp = bytes.up
        bytesDown = bytes.down
        bytesSum = bytes.sumUp
        airtimeUp = seconds(times.up)
        airtimeDown = seconds(times.down)
        arrives = seconds(times.arrives)
        acknowledged = seconds(times.acknowledged)
        lossUpPercent = link.up.expectedLoss(of: bytes.up).map { $0 * 100 }
        lossDownPercent = link.down.expectedLoss(of: bytes.down).map { $0 * 100 }
        let timeout = timers.timeout(answerBytes: expected)
        ackTimeout = seconds(timeout)
        ackTimeoutMost = seconds(timeout / 1000 * timers.randomFactorPerMille)
        maxTransmitSpan = seconds(timers.maxTransmitSpan(answerBytes: expected))
        maxTransmitWait = seconds(timers.maxTransmitWait(answerBytes: expected))
        maxLatency = seconds(timers.maxLatency)
        nonLifetime = seconds(timers.nonLifetime)
        exchangeLifetime = seconds(timers.exchangeLifetime)
        nstart = timers.nstart
        maxRetransmit = timers.maxRetransmit
        limits = daily.limits
        messagesPerDay = daily.strictest?.messages ?? 0
        unverified = profile.sources.filter { !$0.isVerified }.flatMap(\.fields)
        notes = []
    }

    /// KK and NNpsk0: 32 bytes of ephemeral key, counter and revision, and a status in the answer.
    private mutating func addHandshake(_ bytes: MessageBytes) {
        let up = 1 + 1 + 32 + 1 + 1 + bytes.coap + bytes.body + 16
        let down = 1 + 32 + 1 + bytes.answerCoAP + 16
        guard up <= mtuUp, down <= mtuDown else {
            notes.append("a handshake does not carry this message: it would need \(up) bytes")
            return
        }
        handshakeUp = up
        handshakeDown = down
    }
}
