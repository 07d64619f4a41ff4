/// The observations of one peer (RFC 7641), bound to its session: where the session moves to another address, they move.
extension ServerSession {
    struct Observation: Sendable {
        var token: [UInt8]
        /// The owner's name for what is observed.
        var resource: Int
        /// The registering request, without its body: it says how notifications are cut.
        var request: Request
        /// Whether notifications are confirmable whenever they need not be, too.
        var isConfirmable: Bool
        var sequence: UInt64
        /// The notification that is not confirmed yet.
        var outstanding: Endpoint.Handle?
        /// The last ones that left unconfirmed.
        var unconfirmed: Endpoint.Handle?
        /// When the peer was last known to be interested.
        var confirmedAt: Int64
        /// Nothing unconfirmed leaves before.
        var unconfirmedFreeAt: Int64 = .min
        /// The newest state, which waits for that.
        var held: Response?
    }

    /// RFC 7641 section 4.5.1: no more than one unconfirmed notification in a round trip, or in 3 seconds where none is known.
    private var unconfirmedInterval: Int64 {
        endpoint.parameters.learnsRoundTrip ? endpoint.roundTrip.estimate ?? 3_000_000_000 : 3_000_000_000
    }

    /// When a state that waits may leave.
    var heldUntil: Int64? {
        var earliest: Int64?
        for observation in observations where observation.held != nil {
            earliest = min(earliest ?? .max, observation.unconfirmedFreeAt)
        }
        return earliest
    }

    mutating func sendHeld(now: Int64) {
        for index in observations.indices where observations[index].unconfirmedFreeAt <= now {
            guard let response = observations[index].held else { continue }
            observations[index].held = nil
            notify(index, response, now: now)
        }
    }

    /// RFC 7641 section 4.5: a server has to send a confirmable notification at least every 24 hours.
    static var confirmationInterval: Int64 { 86_400_000_000_000 }

    /// Registers the request's sender as an observer; call it before `respond`, with the answer that `respond` is to send.
    /// Returns the answer with its Observe option, or as it was where the peer may not observe.
    public mutating func register(
        _ id: RequestID, resource: Int, _ response: Response, confirmable: Bool = true, now: Int64
    ) -> Response {
        guard response.code.isSuccess, let index = open.firstIndex(where: { $0.id == id }) else { return response }
        // Notifications to an address that may be somebody else's are an attack on it.
        if let challenge = challenge(now: now) { return challenge }
        let request = open[index].request
        // The same token, or the same resource once more, takes the old one's place (section 4.1).
        remove { $0.token == id.token }
        if observations.count >= limits.observations { return response }
        let sequence: UInt64 = 2
        observations.append(
            Observation(
                token: id.token, resource: resource, request: request, isConfirmable: confirmable, sequence: sequence,
                outstanding: nil, unconfirmed: nil, confirmedAt: now))
        var answer = response
        answer.options.append(MessageOption(.observe, uint: sequence))
        return answer
    }

    /// Ends the observation that a request with Observe 1 names by its token (section 3.6).
    public mutating func deregister(_ id: RequestID) {
        remove { $0.token == id.token }
    }

    /// Tells those who observe `resource` its new state; an error ends their observation (section 4.2).
    public mutating func notify(resource: Int, _ response: Response, now: Int64) {
        for index in observations.indices where observations[index].resource == resource {
            notify(index, response, now: now)
        }
        guard !response.code.isSuccess else { return }
        observations.removeAll { $0.resource == resource }
    }

    /// Forgets who observes `resource` without a word, as a restart would.
    public mutating func forgetObservers(of resource: Int) {
        remove { $0.resource == resource }
    }

    public func isObserved(_ resource: Int) -> Bool {
        observations.contains { $0.resource == resource }
    }

    private mutating func notify(_ index: Int, _ response: Response, now: Int64) {
        let observation = observations[index]
        let isDue = now - observation.confirmedAt >= Self.confirmationInterval
        let confirmable = observation.isConfirmable || isDue || !response.code.isSuccess
        guard confirmable || observation.unconfirmedFreeAt <= now else {
            observations[index].held = response
            return
        }
        observations[index].held = nil
        observations[index].sequence += 1
        let sequence = observations[index].sequence
        var part = response
        if response.code.isSuccess { part = cut(response, for: observation.request, now: now) }
        if let handle = observation.outstanding,
            (try? endpoint.supersede(handle, sequence: sequence, response: part)) == true
        {
            return
        }
        let handle = try? endpoint.notify(
            token: observation.token, sequence: sequence, response: part, confirmable: confirmable)
        if confirmable {
            observations[index].outstanding = handle
        } else {
            observations[index].unconfirmed = handle
            observations[index].unconfirmedFreeAt = now + unconfirmedInterval
        }
    }

    mutating func delivered(_ handle: Endpoint.Handle, now: Int64) {
        for index in observations.indices where observations[index].outstanding == handle {
            observations[index].outstanding = nil
            observations[index].confirmedAt = now
        }
    }

    mutating func failed(_ handle: Endpoint.Handle) {
        for observation in observations where observation.outstanding == handle || observation.unconfirmed == handle {
            events.append(.observationEnded(resource: observation.resource))
        }
        observations.removeAll { $0.outstanding == handle || $0.unconfirmed == handle }
    }

    private mutating func remove(_ condition: (Observation) -> Bool) {
        for observation in observations where condition(observation) {
            // A notification under the old token would be repeated for nobody.
            if let handle = observation.outstanding { endpoint.cancel(handle) }
        }
        observations.removeAll(where: condition)
    }
}
