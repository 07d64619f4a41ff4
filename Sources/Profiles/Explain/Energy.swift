internal import CoAP
internal import LinkModel

/// What a message costs, and how long a battery lasts. E = V * sum(I * t), states one after the other.
public struct Energy: Equatable, Sendable, Encodable {
    /// Millijoules of one message on a link on which nothing is lost.
    public var transmit: Double
    public var receive: Double
    public var standby: Double
    public var processor: Double
    /// What the profile gives as a whole.
    public var given: Double
    public var perMessage: Double
    /// Milliampere hours a day: of messages, of what runs in between, of the cell's own loss.
    public var messagesPerDay: Double?
    public var dailyOfMessages: Double?
    public var dailyBase: Double?
    public var dailySelfDischarge: Double?
    /// nil: nothing says how often it sends.
    public var idealYears: Double?
    /// With the repetitions that the link's losses cost, and what is left of the cell in the cold and in old age.
    public var deratedYears: Double?
    public var copiesPerMessage: Double?

    private static let daysPerYear = 365.25

    /// nil: the profile has no currents, or no battery whose voltage is known.
    public init?(_ profile: DeviceProfile) {
        let power = profile.power
        guard let currents = power.currents, let battery = power.battery else { return nil }
        let bytes = profile.messageBytes
        let link = profile.link.link
        let times = ExchangeTimes(bytes: bytes, link: link)
        let isConfirmable = profile.coap.isConfirmable
        let whole = Double(isConfirmable ? times.acknowledged : times.up) / 1e9
        let sending = Double(times.up) / 1e9
        // Where it does not say for how long it listens: from its last bit until the answer is there, or the answer only
        // where both know when it comes.
        let listening: Double
        if let given = power.receivePerMessage {
            listening = Double(given) / 1e9
        } else if case .afterUplink = link.downlink {
            listening = isConfirmable ? Double(times.down) / 1e9 : 0
        } else {
            listening = isConfirmable ? whole - sending : 0
        }
        let volts = battery.volts
        // Who listens all the time pays for that below.
        transmit = volts * currents.transmit * sending
        receive = power.listening == .always ? 0 : volts * currents.receive * listening
        standby = power.listening == .always ? 0 : volts * currents.standby * max(0, whole - sending - listening)
        processor = volts * currents.processor * Double(power.awakePerMessage) / 1e9
        given = power.perMessageMillijoules
        perMessage = transmit + receive + standby + processor + given

        guard let interval = power.interval else { return }
        let messages = 86_400 / (Double(interval) / 1e9)
        let millijoulesPerAmpereHour = volts * 3600
        let attaches = power.attachEvery.map { 86_400 / (Double($0) / 1e9) } ?? 0
        let ofMessages = perMessage * messages / millijoulesPerAmpereHour
        var base =
            currents.sleepMicroamperes / 1000 * 24 + power.attachMillijoules * attaches / millijoulesPerAmpereHour
        switch power.listening {
        case .always: base += currents.receive * 24
        case .duty:
            base += currents.receive * 24 * Double(power.listenFor ?? 0) / Double(max(1, power.listenEvery ?? 1))
        case .afterSending, .poll: break
        }
        let selfDischarge = battery.capacity * battery.selfDischargePercentPerYear / 100 / Self.daysPerYear
        let usable = battery.capacity * battery.usablePercent / 100
        let copies = Self.copies(profile)
        messagesPerDay = messages
        dailyOfMessages = ofMessages
        dailyBase = base
        dailySelfDischarge = selfDischarge
        copiesPerMessage = copies
        let ideal = ofMessages + base + selfDischarge
        let derated = ofMessages * copies + base + selfDischarge
        idealYears = ideal > 0 ? usable / ideal / Self.daysPerYear : nil
        deratedYears = derated > 0 ? usable * battery.deratedPercent / 100 / derated / Self.daysPerYear : nil
    }

    /// Copies of a request until one is answered, or all are sent, on average.
    private static func copies(_ profile: DeviceProfile) -> Double {
        guard profile.coap.isConfirmable else { return 1 }
        let up = profile.link.link.up.expectedLoss(of: profile.messageBytes.up) ?? 0
        let down = profile.link.link.down.expectedLoss(of: profile.messageBytes.down) ?? 0
        let fails = 1 - (1 - up) * (1 - down)
        let most = profile.coap.timers(on: profile.link.link).maxRetransmit + 1
        var copies = 0.0
        var reaching = 1.0
        for _ in 0..<most {
            copies += reaching
            reaching *= fails
        }
        return copies
    }
}
