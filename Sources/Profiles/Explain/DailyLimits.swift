public import LinkModel
internal import Links

/// How many messages a day a link lets pass, and what sets the limit. Each is acknowledged before the next.
public struct DailyLimits: Sendable {
    public struct Limit: Equatable, Sendable, Encodable {
        public var why: String
        public var messages: Int
    }

    public var limits: [Limit]

    public var strictest: Limit? { limits.min { $0.messages < $1.messages } }

    private static let day: Int64 = 86_400_000_000_000

    /// - Parameter profile: whose own limits count too.
    public init(bytes: MessageBytes, link: RadioLink, profile: DeviceProfile?) {
        let isConfirmable = profile?.coap.isConfirmable ?? true
        let up = link.up.framing.duration(of: bytes.up)
        let cycle = max(1, isConfirmable ? ExchangeTimes(bytes: bytes, link: link).acknowledged : up)
        var limits: [Limit] = []
        if let windows = link.windows, let period = windows.period {
            let perPeriod = windows.open.reduce(Int64(0)) { $0 + ($1.upperBound - $1.lowerBound) / cycle }
            limits.append(
                Limit(why: "the contact windows", messages: Self.daily(perPeriod, period)))
        } else {
            limits.append(
                Limit(
                    why: isConfirmable ? "one after the other has to be acknowledged" : "the rate",
                    messages: Self.clamp(Self.day / cycle)))
        }
        if up > 0 {
            // A device may use every band; one without a limit leaves no limit.
            let allowances = link.up.bands.map { band -> Int64? in
                band.duty.map { Int64(Self.daily($0.allowance / up, $0.window)) }
            }
            if !allowances.contains(nil) {
                let sum = allowances.reduce(Int64(0)) { $0 + min($1 ?? 0, 1_000_000_000) }
                let names = link.up.bands.map { band in
                    "\(YAMLNumber.text(Double(band.duty?.perMillion ?? 0) / 10_000)) % in \(band.name)"
                }
                limits.append(Limit(why: "duty cycle up: \(names.joined(separator: ", "))", messages: Self.clamp(sum)))
            }
        }
        if let quota = link.up.quota {
            limits.append(Limit(why: "the quota up", messages: Self.daily(Int64(quota.datagrams), quota.window)))
        }
        if isConfirmable, let quota = link.down.quota {
            limits.append(
                Limit(
                    why: "the quota down: each is acknowledged",
                    messages: Self.daily(Int64(quota.datagrams), quota.window)))
        }
        if let hourly = profile?.limits.messagesPerHour {
            limits.append(Limit(why: "limits.messages_per_hour", messages: hourly * 24))
        }
        self.limits = limits
    }

    init(bytes: MessageBytes, profile: DeviceProfile) {
        self.init(bytes: bytes, link: profile.link.link, profile: profile)
    }

    private static func daily(_ count: Int64, _ window: Int64) -> Int {
        let product = count.multipliedFullWidth(by: day)
        guard product.high >= 0, product.high < max(1, window) else { return .max }
        return clamp(max(1, window).dividingFullWidth(product).quotient)
    }

    private static func clamp(_ count: Int64) -> Int { Int(min(count, 1_000_000_000)) }
}

/// How long a message takes on an idle link on which nothing is lost. Nanoseconds from its being handed over.
public struct ExchangeTimes: Equatable, Sendable {
    /// On the air, copies included.
    public var up: Int64
    public var down: Int64
    public var arrives: Int64
    public var acknowledged: Int64

    public init(bytes: MessageBytes, link: RadioLink) {
        let up = link.up.framing.duration(of: bytes.up)
        let down = link.down.framing.duration(of: bytes.down)
        let arrives = up + link.up.latency
        var answer = arrives
        switch link.downlink {
        case .anyTime:
            if case .half(let turnaround) = link.duplex { answer += turnaround }
        case .afterUplink(let openings):
            // The first one for which the request is there in time, or the last.
            let openings = openings.map { up + $0.delay }
            answer = openings.sorted().first { $0 >= arrives } ?? (openings.max() ?? arrives)
        }
        self.up = up
        self.down = down
        self.arrives = arrives
        acknowledged = answer + down + link.down.latency
    }
}
