/// The server's side of a conversation with one peer, on top of `Endpoint`: refuses what RFC 7252 has refused, puts bodies
/// together and takes answers apart (RFC 7959), keeps observations (RFC 7641), does not let itself be used against a third
/// party (RFC 9175 section 2.4), and leaves out answers that are not wanted (RFC 7967).
///
/// The owner feeds it datagrams and the time, answers its events with `respond`, and sends what `nextTransmission` gives.
public struct ServerSession: Sendable {
    public typealias RequestID = Endpoint.IncomingRequest.ID

    public enum Event: Equatable, Sendable {
        /// A request with its whole body; to be answered with `respond`.
        case request(RequestID, Request)
        /// The peer does not observe this resource any more, or cannot be reached.
        case observationEnded(resource: Int)
    }

    public struct Limits: Equatable, Sendable {
        /// Of the largest block that we send or want to receive.
        public var blockExponent: UInt8
        /// Of unfinished bodies, in each direction.
        public var bodyBytes: Int
        /// Observations of the peer.
        public var observations: Int

        public init(blockExponent: UInt8 = 6, bodyBytes: Int = 65_536, observations: Int = 16) {
            self.blockExponent = blockExponent
            self.bodyBytes = bodyBytes
            self.observations = observations
        }
    }

    /// What is taken for the peer's own address once it has returned an Echo value that was sent there.
    enum Address: Sendable {
        case proved
        case unproved(EchoMint, [UInt8])
    }

    struct Open: Sendable {
        var id: RequestID
        /// Without its body.
        var request: Request
    }

    public var endpoint: Endpoint
    public let limits: Limits
    var address: Address
    var open: [Open] = []
    var events: [Event] = []
    var observations: [Observation] = []
    /// One element, or none: a hundred thousand peers have no unfinished bodies.
    private var storedBodies: [ServerBodies] = []
    var bodies: ServerBodies {
        get {
            storedBodies.first
                ?? ServerBodies(mostBytes: limits.bodyBytes, lifetime: endpoint.parameters.exchangeLifetime)
        }
        set { storedBodies = newValue.bytesHeld == 0 ? [] : [newValue] }
    }

    /// RFC 9175 section 2.6: three times what the smallest request measures on the wire, in bytes of CoAP.
    static var mostToUnproved: Int { 136 }

    /// - Parameter proof: nil where the peer is known by other means, a secure channel below for one; otherwise what makes
    ///   Echo values, and the bytes of the peer's address.
    public init(endpoint: Endpoint, limits: Limits = Limits(), proof: (mint: EchoMint, address: [UInt8])? = nil) {
        self.endpoint = endpoint
        self.limits = limits
        if let proof { address = .unproved(proof.mint, proof.address) } else { address = .proved }
    }

    // MARK: What the owner calls

    public mutating func receive(_ datagram: [UInt8], now: Int64) {
        endpoint.receive(datagram, now: now)
        handleEvents(now: now)
    }

    public mutating func handleTimeout(now: Int64) {
        endpoint.handleTimeout(now: now)
        if !observations.isEmpty { sendHeld(now: now) }
        if !storedBodies.isEmpty {
            bodies.expire(now: now)
            handleRobustTimeout(now: now)
        }
        handleEvents(now: now)
    }

    public mutating func nextTransmission() -> Endpoint.Transmission? { endpoint.nextTransmission() }

    public mutating func nextEvent() -> Event? {
        guard let first = events.first else { return nil }
        if events.count == 1 { events = [] } else { events.removeFirst() }
        return first
    }

    public var deadline: Int64? {
        var earliest = endpoint.deadline
        if let robust = storedBodies.first?.deadline { earliest = min(robust, earliest ?? .max) }
        if !observations.isEmpty, let held = heldUntil { earliest = min(held, earliest ?? .max) }
        return earliest
    }

    /// Bytes of bodies that are not finished.
    public var bodyBytesHeld: Int { storedBodies.first?.bytesHeld ?? 0 }

    /// Whether nothing is lost when the session is forgotten, once its exchanges' lifetime is over.
    public var isIdle: Bool {
        endpoint.isIdle && open.isEmpty && observations.isEmpty && bodyBytesHeld == 0
    }

