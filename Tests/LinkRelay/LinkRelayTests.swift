import LinkModel
import LinkRelay
import NIOCore
import NIOPosix
import Synchronization
import Testing

private let millisecond: Int64 = 1_000_000

/// Notes what a relay says of its datagrams.
private final class Notes: Sendable {
    private let events = Mutex<[LinkRelay.Event]>([])

    func add(_ event: LinkRelay.Event) { events.withLock { $0.append(event) } }
    var all: [LinkRelay.Event] { events.withLock { $0 } }

    /// The datagrams, by the order in which they came in, that got lost.
    var lost: [UInt64] {
        all.compactMap {
            if case .link(.lost) = $0.what { $0.id } else { nil }
        }
    }

    var dropped: [LinkEvent.Drop] {
        all.compactMap {
            if case .link(.dropped(let reason)) = $0.what { reason } else { nil }
        }
    }
}

@Suite("A link in real time, between sockets", .serialized)
struct LinkRelayTests {
    private func link(
        bits: UInt64 = 0, _ change: (inout RadioLink.Direction) -> Void = { _ in }, down: RadioLink.Direction? = nil
    ) -> RadioLink {
        var up = RadioLink.Direction(Framing(.rate(bits == 0 ? .unlimited : Rate(bits: bits))))
        change(&up)
        return RadioLink(up: up, down: down ?? RadioLink.Direction(Framing(.rate(.unlimited))))
    }

    /// Runs `body` with a relay between a device's side (its port) and a gateway's socket.
    private func relaying(
        _ link: RadioLink, seed: UInt64 = 1, _ body: (Int, UDPSocket, Notes) throws -> Void
    ) async throws {
        let gateway = try UDPSocket()
        let notes = Notes()
        let relay = try await LinkRelay.start(
            link: link, seed: seed, listen: SocketAddress(ipAddress: "127.0.0.1", port: 0),
            gateway: SocketAddress(ipAddress: "127.0.0.1", port: gateway.port),
            group: MultiThreadedEventLoopGroup.singleton
        ) { notes.add($0) }
        let result = Result { try body(relay.localAddress.port ?? 0, gateway, notes) }
        await relay.close()
        try result.get()
    }

    @Test("datagrams arrive whole, in order, and not before the link lets them")
    func timing() async throws {
        // 100 bytes with the overhead: 20 ms each.
        let slow = link(bits: 40_000) {
            $0.framing.overheadBytes = 8
            $0.latency = 30 * millisecond
        }
        try await relaying(slow) { port, gateway, _ in
            let device = try UDPSocket()
            let begin = UDPSocket.now
            for number in 0..<10 { device.send([UInt8](repeating: UInt8(number), count: 92), to: port) }
            let sent = UDPSocket.now
            for number in 0..<10 {
                let datagram = try #require(gateway.receive())
                #expect(datagram.bytes == [UInt8](repeating: UInt8(number), count: 92))
                let due = Int64(number + 1) * 20 * millisecond + 30 * millisecond
                #expect(datagram.time - begin >= due)
                // A machine with much else to do is late, but not for ever.
                #expect(datagram.time - sent < due + 2000 * millisecond)
            }
        }
    }

    @Test("each device is a peer of its own to the gateway, and gets its own answers")
    func devices() async throws {
        try await relaying(link()) { port, gateway, _ in
            let devices = try [UDPSocket(), UDPSocket(), UDPSocket()]
            var ports: [Int] = []
            for (index, device) in devices.enumerated() {
                device.send([UInt8(index)], to: port)
                let datagram = try #require(gateway.receive())
                #expect(datagram.bytes == [UInt8(index)])
                ports.append(datagram.port)
            }
            #expect(Set(ports).count == 3)
            // The last first.
            for (index, device) in devices.enumerated().reversed() {
                gateway.send([UInt8(100 + index)], to: ports[index])
                let answer = try #require(device.receive())
                #expect(answer.bytes == [UInt8(100 + index)] && answer.port == port)
            }
            // A device that speaks again is known.
            devices[1].send([7], to: port)
            #expect(try #require(gateway.receive()).port == ports[1])
        }
    }

