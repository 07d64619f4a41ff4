internal import ArgumentParser
internal import Foundation
internal import LinkModel
internal import LinkRelay
internal import NIOCore
internal import NIOPosix
internal import Profiles

struct LinkCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "link",
        abstract: "Is a slow, lossy link between devices and a gateway, in real time.",
        discussion: """
            Devices send to the address after --listen instead of the gateway's. Each direction has its rate once, shared by \
            all devices, unless --dedicated or the profile says otherwise; duty cycles, quotas, passes and collisions are \
            those of the profile. Rates count UDP payload and the link's overhead. Prints "ready" and its address, then a line \
            for each datagram when its fate is known, until SIGTERM or SIGINT. No root is needed.

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

    @Flag(help: "Each device has the link for itself.")
    var dedicated = false

    @Flag(help: "Show figures that are renewed every second instead of a line for each datagram.")
    var live = false

    @Option(help: ArgumentHelp("Record every datagram, also those that get lost.", valueName: "pcapng"))
    var pcap: String?

    func run() async throws {
        let link = try self.link()
        let relay: LinkRelay
        let recorder = try pcap.map { try PacketRecorder($0) }
        let printer = RelayPrinter(json: json, quiet: quiet || live)
        do {
            relay = try await LinkRelay.start(
                link: link, seed: seed, listen: try Self.resolve(listen, "--listen"),
                gateway: try Self.resolve(to, "--to"), group: MultiThreadedEventLoopGroup.singleton
            ) {
                printer.show($0)
                recorder?.add($0)
            }
        } catch LinkRelay.StartError.cannotListen(let error) {
            if let error = error as? IOError, error.errnoCode == EADDRINUSE {
                throw Failure(.portInUse, "UDP \(listen) is in use by another program")
            }
            throw Failure(.badInput, "--listen \(listen): \(error)")
        }
        let host = relay.localAddress.ipAddress ?? "?"
        try printLine("ready \(HostPort(host: host, port: relay.localAddress.port ?? 0))")
        let figures =
            live
            ? Task {
                while !Task.isCancelled {
                    try? await Task.sleep(for: .seconds(1))
                    Self.showLive(printer.summary)
                }
            } : nil
        await Interruption.wait()
        figures?.cancel()
        await relay.close()
        recorder?.close()
        if live { Self.showLive("") }
        say(printer.summary)
    }

    /// In the place of the line before.
    private static func showLive(_ line: String) {
        FileHandle.standardError.write(Data("\r\u{1B}[K\(line)".utf8))
    }

    private func link() throws -> RadioLink {
        var link = LinkProfile.unlimited.link
        if let name = profile {
            let profile = try InstalledProfiles.here.link(name, encryptionPermitted: encryptionPermitted)
            if let caution = profile.caution { say(caution) }
            link = profile.link
        }
        if link.medium == .dedicated, !dedicated { link.medium = .scheduled }
        if let rate {
            guard rate <= 10_000_000_000 else {
                throw Failure(.badInput, "--rate \(rate): 0 to 10000000000 are allowed")
            }
            try set(&link, \.framing.airtime, .rate(Rate(bits: rate)))
        }
        if let latency { try set(&link, \.latency, YAMLSection.nanoseconds(try seconds(latency, "--latency"))) }
        if let jitter {
            try set(&link, \.jitter, .uniform(upTo: YAMLSection.nanoseconds(try seconds(jitter, "--jitter"))))
        }
        if let overhead { try set(&link, \.framing.overheadBytes, overhead, "--overhead", 0...1000) }
        if let mtu { try set(&link, \.mtu, mtu, "--mtu", 19...65_507) }
        if let loss {
            guard (0...100).contains(loss) else { throw Failure(.badInput, "--loss \(loss): 0 to 100 are allowed") }
            try set(&link, \.loss, .bernoulli(perMillion: YAMLSection.perMillion(loss)))
        }
        return link
    }

    private func seconds(_ value: Double, _ option: String) throws -> Double {
        guard (0...86_400).contains(value) else {
            throw Failure(.badInput, "\(option) \(value): 0 to 86400 are allowed")
        }
        return value
    }

    private func set<T>(
        _ link: inout RadioLink, _ key: WritableKeyPath<RadioLink.Direction, T>, _ value: T
    ) throws {
        link.up[keyPath: key] = value
        link.down[keyPath: key] = value
    }

    private func set(
        _ link: inout RadioLink, _ key: WritableKeyPath<RadioLink.Direction, Int>, _ value: Int, _ option: String,
        _ range: ClosedRange<Int>
    ) throws {
        guard range.contains(value) else {
            throw Failure(.badInput, "\(option) \(value): \(range.lowerBound) to \(range.upperBound) are allowed")
        }
        try set(&link, key, value)
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