    /// Answers a request. An answer that is too long for a message goes out in blocks.
    public mutating func respond(to id: RequestID, _ response: Response, now: Int64) {
        guard let index = open.firstIndex(where: { $0.id == id }) else { return }
        let request = open[index].request
        if open.count == 1 { open = [] } else { open.remove(at: index) }
        finish(id, request, response, now: now)
    }

    /// Has the answer to a request come as a message of its own: it is known to take long.
    public mutating func acknowledge(_ id: RequestID) { endpoint.acknowledge(id) }

    // MARK: Requests

    private mutating func handleEvents(now: Int64) {
        while let event = endpoint.nextEvent() {
            switch event {
            case .request(let incoming):
                take(incoming, now: now)
            case .notificationDelivered(let handle):
                delivered(handle, now: now)
            case .notificationFailed(let handle, _):
                failed(handle)
            case .response, .notification, .failed, .pong:
                break
            }
        }
    }

    private mutating func take(_ incoming: Endpoint.IncomingRequest, now: Int64) {
        switch RequestScreen(understandsRobustBlocks: true).verdict(on: incoming.request) {
        case .refused(let response, let option):
            // RFC 7252 section 5.4.1: an unconfirmed request with a critical option that is not understood is rejected.
            guard incoming.isConfirmable || response.code != .badOption else {
                endpoint.endWithoutAnswer(incoming.id)
                return
            }
            finish(incoming.id, incoming.request, response, because: option, now: now)
        case .sound(let request):
            take(sound: request, incoming.id, now: now)
        }
    }

    private mutating func take(sound request: Request, _ id: RequestID, now: Int64) {
        proveAddress(request, now: now)
        if receivesRobustly(request, id, now: now) { return }
        var whole = request
        if request.option(.block1) != nil {
            let outcome = bodies.assembler.take(request, exponent: limits.blockExponent, now: now)
            switch outcome {
            case .answer(let response):
                finish(id, request, response, now: now)
                return
            case .whole(let assembled):
                whole = assembled
            }
        }
        if request.option(.block2) != nil {
            if let later = laterBlock(for: request, now: now) {
                finish(id, request, later, isCut: true, now: now)
                return
            }
        }
        ask(whole, id)
    }

    /// Puts a request with its whole body before the owner.
    mutating func ask(_ whole: Request, _ id: RequestID) {
        var bare = whole
        bare.payload = []
        open.append(Open(id: id, request: bare))
        events.append(.request(id, whole))
    }

    private mutating func laterBlock(for request: Request, now: Int64) -> Response? {
        guard let block = request.block(.block2), block.number > 0 else { return nil }
        return bodies.slicer.laterBlock(for: request, exponent: blockExponent, now: now)
    }

    mutating func finish(
        _ id: RequestID, _ request: Request, _ response: Response, because option: OptionNumber? = nil,
        isCut: Bool = false, now: Int64
    ) {
        guard !request.declines(response.code) else {
            endpoint.endWithoutAnswer(id)
            return
        }
        var answer = response
        if answer.codeIsError, answer.payload.isEmpty, request.option(.accept)?.uint == Response.problemDetailsFormat {
            answer = answer.withProblemDetails(unprocessed: option)
        }
        if answersRobustly(id, request, answer, now: now) { return }
        if !isCut { answer = cut(answer, for: request, now: now) }
        if let block = request.block(.block1), answer.option(.block1) == nil {
            // RFC 7959 section 2.3: the final answer names the block that it answers.
            answer.options.append(block.option(.block1))
        }
        answer = bounded(answer, to: request, id, now: now)
        var isProved = false
        if case .proved = address { isProved = true }
        do throws(MessageError) {
            try endpoint.respond(to: id, answer, confirmably: isProved, now: now)
        } catch {
            try? endpoint.respond(to: id, Response(.internalServerError), confirmably: isProved, now: now)
        }
    }

    /// The part of an answer that fits a message; the slicer comes to be when something does not.
    mutating func cut(_ response: Response, for request: Request, now: Int64) -> Response {
        guard response.payload.count > 16 << Int(blockExponent) || request.option(.block2) != nil else {
            return response
        }
        return bodies.slicer.cut(response, for: request, exponent: blockExponent, now: now)
    }

    var blockExponent: UInt8 { limits.blockExponent }
}

extension Response {
    var codeIsError: Bool { code.codeClass >= 4 }
}
