internal import ArgumentParser
internal import Foundation
internal import LinkModel
internal import LinkRelay
internal import Links
internal import NIOCore
internal import NIOPosix
internal import Profiles

struct LinkCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "link",
        abstract: "Is a slow, lossy link between devices and a gateway, in real time.",
        discussion: """
            Devices send to the address after --listen instead of the gateway's; each direction has its rate once, shared by \
            all devices. Rates count UDP payload and the link's overhead. Prints "ready" and its address, then a line for each \
            datagram, until SIGTERM or SIGINT.

            Example: sotto link --listen 127.0.0.1:5700 --to 127.0.0.1:5683 --rate 100 --latency 2 --loss 5
            """)

    @Option(help: ArgumentHelp("Where devices send to.", valueName: "host:port"))
    var listen = "127.0.0.1:0"

    @Option(help: ArgumentHelp("The gateway.", valueName: "host:port"))
    var to: String

    @Option(
        help: ArgumentHelp(
            "A link that sotto profile list shows, or a path; the options below override it.", valueName: "name"))
    var profile: String?

    @Flag(help: "You hold a permission to encrypt on this link of amateur radio.")
    var encryptionPermitted = false

    @Option(help: ArgumentHelp("Both directions, bit/s; 0 for unlimited.", valueName: "bit/s"))
    var rate: UInt64?

    @Option(help: ArgumentHelp("One way.", valueName: "seconds"))
    var latency: Double?

    @Option(help: ArgumentHelp("Up to this much more, drawn for each datagram.", valueName: "seconds"))
    var jitter: Double?

    @Option(help: ArgumentHelp("Datagrams lost, in each direction.", valueName: "percent"))
    var loss: Double?

    @Option(help: ArgumentHelp("What the link adds to each datagram.", valueName: "bytes"))
    var overhead: Int?

    @Option(help: ArgumentHelp("The longest UDP payload; longer ones are dropped.", valueName: "bytes"))
    var mtu: Int?

    @Option(help: "Decides which datagrams get lost: the same seed, the same losses.")
    var seed: UInt64 = 1

    @Flag(help: "Print each datagram as one line of JSON.")
    var json = false

    @Flag(help: "Print nothing for each datagram.")
    var quiet = false

    func run() async throws {
        let link = try self.link()
        let relay: LinkRelay
        let print = Printer(json: json, quiet: quiet)
        do {
            relay = try await LinkRelay.start(
                link: link, seed: seed, listen: try Self.resolve(listen, "--listen"),
                gateway: try Self.resolve(to, "--to"), group: MultiThreadedEventLoopGroup.singleton
            ) { print.show($0) }
        } catch LinkRelay.StartError.cannotListen(let error) {
            if let error = error as? IOError, error.errnoCode == EADDRINUSE {
                throw Failure(.portInUse, "UDP \(listen) is in use by another program")
            }
            throw Failure(.badInput, "--listen \(listen): \(error)")
        }
        let host = relay.localAddress.ipAddress ?? "?"
        try printLine("ready \(HostPort(host: host, port: relay.localAddress.port ?? 0))")
        await Interruption.wait()
        await relay.close()
        say(print.summary)
    }

    private func link() throws -> Link {
        var link = LinkProfile.unlimited.link.timing
        if let name = profile {
            let profile = try InstalledProfiles.here.link(name, encryptionPermitted: encryptionPermitted)
            if let caution = profile.caution { say(caution) }
            link = profile.link.timing
            link.up.lossPerMillion = UInt32((profile.link.up.loss.expectedLoss(duration: 0, bytes: 0) ?? 0) * 1e6)
            link.down.lossPerMillion = UInt32((profile.link.down.loss.expectedLoss(duration: 0, bytes: 0) ?? 0) * 1e6)
        }
        if let rate { try set(&link, \.bitsPerSecond, rate, "--rate", 0...10_000_000_000) }
        if let latency { try set(&link, \.latency, YAMLSection.nanoseconds(try seconds(latency, "--latency"))) }
        if let jitter { try set(&link, \.jitter, YAMLSection.nanoseconds(try seconds(jitter, "--jitter"))) }
        if let overhead { try set(&link, \.overheadBytes, overhead, "--overhead", 0...1000) }
        if let mtu { try set(&link, \.mtu, mtu, "--mtu", 19...65_507) }
        if let loss {
            guard (0...100).contains(loss) else { throw Failure(.badInput, "--loss \(loss): 0 to 100 are allowed") }
            try set(&link, \.lossPerMillion, YAMLSection.perMillion(loss))
        }
        return link
    }

    private func seconds(_ value: Double, _ option: String) throws -> Double {
        guard (0...86_400).contains(value) else {
            throw Failure(.badInput, "\(option) \(value): 0 to 86400 are allowed")
        }
        return value
    }

    private func set<T: Comparable>(
        _ link: inout Link, _ key: WritableKeyPath<Link.Direction, T>, _ value: T, _ option: String = "",
        _ range: ClosedRange<T>? = nil
    ) throws {
        if let range, !range.contains(value) {
            throw Failure(.badInput, "\(option) \(value): \(range.lowerBound) to \(range.upperBound) are allowed")
        }
        link.up[keyPath: key] = value
        link.down[keyPath: key] = value
    }

    private static func resolve(_ text: String, _ option: String) throws -> SocketAddress {
        guard let address = HostPort(text) else {
            throw Failure(.badInput, "\(option) \(text): HOST:PORT is expected, such as 127.0.0.1:5683 or [::1]:5683")
        }
        do {
            return try SocketAddress.makeAddressResolvingHost(address.host, port: address.port)
        } catch {
            throw Failure(.badInput, "\(option) \(text): \(error)")
        }
    }
}

