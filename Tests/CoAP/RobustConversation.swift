import CoAP
import Links

/// A client with one robust transfer, a server, and a link between them that loses, repeats and reorders, in virtual time.
final class RobustConversation {
    struct Weather {
        var lossPerThousand: UInt64 = 0
        var duplicationPerThousand: UInt64 = 0
        /// Nanoseconds by which a datagram may be late.
        var delay: Int64 = 0
    }

    private struct Datagram {
        var at: Int64
        var order: Int
        var toServer: Bool
        var bytes: [UInt8]
    }

    var now: Int64 = 0
    var weather = Weather()
    /// Which datagram to lose, by its direction and count; besides the weather's.
    var loses: (_ toServer: Bool, _ count: Int) -> Bool = { _, _ in false }
    private(set) var datagrams: [(toServer: Bool, message: Message)] = []
    private(set) var times: [Int64] = []
    private(set) var requests: [Request] = []
    private(set) var bytes = 0
    var server: ServerSession
    var client: Endpoint
    var transfer: RobustTransfer
    private var handles: [Endpoint.Handle] = []
    private var air: [Datagram] = []
    private var sent = 0
    private var counts = [0, 0]
    private var dice: SeededStream
    private var up: LinkDirection
    private var down: LinkDirection
    var resource: (Request) -> Response

    static let parameters = TransmissionParameters(
        roundTrip: 3_000_000_000, perAnswerByte: 8_000_000, processing: 1_000_000_000)

    init(
        seed: UInt64, _ request: Request, exponent: UInt8 = 2, bitsPerSecond: UInt64 = 1000,
        limits: ServerSession.Limits = .init(), resource: @escaping (Request) -> Response
    ) {
        dice = SeededStream(seed: seed, purpose: 1)
        let direction = Link.Direction(bitsPerSecond: bitsPerSecond, latency: 500_000_000, overheadBytes: 28)
        up = LinkDirection(direction, seed: seed, isUp: true)
        down = LinkDirection(direction, seed: seed, isUp: false)
        server = ServerSession(
            endpoint: Endpoint(parameters: Self.parameters, seed: seed, firstMessageID: 9000), limits: limits)
        client = Endpoint(parameters: Self.parameters, seed: seed &+ 1, firstMessageID: 100)
        transfer = RobustTransfer(
            request, exponent: exponent, requestTag: [7],
            timing: RobustTiming(Self.parameters, blockBytes: (16 << Int(exponent)) + 40), draw: seed, now: 0)
        self.resource = resource
    }

    /// Lets time pass until the transfer has an outcome.
    func run(for duration: Int64) -> RobustTransfer.Outcome? {
        let end = now + duration
        pump()
        while transfer.outcome == nil {
            var next = Int64.max
            for datagram in air { next = min(next, datagram.at) }
            for deadline in [transfer.deadline, client.deadline, server.deadline] { next = min(next, deadline ?? .max) }
            guard next <= end else { return nil }
            now = max(now, next)
            step()
            pump()
        }
        return transfer.outcome
    }

    private func step() {
        let due = air.filter { $0.at <= now }.sorted { ($0.at, $0.order) < ($1.at, $1.order) }
        air.removeAll { $0.at <= now }
        for datagram in due {
            if datagram.toServer {
                server.receive(datagram.bytes, now: now)
            } else {
                client.receive(datagram.bytes, now: now)
            }
        }
        if server.deadline.map({ $0 <= now }) == true { server.handleTimeout(now: now) }
        if client.deadline.map({ $0 <= now }) == true { client.handleTimeout(now: now) }
        if transfer.deadline.map({ $0 <= now }) == true { transfer.handleTimeout(now: now) }
    }

    private func pump() {
        while let event = server.nextEvent() {
            guard case .request(let id, let request) = event else { continue }
            requests.append(request)
            server.respond(to: id, resource(request), now: now)
        }
        while let transmission = server.nextTransmission() {
            if case .message(let bytes) = transmission.content { send(bytes, toServer: false) }
            if transmission.isConfirmable { server.endpoint.sent(transmission.handle, lastBitAt: now) }
        }
        while let event = client.nextEvent() {
            if case .response(let handle, let response) = event, handles.contains(handle) {
                transfer.receive(response, now: now)
            }
        }
        while let request = transfer.nextRequest(now: now) {
            guard let handle = try? client.start(request, confirmable: false, continues: true, now: now) else {
                continue
            }
            handles.append(handle)
        }
        while let transmission = client.nextTransmission() {
            if case .message(let bytes) = transmission.content { send(bytes, toServer: true) }
        }
    }

    private func send(_ bytes: [UInt8], toServer: Bool) {
        if let message = try? Message(decoding: bytes) {
            datagrams.append((toServer, message))
            times.append(now)
        }
        self.bytes += bytes.count + 28
        let side = toServer ? 1 : 0
        counts[side] += 1
        let fate = toServer ? up.send(bytes.count, now: now) : down.send(bytes.count, now: now)
        guard case .delivered(_, let arrives) = fate, !loses(toServer, counts[side] - 1),
            dice.next(below: 1000) >= weather.lossPerThousand
        else { return }
        for _ in 0..<(dice.next(below: 1000) < weather.duplicationPerThousand ? 2 : 1) {
            sent += 1
            let late = weather.delay == 0 ? 0 : Int64(dice.next(below: UInt64(weather.delay)))
            air.append(Datagram(at: arrives + late, order: sent, toServer: toServer, bytes: bytes))
        }
    }
}
