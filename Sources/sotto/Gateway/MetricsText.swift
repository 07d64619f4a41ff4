internal import GatewayCore

/// The gateway's figures in the text format of Prometheus (exposition format 0.0.4). No series is a device's own: there may be
/// thousands; `sotto device show` has theirs.
struct MetricsText {
    private(set) var text = ""

    init(_ gateway: WireGateway, now: Moment) {
        let totals = gateway.totals
        let outlook = gateway.outlook(now: now)
        gauge("devices", "Devices that are not revoked.", Double(totals.devices))
        gauge("devices_with_session", "Devices that have a session.", Double(totals.withSession))
        gauge("devices_without_room", "Devices whose room refuses them or is encrypted.", Double(totals.withoutRoom))
        gauge("messages_queued", "Accepted messages on their way to rooms, or held.", Double(totals.queued))
        gauge("messages_waiting", "Messages and commands that wait for devices.", Double(totals.waiting))
        gauge("accepted_per_second", "Messages accepted, within the last minute.", outlook.acceptedPerSecond)
        gauge("delivered_per_second", "Messages delivered, within the last minute.", outlook.deliveredPerSecond)
        if let seconds = outlook.secondsToCatchUp {
            gauge("catch_up_seconds", "Until the queue is empty at these rates.", Double(seconds))
        }
        gauge("homeserver_up", "1: it answered last, or was not asked yet.", gateway.homeserverProblem == nil ? 1 : 0)
        for child in Mirror(reflecting: gateway.counters).children {
            guard let name = child.label, let value = child.value as? UInt64 else { continue }
            add("\(Self.snakeCase(name))_total", "counter", "Since the gateway started.", "\(value)")
        }
    }

    private mutating func gauge(_ name: String, _ help: String, _ value: Double) {
        add(name, "gauge", help, "\(value)")
    }

    private mutating func add(_ name: String, _ type: String, _ help: String, _ value: String) {
        text += "# HELP sotto_\(name) \(help)\n# TYPE sotto_\(name) \(type)\nsotto_\(name) \(value)\n"
    }

    private static func snakeCase(_ name: String) -> String {
        name.reduce(into: "") { text, letter in
            if letter.isUppercase { text += "_" }
            text += letter.lowercased()
        }
    }
}
