import CoAP

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A client over one UDP socket: waits for what comes or for the endpoint's next timer, whichever is first.
struct Client {
    private let descriptor: Int32
    private var endpoint: Endpoint
    /// In hundredths: datagrams of ours that are thrown away, and of the peer's.
    private let lossPercent: Int
    private var random = SystemRandomNumberGenerator()

    enum Trouble: Error {
        case system(String)
        case noAnswer
        case reset
        case transfer(BlockwiseTransfer.Failure)
        case robust(RobustTransfer.Failure)
        case message(MessageError)
    }

    init(host: String, port: String, lossPercent: Int) throws(Trouble) {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_DGRAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, port, &hints, &found) == 0, let first = found else {
            throw .system("cannot resolve \(host)")
        }
        defer { freeaddrinfo(found) }
        descriptor = socket(first.pointee.ai_family, Int32(SOCK_DGRAM.rawValue), 0)
        guard descriptor >= 0, connect(descriptor, first.pointee.ai_addr, first.pointee.ai_addrlen) == 0 else {
            throw .system("cannot open a socket to \(host)")
        }
        self.lossPercent = lossPercent
        endpoint = Endpoint(
            parameters: .rfc7252, seed: random.next(), firstMessageID: UInt16.random(in: 0...UInt16.max))
    }

    /// A whole request and its whole answer, in as many messages as that takes.
    mutating func exchange(
        _ request: Request, confirmable: Bool, blockExponent: UInt8
    ) throws(Trouble) -> Response {
        let tag = [UInt8](repeating: UInt8.random(in: 0...255), count: 1)
        var transfer = BlockwiseTransfer(request, exponent: blockExponent, requestTag: tag)
        var next = transfer.first
        while true {
            let handle = try start(next, confirmable)
            let response = try wait(for: handle)
            switch transfer.receive(response) {
            case .send(let further): next = further
            case .done(let whole): return whole
            case .failed(let failure): throw .transfer(failure)
            }
        }
    }

    /// The same in blocks that nobody confirms one by one (RFC 9177).
    mutating func exchangeRobustly(_ request: Request, blockExponent: UInt8) throws(Trouble) -> Response {
        let timing = RobustTiming(endpoint.parameters, blockBytes: (16 << Int(blockExponent)) + 40)
        var transfer = RobustTransfer(
            request, exponent: blockExponent, requestTag: [UInt8.random(in: 0...255)], timing: timing,
            draw: random.next(), now: Self.now)
        var handles: [Endpoint.Handle] = []
        defer { for handle in handles { endpoint.cancel(handle) } }
        while transfer.outcome == nil {
            while let next = transfer.nextRequest(now: Self.now) {
                do throws(MessageError) {
                    handles.append(try endpoint.start(next, confirmable: false, continues: true, now: Self.now))
                } catch {
                    throw .message(error)
                }
            }
            switch try nextEvent(until: transfer.deadline) {
            case .response(let handle, let response) where handles.contains(handle):
                transfer.receive(response, now: Self.now)
            case nil: transfer.handleTimeout(now: Self.now)
            default: continue
            }
        }
        switch transfer.outcome {
        case .done(let response): return response
        case .failed(let failure): throw .robust(failure)
        case nil: throw .noAnswer
        }
    }

    /// Observes until as many states have come that are newer than the one before, then ends the observation.
    mutating func observe(
        _ request: Request, count: Int, confirmable: Bool, blockExponent: UInt8, each: (Response) -> Void
    ) throws(Trouble) {
        var registering = request
        registering.options.append(MessageOption(.observe, uint: 0))
        var handle = try start(registering, confirmable)
        let draw: UInt64 = random.next()
        var resource = ObservedResource(request, exponent: blockExponent)
        var fetching: Endpoint.Handle?
        var seen = 0
        while true {
            let step: ObservedResource.Step
            switch try nextEvent(until: resource.renewAt(draw: draw)) {
            case .notification(handle, let response):
                // More may come until the end of the observation has arrived at the server.
                guard seen < count else { continue }
                step = resource.receive(notification: response, now: Self.now)
            case .response(let part, let response) where part == fetching:
                fetching = nil
                step = resource.receive(part: response)
            case .failed(let part, _) where part == fetching:
                // The next state is fetched anew.
                fetching = nil
                continue
            case .response(handle, let response):
                if let echo = response.option(.echo), registering.option(.echo) == nil, response.code == .unauthorized {
                    // The server wants to know that we are where we say (RFC 9175 section 2.3).
                    registering.options.append(echo)
                    handle = try start(registering, confirmable)
                    continue
                }
                if seen < count { each(response) }
                return
            case .failed(handle, let failure):
                throw failure == .reset ? .reset : .noAnswer
            case nil:
                resource.startAnew()
                try renew(handle, registering)
                continue
            default: continue
            }
            switch step {
            case .nothing, .failed: continue
            case .fetch(let next):
                if let fetching { endpoint.cancel(fetching) }
                fetching = try start(next, confirmable)
            case .state(let state):
                each(state)
                seen += 1
                if seen == count { try deregister(handle, request) }
            }
        }
    }

    private mutating func renew(_ handle: Endpoint.Handle, _ request: Request) throws(Trouble) {
        do throws(MessageError) {
            _ = try endpoint.renew(handle, request)
        } catch {
            throw .message(error)
        }
    }

    private mutating func deregister(_ handle: Endpoint.Handle, _ request: Request) throws(Trouble) {
        do throws(MessageError) {
            _ = try endpoint.deregister(handle, request)
        } catch {
            throw .message(error)
        }
    }

    mutating func ping() throws(Trouble) {
        let handle = endpoint.ping()
        while true {
            switch try nextEvent() {
            case .pong(handle): return
            case .failed(handle, _), nil: throw .noAnswer
            default: continue
            }
        }
    }

    // MARK: Pieces

    private static var now: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    private mutating func start(_ request: Request, _ confirmable: Bool) throws(Trouble) -> Endpoint.Handle {
        do throws(MessageError) {
            return try endpoint.start(request, confirmable: confirmable, now: Self.now)
        } catch {
            throw .message(error)
        }
    }

    private mutating func wait(for handle: Endpoint.Handle) throws(Trouble) -> Response {
        while true {
            switch try nextEvent() {
            case .response(handle, let response), .notification(handle, let response): return response
            case .failed(handle, let failure): throw failure == .reset ? .reset : .noAnswer
            default: continue
            }
        }
    }

    /// The next event; nil at the time given, or when nothing can come any more.
    private mutating func nextEvent(until: Int64? = nil) throws(Trouble) -> Endpoint.Event? {
        while true {
            if let event = endpoint.nextEvent() { return event }
            transmit()
            let deadline = [endpoint.deadline, until].compactMap { $0 }.min()
            let remaining = deadline.map { max(0, ($0 - Self.now + 999_999) / 1_000_000) }
            var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            if poll(&waiting, 1, Int32(min(remaining ?? 300_000, 300_000))) > 0 {
                receive()
            } else {
                guard remaining != nil else { throw .noAnswer }
                if let until, until <= Self.now { return nil }
                endpoint.handleTimeout(now: Self.now)
            }
            transmit()
        }
    }

    private mutating func transmit() {
        while let transmission = endpoint.nextTransmission() {
            let bytes: [UInt8]?
            switch transmission.content {
            case .message(let message): bytes = message
            case .again: bytes = endpoint.message(of: transmission.handle)
            }
            if let bytes, !isLost() { _ = send(descriptor, bytes, bytes.count, 0) }
            if transmission.isConfirmable { endpoint.sent(transmission.handle, lastBitAt: Self.now) }
        }
    }

    private mutating func receive() {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        guard count >= 0, !isLost() else { return }
        endpoint.receive(Array(buffer.prefix(count)), now: Self.now)
    }

    private mutating func isLost() -> Bool {
        Int.random(in: 0..<100, using: &random) < lossPercent
    }
}
