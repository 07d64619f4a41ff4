import Foundation
import NIOCore
import NIOPosix

/// The gateway under the load of many devices, its homeserver a stand-in that costs little.
final class Benchmark {
    private let program: String
    private let folder: URL
    private let isJSON: Bool
    private let isLong: Bool
    private let deviceCount = 10_000
    private let standIn: StandIn
    private let load: Load
    private let echoPort: UInt16
    private var gateway: GatewayProcess
    private var devices: [LoadDevice] = []
    private var acknowledged = 0

    init(program: String, folder: URL, isJSON: Bool, isLong: Bool) throws {
        self.program = program
        self.folder = folder
        self.isJSON = isJSON
        self.isLong = isLong
        standIn = try StandIn(group: MultiThreadedEventLoopGroup(numberOfThreads: 1))
        echoPort = try Echo.start(group: MultiThreadedEventLoopGroup(numberOfThreads: 1))
        load = try Load()
        gateway = try GatewayProcess(program: program, folder: folder, homeserverPort: standIn.port)
    }

    func run(only part: String?) throws {
        try gateway.start()
        defer { gateway.stop() }
        try idleMemory()
        if part == nil || part == "throughput" { try throughput() }
        if part == nil || part == "outage" { try outage(rows: isLong ? 2_880_000 : 100_000) }
    }

    // MARK: Parts

    private func idleMemory() throws {
        let before = gateway.residentBytes
        let administration = try Administration(gateway.socket)
        for number in 0..<deviceCount {
            devices.append(try administration.provision("d\(number)", room: "!room\(number / 100):bench.example"))
        }
        try wait("all devices are in their rooms", seconds: 120) { standIn.joins >= deviceCount }
        gateway.stop()
        try gateway.start()
        // As an empty one: what provisioning needed is not what idle devices need.
        let empty = try GatewayProcess(
            program: program, folder: folder.appendingPathComponent("empty"), homeserverPort: standIn.port)
        try empty.start()
        sleep(3)
        let start = empty.residentBytes
        let idle = gateway.residentBytes
        empty.stop()
        report("resident memory an idle device", Double(idle - start) / Double(deviceCount), "B", reference: 2048)
        report("resident memory of the start", Double(start) / 1048576, "MiB", reference: Double(before) / 1048576)
    }

    private func throughput() throws {
        for window in [1, 100, 10_000] {
            let echo = try load.echo(window: window, seconds: 3, bytes: 64, to: echoPort)
            let cpu = gateway.cpuSeconds
            let delivered = standIn.events
            let result = try load.run(&devices, window: window, seconds: window == 10_000 ? 10 : 5, to: gateway.port)
            let used = gateway.cpuSeconds - cpu
            acknowledged += result.answered
            let drained = Double(standIn.events - delivered) / result.seconds
            report("durable sends, \(window) at a time", result.perSecond, "/s", reference: echo.perSecond)
            report("  gateway CPU a message, with its delivery", used / Double(result.answered) * 1e6, "us")
            report("  drained meanwhile", drained, "/s")
            report("  99 % answered within", result.percentile(0.99), "ms", reference: echo.percentile(0.99))
            report("  repeated", Double(result.repeated), "")
            acknowledged += try load.settle(&devices, to: gateway.port)
            try drain()
        }
    }

    private func outage(rows: Int) throws {
        standIn.setAway(true)
        let before = standIn.events
        var peak = 0
        var sent = 0
        let started = Load.now
        while sent < rows {
            let result = try load.run(
                &devices, window: deviceCount, seconds: 600, messages: min(100_000, rows - sent), to: gateway.port)
            acknowledged += result.answered
            let settled = try load.settle(&devices, to: gateway.port)
            acknowledged += settled
            sent += result.answered + settled
            peak = max(peak, gateway.storedBytes)
        }
        report("outage: rows taken", Double(sent) / (Double(Load.now - started) / 1e9), "/s")
        report("outage: resident memory with \(sent) rows", Double(gateway.residentBytes) / 1048576, "MiB")
        report("outage: data folder with \(sent) rows", Double(peak) / 1048576, "MiB", reference: 1024)
        // A restart: the first answer must wait for nothing but the store.
        gateway.kill()
        let dead = Load.now
        try gateway.start()
        let ready = Double(Load.now - dead) / 1e9
        let first = try load.run(&devices, window: 1, seconds: 30, messages: 1, to: gateway.port)
        report("restart to the first answer", Double(Load.now - dead) / 1e9, "s", reference: 1)
        report("  of that until it said ready", ready, "s")
        acknowledged += first.answered
        acknowledged += try load.settle(&devices, to: gateway.port)
        standIn.setAway(false)
        let begun = Load.now
        try wait("the first event after the outage", seconds: 90) { standIn.events > before }
        let drainStart = Load.now
        let drainedBefore = standIn.events
        try drain()
        let seconds = Double(Load.now - drainStart) / 1e9
        report("outage: drained", Double(standIn.events - drainedBefore) / seconds, "/s", reference: 2500)
        report("  noticed that the homeserver was back after", Double(drainStart - begun) / 1e9, "s")
        report("  data folder while it was drained", Double(max(peak, gateway.storedBytes)) / 1048576, "MiB")
    }

    // MARK: Pieces

    /// Waits until all that was acknowledged is in the rooms, once each.
    private func drain() throws {
        try wait("all \(acknowledged) acknowledged messages arrived", seconds: isLong ? 3600 : 300) {
            standIn.events >= acknowledged
        }
        guard standIn.events == acknowledged else {
            throw Problem("\(standIn.events) events, \(acknowledged) acknowledged messages")
        }
    }

    private func wait(_ what: String, seconds: Int, until holds: () -> Bool) throws {
        let end = Load.now + Int64(seconds) * 1_000_000_000
        while !holds() {
            guard Load.now < end else {
                throw Problem("not within \(seconds) s: \(what); \(standIn.events) events, \(standIn.joins) joins")
            }
            usleep(20_000)
        }
    }

    private func report(_ name: String, _ value: Double, _ unit: String, reference: Double? = nil) {
        let rounded = (value * 1000).rounded() / 1000
        if isJSON {
            let other = reference.map { "\(($0 * 1000).rounded() / 1000)" } ?? "null"
            print(
                "{\"name\":\"\(name.drop { $0 == " " })\",\"value\":\(rounded),\"unit\":\"\(unit)\",\"reference\":\(other)}"
            )
        } else {
            let beside = reference.map {
                ", beside \(($0 * 1000).rounded() / 1000): ratio \(((value / $0) * 1000).rounded() / 1000)"
            }
            print("\(name)  \(rounded) \(unit)\(beside ?? "")")
        }
        fflush(nil)
    }
}
