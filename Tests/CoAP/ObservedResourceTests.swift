import CoAP
import TestSupport
import Testing

/// The client's side of an observation against the server's, message by message.
@Suite("States that are longer than a message")
struct ObservedResourceTests {
    private static let request = Request(.get, path: [[0x6F]])
    private var client = Endpoint(parameters: .rfc7252, seed: 0x21_0000, firstMessageID: 1)
    private var server = ServerSession(
        endpoint: Endpoint(parameters: .rfc7252, seed: 3, firstMessageID: 100), limits: .init(blockExponent: 2))
    private var observed = ObservedResource(request, exponent: 2)
    private var state: [UInt8] = []
    private var handle: Endpoint.Handle = 0
    private var fetching: Endpoint.Handle?
    private var seen: [[UInt8]] = []
    private var failures: [BlockwiseTransfer.Failure] = []
    private var fetches = 0

    private static func body(_ fill: UInt8, _ count: Int) -> [UInt8] { [UInt8](repeating: fill, count: count) }

    private mutating func register(_ first: [UInt8]) throws {
        state = first
        var request = Self.request
        request.options.append(MessageOption(.observe, uint: 0))
        handle = try client.start(request, now: 0)
    }

    private mutating func change(_ next: [UInt8]) {
        state = next
        server.notify(resource: 1, Response(.content, payload: next), now: 0)
    }

    /// Carries messages until none is left, or so many have gone to the client.
    private mutating func carry(toClient most: Int = .max) throws {
        var carried = 0
        while carried < most {
            var isQuiet = true
            while let transmission = client.nextTransmission() {
                isQuiet = false
                guard case .message(let bytes) = transmission.content else { continue }
                if transmission.isConfirmable { client.sent(transmission.handle, lastBitAt: 0) }
                server.receive(bytes, now: 0)
                while case .request(let id, let request)? = server.nextEvent() {
                    var answer = Response(.content, payload: state)
                    if request.observe == 0 { answer = server.register(id, resource: 1, answer, now: 0) }
                    server.respond(to: id, answer, now: 0)
                }
            }
            if carried < most, let transmission = server.nextTransmission() {
                isQuiet = false
                carried += 1
                if transmission.isConfirmable { server.endpoint.sent(transmission.handle, lastBitAt: 0) }
                if case .message(let bytes) = transmission.content { client.receive(bytes, now: 0) }
            }
            while let event = client.nextEvent() { try handle(event) }
            if isQuiet { return }
        }
    }

    private mutating func handle(_ event: Endpoint.Event) throws {
        let step: ObservedResource.Step
        switch event {
        case .notification(handle, let response): step = observed.receive(notification: response, now: 0)
        case .response(let part, let response) where part == fetching: step = observed.receive(part: response)
        default: return
        }
        switch step {
        case .state(let whole): seen.append(whole.payload)
        case .fetch(let next):
            #expect(next.observe == nil)
            if let fetching { client.cancel(fetching) }
            fetching = try client.start(next, now: 0)
            fetches += 1
        case .failed(let failure): failures.append(failure)
        case .nothing: break
        }
    }

    @Test("the first block comes in the notification, the rest is fetched, and each state is told whole")
    mutating func inBlocks() throws {
        try register(Self.body(1, 200))
        try carry()
        change(Self.body(2, 130))
        try carry()
        change(Self.body(3, 10))
        try carry()
        change(Self.body(4, 64))
        try carry()
        #expect(seen == [Self.body(1, 200), Self.body(2, 130), Self.body(3, 10), Self.body(4, 64)])
        #expect(fetches == 3 + 2)
        #expect(client.isIdle && server.endpoint.isIdle)
    }

    @Test("a newer state ends the fetching of the one before, and no two are put together")
    mutating func superseded() throws {
        try register(Self.body(1, 300))
        // The first block and one more.
        try carry(toClient: 2)
        #expect(seen == [])
        change(Self.body(2, 300))
        try carry()
        #expect(seen == [Self.body(2, 300)])
        #expect(failures == [])
    }

    @Test("a body that changes while it is fetched, its notification lost, is fetched anew")
    mutating func changed() throws {
        try register(Self.body(1, 300))
        try carry(toClient: 2)
        // The notification of it does not arrive; the resource is asked, since what was kept has been replaced.
        state = Self.body(5, 300)
        server = ServerSession(
            endpoint: Endpoint(parameters: .rfc7252, seed: 4, firstMessageID: 900), limits: .init(blockExponent: 2))
        try carry()
        #expect(seen == [Self.body(5, 300)])
    }

    @Test("what is older than the newest is left out, until the observation has been registered anew")
    mutating func order() {
        func notification(_ sequence: UInt64) -> Response {
            Response(.content, options: [MessageOption(.observe, uint: sequence)], payload: [UInt8(sequence)])
        }
        #expect(observed.receive(notification: notification(9), now: 0) == .state(notification(9)))
        #expect(observed.receive(notification: notification(8), now: 1) == .nothing)
        #expect(observed.renewAt(draw: 0) == 65_000_000_000)
        observed.startAnew()
        #expect(observed.renewAt(draw: 0) == nil)
        #expect(observed.receive(notification: notification(2), now: 2) == .state(notification(2)))
        #expect(observed.receive(part: Response(.content)) == .nothing)
    }

    @Test("a state over the bound is not gathered")
    mutating func tooLarge() throws {
        observed = ObservedResource(Self.request, exponent: 2, mostBytes: 100)
        try register(Self.body(1, 300))
        try carry()
        #expect(failures == [.tooLarge])
        change(Self.body(2, 80))
        try carry()
        #expect(seen == [Self.body(2, 80)])
    }
}