    @Test("what the link loses does not arrive, and what it drops neither; both are told")
    func losses() async throws {
        let lossy = link {
            $0.loss = .frames([false, true, true, false])
            $0.mtu = 20
        }
        try await relaying(lossy) { port, gateway, notes in
            let device = try UDPSocket()
            for number in 0..<8 {
                device.send([UInt8(number)], to: port)
                if [0, 3].contains(number % 4) { #expect(gateway.receive()?.bytes == [UInt8(number)]) }
            }
            device.send([UInt8](repeating: 9, count: 21), to: port)
            #expect(gateway.receive(milliseconds: 100) == nil)
            #expect(notes.lost == [2, 3, 6, 7])
            #expect(notes.dropped == [.tooLong])
        }
    }

    @Test("a wrong bit arrives wrong, and only that one; a copy arrives as well")
    func damage() async throws {
        let bad = link {
            $0.corruptionPerMillion = 1_000_000
            $0.duplicationPerMillion = 1_000_000
        }
        try await relaying(bad) { port, gateway, notes in
            let device = try UDPSocket()
            for round in 0..<20 {
                let sent = (0..<40).map { UInt8($0 + round) }
                device.send(sent, to: port)
                let first = try #require(gateway.receive())
                let second = try #require(gateway.receive())
                #expect(first.bytes == second.bytes && first.bytes.count == 40)
                #expect(zip(first.bytes, sent).reduce(0) { $0 + ($1.0 ^ $1.1).nonzeroBitCount } == 1)
            }
            #expect(gateway.receive(milliseconds: 50) == nil)
            let copies = notes.all.filter {
                if case .link(.arrived(let isCopy, _)) = $0.what { isCopy } else { false }
            }
            #expect(copies.count == 20)
        }
    }

    @Test("the same seed loses the same datagrams, another one others")
    func seeds() async throws {
        var runs: [[UInt64]] = []
        for seed: UInt64 in [4, 4, 5] {
            try await relaying(link { $0.loss = .bernoulli(perMillion: 500_000) }, seed: seed) { port, gateway, notes in
                let device = try UDPSocket()
                for number in 0..<64 {
                    device.send([UInt8(number)], to: port)
                    // Its fate is known before the next comes.
                    while notes.all.filter({ $0.id == UInt64(number + 1) }).count < 3 {
                        guard gateway.receive(milliseconds: 5) == nil else { break }
                    }
                }
                runs.append(notes.lost)
            }
        }
        #expect(runs[0] == runs[1] && runs[0] != runs[2])
        #expect((16...48).contains(runs[0].count))
    }

    @Test("the gateway's direction has its own rate, and a closed relay carries nothing")
    func down() async throws {
        let slow = RadioLink.Direction(Framing(.rate(Rate(bits: 8000))))
        try await relaying(link(down: slow)) { port, gateway, _ in
            let device = try UDPSocket()
            device.send([1], to: port)
            let origin = try #require(gateway.receive()).port
            let begin = UDPSocket.now
            for number in 0..<3 { gateway.send([UInt8](repeating: UInt8(number), count: 50), to: origin) }
            for number in 0..<3 {
                let datagram = try #require(device.receive())
                #expect(datagram.bytes == [UInt8](repeating: UInt8(number), count: 50))
                #expect(datagram.time - begin >= Int64(number + 1) * 50 * millisecond)
            }
        }
        let gateway = try UDPSocket()
        let relay = try await LinkRelay.start(
            link: link(), seed: 1, listen: SocketAddress(ipAddress: "127.0.0.1", port: 0),
            gateway: SocketAddress(ipAddress: "127.0.0.1", port: gateway.port),
            group: MultiThreadedEventLoopGroup.singleton, handle: { _ in })
        await relay.close()
        let device = try UDPSocket()
        device.send([1], to: relay.localAddress.port ?? 0)
        #expect(gateway.receive(milliseconds: 50) == nil)
    }
}
