import LinkModel
import Links
import Simulation

private let second: Int64 = 1_000_000_000
private let hour: Int64 = 3600 * second

/// Scenarios whose logs are kept: what changes one of them changes what travels, or when. `Scripts/replay --write` writes
/// them anew.
enum GoldenScenarios {
    static let all = [sensor, everything, lorawan, passes, city]

    /// A handshake and readings at 100 bit/s, with losses.
    private static var sensor: Scenario {
        let direction = RadioLink.Direction(
            Framing(.rate(Rate(bits: 100))), latency: second / 2, loss: .bernoulli(perMillion: 150_000))
        return Scenario(
            name: "sensor", seed: 3, duration: 12 * hour,
            links: [.init(name: "radio", link: RadioLink(up: direction, down: direction))],
            devices: [
                DeviceGroup(
                    name: "sensor", traffic: [.init(.periodic(every: 300 * second, jitter: 20 * second), .text(12))])
            ])
    }

    /// All that chance does on a dedicated link, people who write, a homeserver that is away.
    private static var everything: Scenario {
        var up = RadioLink.Direction(
            Framing(.rate(Rate(bits: 3200, seconds: 3)), overheadBytes: 9, fixed: second / 10), latency: second / 5,
            jitter: .table(.normal, spread: second / 10), keepsOrder: false,
            loss: .outages(.init(averagePerMillion: 80_000, meanOutage: 30 * second)))
        up.duplicationPerMillion = 50_000
        up.reorderingPerMillion = 50_000
        up.reorderingDelay = 4 * second
        up.corruptionPerMillion = 30_000
        var down = up
        down.jitter = .uniform(upTo: second)
        down.loss = .gilbertElliott(.init(p: 50_000, r: 300_000))
        down.queue = QueueLimit(bytes: 400, policy: .dropOldest)
        return Scenario(
            name: "everything", seed: 11, duration: 4 * hour,
            links: [
                .init(name: "radio", link: RadioLink(up: up, down: down, duplex: .half(turnaround: second / 20)))
            ],
            homeserver: .init(latency: second / 4, jitter: second / 4, outages: [hour..<hour + 600 * second]),
            devices: [
                DeviceGroup(
                    name: "pump", count: 4,
                    traffic: [
                        .init(.poisson(mean: 240 * second), .text(30)),
                        .init(.bursts(every: 1800 * second, messages: 3, gap: second), .text(200)),
                    ], spread: 60 * second, watches: true)
            ],
            roomMessages: [
                .init(time: 1500 * second, device: nil, text: "!NAME report"),
                .init(time: 2 * hour, device: "pump-2", text: "hello"),
            ])
    }

    /// Provisioned sessions under a duty cycle, answers only after an uplink.
    private static var lorawan: Scenario {
        let packet = LoRaModulation(spreadingFactor: 12, bandwidth: 125_000)
        var up = RadioLink.Direction(Framing(.lora(packet), overheadBytes: 13), mtu: 51)
        up.loss = .bernoulli(perMillion: 100_000)
        up.bands = [SubBand(name: "868.0-868.6", channels: 3, duty: DutyLimit(perMillion: 10_000))]
        var down = up
        down.bands = up.bands + [SubBand(name: "869.4-869.65", duty: DutyLimit(perMillion: 100_000))]
        let link = RadioLink(
            up: up, down: down, duplex: .half(turnaround: 0), medium: .shared(.aloha, nil),
            downlink: .afterUplink([.init(delay: second), .init(delay: 2 * second, band: 1)]))
        return Scenario(
            name: "lorawan", seed: 7, duration: 48 * hour, links: [.init(name: "lorawan", link: link)],
            devices: [
                DeviceGroup(
                    name: "soil", count: 3, traffic: [.init(.periodic(every: hour, jitter: 60 * second), .text(3))],
                    spread: hour)
            ])
    }