/// Prints what becomes of each datagram. Used on the relay's thread while it runs, and after it has stopped.
private final class Printer: @unchecked Sendable {
    private struct Line: Encodable {
        var seconds: Double
        var direction: String
        var bytes: Int
        var fate: String
        /// From coming in until its last bit has left the sender's end.
        var leavesAfter: Double?
        var arrivesAfter: Double?
    }

    private let json: Bool
    private let quiet: Bool
    private let began = Clock.monotonic
    private var datagrams = 0
    private var bytes = 0
    private var lost = 0
    private var dropped = 0

    init(json: Bool, quiet: Bool) {
        self.json = json
        self.quiet = quiet
    }

    var summary: String {
        "\(datagrams) datagrams with \(bytes) bytes, \(lost) lost, \(dropped) dropped for their length or a full queue"
    }

    func show(_ event: LinkRelay.Event) {
        datagrams += 1
        bytes += event.bytes
        var line = Line(
            seconds: Self.seconds(event.cameAt - began), direction: event.direction.rawValue, bytes: event.bytes,
            fate: "")
        var text: String
        switch event.fate {
        case .delivered(let leaves, let arrives):
            line.fate = "delivered"
            line.leavesAfter = Self.seconds(leaves - event.cameAt)
            line.arrivesAfter = Self.seconds(arrives - event.cameAt)
            text = String(format: "arrives after %.2f s", Self.seconds(arrives - event.cameAt))
        case .lost(let leaves):
            lost += 1
            line.fate = "lost"
            line.leavesAfter = Self.seconds(leaves - event.cameAt)
            text = String(format: "lost (%.2f s on the link)", Self.seconds(leaves - event.cameAt))
        case .queueFull:
            dropped += 1
            line.fate = "queue full"
            text = "dropped: too much is waiting"
        case .tooLong:
            dropped += 1
            line.fate = "too long"
            text = "dropped: longer than the link carries"
        }
        guard !quiet else { return }
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys]
            text = (try? encoder.encode(line)).map { String(decoding: $0, as: UTF8.self) } ?? ""
        } else {
            let time = String(format: "%8.2f", line.seconds)
            text = "\(time) s  \(event.direction == .up ? "up  " : "down")  \(event.bytes) bytes  \(text)"
        }
        // Nobody reading any more is no reason to stop carrying.
        try? printLine(text)
    }

    private static func seconds(_ nanoseconds: Int64) -> Double { (Double(nanoseconds) / 1e6).rounded() / 1000 }
}
