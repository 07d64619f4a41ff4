// What a simulated day costs: real seconds, CPU seconds, memory and events a second.
import Glibc
import LinkModel
import Simulation

let second: Int64 = 1_000_000_000
let day: Int64 = 86_400 * second

struct Figure {
    var name: String
    var value: Double
    var unit: String
    var bar: Double?
    /// The bar is a least, not a most.
    var isLeast = false
}

func seconds(_ clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// The most memory that this process has had, in MiB.
func peakMemory() -> Double {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return Double(usage.ru_maxrss) / 1024
}

func fnv(_ hash: UInt64, _ bytes: [UInt8]) -> UInt64 {
    bytes.reduce(hash) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
}

/// Runs a scenario, with its log written to a file where `path` is given.
///
/// - Returns: with the CPU time of this one thread, which on a machine with nothing else to do is the time that it takes.
func run(_ scenario: Scenario, log path: String?) throws -> (Simulation, wall: Double, cpu: Double, digest: UInt64) {
    let file = path.flatMap { fopen($0, "w") }
    defer { if let file { fclose(file) } }
    var buffer: [UInt8] = []
    var digest: UInt64 = 0xCBF2_9CE4_8422_2325
    var names: [[UInt8]] = []
    let begin = seconds(CLOCK_MONOTONIC)
    let cpuBegin = seconds(CLOCK_THREAD_CPUTIME_ID)
    func flush() {
        digest = fnv(digest, buffer)
        if let file { _ = fwrite(buffer, 1, buffer.count, file) }
        buffer.removeAll(keepingCapacity: true)
    }
    let simulation = try Simulation(
        scenario,
        record: file == nil
            ? nil
            : {
                $0.write(to: &buffer, deviceName: names.indices.contains($0.device) ? names[$0.device] : [])
                if buffer.count > 1 << 16 { flush() }
            })
    names = (0..<simulation.deviceCount).map { Array(simulation.deviceName($0).utf8) }
    simulation.run(until: .max)
    flush()
    simulation.finish()
    return (simulation, seconds(CLOCK_MONOTONIC) - begin, seconds(CLOCK_THREAD_CPUTIME_ID) - cpuBegin, digest)
}

func saturated() -> Scenario {
    let direction = RadioLink.Direction(Framing(.rate(Rate(bits: 100))), latency: 2 * second)
    return Scenario(
        name: "saturated", duration: day,
        links: [.init(name: "reference-100bps", link: RadioLink(up: direction, down: direction))],
        devices: [DeviceGroup(name: "device", traffic: [.init(.saturated, .text(24))])])
}

func city() -> Scenario {
    let packet = LoRaModulation(spreadingFactor: 7, bandwidth: 125_000)
    var reply = packet
    reply.hasCRC = false
    let lock = packet.lockingTime
    var up = RadioLink.Direction(Framing(.lora(packet), overheadBytes: 13), mtu: 222)
    up.bands = [
        SubBand(name: "868.0-868.6", channels: 3, duty: DutyLimit(perMillion: 10_000)),
        SubBand(name: "865-868", channels: 5, duty: DutyLimit(perMillion: 10_000)),
    ]
    var down = RadioLink.Direction(Framing(.lora(reply), overheadBytes: 13), mtu: 222)
    down.bands = up.bands + [SubBand(name: "869.4-869.65", duty: DutyLimit(perMillion: 100_000))]
    down.queue.age = 10 * second
    let link = RadioLink(
        up: up, down: down, duplex: .half(turnaround: 0),
        medium: .shared(.aloha, Medium.Capture(margin: 600, spread: 2000, harmless: lock)),
        downlink: .afterUplink([.init(delay: second), .init(delay: 2 * second, band: 2)]))
    return Scenario(
        name: "city", duration: day, links: [.init(name: "lorawan-eu868-sf7", link: link)],
        devices: [
            DeviceGroup(
                name: "sensor", count: 10_000,
                stack: .datagrams(.init(confirmEvery: 10, answerBytes: 17, handshakeUp: 60, handshakeDown: 48)),
                traffic: [.init(.periodic(every: 3600 * second, jitter: 0), .text(24))], spread: 3600 * second)
        ])
}

let asJSON = CommandLine.arguments.contains("--json")
let folder = CommandLine.arguments.dropFirst().first { !$0.hasPrefix("-") } ?? "/tmp"
var figures: [Figure] = []

// The best of three: on a machine with other work the same instructions take longer.
var (quiet, quietWall, quietCPU, _) = try run(saturated(), log: nil)
for _ in 0..<2 {
    let again = try run(saturated(), log: nil)
    if again.cpu < quietCPU { (quiet, quietWall, quietCPU, _) = again }
}
figures.append(Figure(name: "saturated day, no log, CPU", value: quietCPU, unit: "s", bar: 1))
figures.append(Figure(name: "saturated day, no log, clock", value: quietWall, unit: "s"))
figures.append(Figure(name: "saturated day, messages", value: Double(quiet.summary.accepted), unit: ""))
let (_, loggedWall, loggedCPU, digest) = try run(saturated(), log: folder + "/sotto-bench-saturated.jsonl")
figures.append(Figure(name: "saturated day, with log, CPU", value: loggedCPU, unit: "s", bar: 3))
figures.append(Figure(name: "saturated day, with log, clock", value: loggedWall, unit: "s"))
figures.append(Figure(name: "saturated day, events a second", value: Double(quiet.events) / quietCPU, unit: "1/s"))
let (large, largeWall, largeCPU, _) = try run(city(), log: nil)
let tally = large.summary.tallies[0]
figures.append(Figure(name: "10,000 devices a day, CPU", value: largeCPU, unit: "s", bar: 120))
figures.append(Figure(name: "10,000 devices a day, clock", value: largeWall, unit: "s"))
figures.append(Figure(name: "10,000 devices, peak memory", value: peakMemory(), unit: "MiB", bar: 1024))
figures.append(Figure(name: "10,000 devices, events a second", value: Double(large.events) / largeCPU, unit: "1/s"))
figures.append(Figure(name: "10,000 devices, messages", value: Double(large.summary.offered), unit: ""))
figures.append(Figure(name: "10,000 devices, handshakes", value: Double(large.summary.handshakes), unit: ""))
figures.append(
    Figure(
        name: "10,000 devices, messages at the gateway",
        value: Double(large.summary.journalled.count) / Double(large.summary.offered) * 100, unit: "%"))
figures.append(Figure(name: "10,000 devices, datagrams", value: Double(tally.offered), unit: ""))

var isMissed = false
for figure in figures {
    let value = (figure.value * 1000).rounded() / 1000
    let missed = figure.bar.map { figure.isLeast ? figure.value < $0 : figure.value > $0 } ?? false
    isMissed = isMissed || missed
    if asJSON {
        let bar = figure.bar.map { "\($0)" } ?? "null"
        print(
            "{\"name\":\"\(figure.name)\",\"value\":\(value),\"unit\":\"\(figure.unit)\",\"reference\":null,\"bar\":\(bar)}"
        )
    } else {
        let bar = figure.bar.map { ", bar \($0)" + (missed ? ": MISSED" : "") } ?? ""
        print("\(figure.name)  \(value) \(figure.unit)\(bar)")
    }
}
if !asJSON {
    print("log of the saturated day: \(digest)")
    if !tally.isBalanced { print("the tally of 10,000 devices is not balanced") }
}
exit(isMissed || !tally.isBalanced ? 1 : 0)