    /// A satellite that comes by; quotas; a channel on which everybody listens first.
    private static var passes: Scenario {
        var direction = RadioLink.Direction(Framing(.rate(Rate(bits: 1200))), latency: second / 3)
        direction.loss = .bitErrors(perTrillion: 100_000_000)
        direction.quota = Quota(datagrams: 60)
        let satellite = RadioLink(
            up: direction, down: direction,
            windows: ContactWindows(open: [1000 * second..<1600 * second], period: 3 * hour))
        let shared = RadioLink(
            up: direction, down: direction, duplex: .half(turnaround: second / 100),
            medium: .shared(
                .listenBeforeTalk(.init(slot: second / 20, leastSlots: 4, mostSlots: 64, deafness: second / 100)), nil))
        return Scenario(
            name: "passes", seed: 2, duration: 24 * hour,
            links: [.init(name: "satellite", link: satellite), .init(name: "channel", link: shared)],
            devices: [
                DeviceGroup(
                    name: "buoy", count: 2, link: 0,
                    traffic: [.init(.bursts(every: 2 * hour, messages: 3, gap: 5 * second), .text(40))],
                    spread: 600 * second, watches: true),
                DeviceGroup(
                    name: "node", count: 4, link: 1,
                    traffic: [.init(.times([100 * second, 100 * second, 4000 * second, 30_000 * second]), .text(20))]),
            ], roomMessages: [.init(time: 5 * hour, device: nil, text: "!NAME report")])
    }

    /// A shared channel with capture, without protocols.
    private static var city: Scenario {
        let packet = LoRaModulation(spreadingFactor: 9, bandwidth: 125_000)
        var up = RadioLink.Direction(Framing(.lora(packet), overheadBytes: 13), mtu: 115)
        up.bands = [SubBand(name: "868.0-868.6", channels: 3, duty: DutyLimit(perMillion: 10_000))]
        let link = RadioLink(
            up: up, down: up, duplex: .half(turnaround: 0),
            medium: .shared(.aloha, Medium.Capture(margin: 600, spread: 2000, harmless: packet.lockingTime)),
            downlink: .afterUplink([.init(delay: second)]))
        return Scenario(
            name: "city", seed: 5, duration: 6 * hour, links: [.init(name: "lorawan", link: link)],
            devices: [
                DeviceGroup(
                    name: "sensor", count: 300,
                    stack: .datagrams(.init(confirmEvery: 10, answerBytes: 17, handshakeUp: 60, handshakeDown: 48)),
                    traffic: [.init(.periodic(every: 900 * second, jitter: 0), .text(24))], spread: 900 * second)
            ])
    }

    /// How many lines of a log are kept themselves.
    private static let mostLines = 60

    /// What is kept of a scenario's run: lengths and digests (FNV-1a, 64 bits) of its log and of all datagrams with their
    /// fates, what it came to, and the first lines of the log.
    static func text(of scenario: Scenario) throws(ScenarioProblem) -> String {
        var log = Digest()
        var datagrams = Digest()
        var line: [UInt8] = []
        var first: [UInt8] = []
        var lines = 0
        var names: [[UInt8]] = []
        let simulation = try Simulation(
            scenario,
            record: { record in
                line.removeAll(keepingCapacity: true)
                record.write(to: &line, deviceName: names.indices.contains(record.device) ? names[record.device] : [])
                log.add(line)
                lines += 1
                if lines <= mostLines { first += line }
            },
            capture: {
                datagrams.add(Array("\($0.time) \($0.link) \($0.heading.rawValue) \($0.frame) \($0.fate) ".utf8))
                datagrams.add($0.bytes)
            })
        names = (0..<simulation.deviceCount).map { Array(simulation.deviceName($0).utf8) }
        simulation.run(until: .max)
        simulation.finish()
        let summary = simulation.summary
        let tallies = summary.tallies.map {
            "\($0.offered) offered, \($0.delivered) delivered, \($0.lost.reduce(0, +)) lost, \($0.dropped.reduce(0, +)) dropped"
        }
        return """
            \(lines) lines, \(log.bytes) bytes, log \(log), datagrams \(datagrams)
            \(summary.offered) messages, \(summary.journalled.count) journalled, \(summary.accepted) accepted, \
            \(summary.inRoom.count) in the room, \(summary.heard.count) of \(summary.said) heard
            \(tallies.joined(separator: "; "))
            \(String(decoding: first, as: UTF8.self))
            """
    }

    private struct Digest: CustomStringConvertible {
        private var value: UInt64 = 0xCBF2_9CE4_8422_2325
        private(set) var bytes = 0

        mutating func add(_ data: [UInt8]) {
            bytes += data.count
            for byte in data { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 }
        }

        var description: String {
            let digits = String(value, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }
    }
}
