public import CoAP

/// The conformance site and all its peers: datagrams in, datagrams out. It does no I/O and reads no clock.
public struct ConformanceServer<Address: Hashable & Sendable> {
    /// By reference, so that a hundred thousand of them cost a dictionary no more than their keys.
    private final class Peer {
        var session: ServerSession
        var heardAt: Int64

        init(_ session: ServerSession, heardAt: Int64) {
            self.session = session
            self.heardAt = heardAt
        }
    }

    private struct Delayed {
        var address: Address
        var id: ServerSession.RequestID
        var response: Response
        var at: Int64
    }

    /// To be sent; the owner takes them.
    public var outgoing: [(bytes: [UInt8], to: Address)] = []
    private var site: ConformanceSite
    private let parameters: TransmissionParameters
    private let template: Endpoint
    private let mint: EchoMint?
    private let bytesOf: (Address) -> [UInt8]
    private var peers: [Address: Peer] = [:]
    /// Those that have a timer running.
    private var timed: Set<Address> = []
    private var observers: Set<Address> = []
    private var delayed: [Delayed] = []
    private var nextSweep: Int64
    private var random: UInt64

    /// - Parameters:
    ///   - mint: given, it has peers prove their addresses before they get more than a short answer (RFC 9175).
    ///   - bytesOf: what tells an address from all others.
    public init(
        site: ConformanceSite, parameters: TransmissionParameters, mint: EchoMint? = nil, seed: UInt64, now: Int64,
        bytesOf: @escaping (Address) -> [UInt8]
    ) {
        self.site = site
        self.parameters = parameters
        template = Endpoint(parameters: parameters, seed: seed, firstMessageID: 0)
        self.mint = mint
        self.bytesOf = bytesOf
        random = seed
        nextSweep = now + Self.sweepInterval
    }

    private static var sweepInterval: Int64 { 10_000_000_000 }

    public var peerCount: Int { peers.count }

    /// When `handleTimeout` wants to be called next.
    public var deadline: Int64 {
        var earliest = min(site.deadline, nextSweep)
        for address in timed { earliest = min(earliest, peers[address]?.session.deadline ?? .max) }
        for answer in delayed { earliest = min(earliest, answer.at) }
        return earliest
    }

    /// Takes a datagram. Returns whether timers may have changed.
    public mutating func receive(_ datagram: [UInt8], from address: Address, now: Int64) -> Bool {
        let peer: Peer
        if let known = peers[address] {
            peer = known
            peer.heardAt = now
        } else {
            // What is no CoAP message makes no peer: it might come from anywhere.
            guard datagram.count >= 4, datagram[0] >> 6 == 1 else { return false }
            peer = newPeer(address, now: now)
        }
        peer.session.receive(datagram, now: now)
        let waiting = delayed.count
        return pump(peer, address, now: now) || delayed.count != waiting
    }

    public mutating func handleTimeout(now: Int64) {
        if delayed.contains(where: { $0.at <= now }) {
            let due = delayed.filter { $0.at <= now }
            delayed.removeAll { $0.at <= now }
            for answer in due {
                guard let peer = peers[answer.address] else { continue }
                peer.session.respond(to: answer.id, answer.response, now: now)
                _ = pump(peer, answer.address, now: now)
            }
        }
        for address in timed {
            guard let peer = peers[address], peer.session.deadline ?? .max <= now else { continue }
            peer.session.handleTimeout(now: now)
            _ = pump(peer, address, now: now)
        }
        site.tick(now: now)
        tellObservers(now: now)
        if now >= nextSweep { sweep(now: now) }
    }

    private mutating func newPeer(_ address: Address, now: Int64) -> Peer {
        random = random &* 0x5851_F42D_4C95_7F2D &+ 0x1405_7B7E_F767_814F
        let endpoint = Endpoint(
            like: template, seed: random, firstMessageID: UInt16(truncatingIfNeeded: random >> 40))
        let proof = mint.map { (mint: $0, address: bytesOf(address)) }
        let peer = Peer(ServerSession(endpoint: endpoint, proof: proof), heardAt: now)
        peers[address] = peer
        return peer
    }

    private mutating func pump(_ peer: Peer, _ address: Address, now: Int64) -> Bool {
        while let event = peer.session.nextEvent() {
            guard case .request(let id, let request) = event else { continue }
            serve(request, id, peer, address, now: now)
        }
        let hasTimer = Self.takeTransmissions(of: &peer.session, to: address, &outgoing, now: now)
        let hadTimer = !timed.isEmpty && timed.contains(address)
        if hasTimer, !hadTimer { timed.insert(address) }
        if !hasTimer, hadTimer { timed.remove(address) }
        if !site.changes.isEmpty { tellObservers(now: now) }
        return hadTimer || hasTimer
    }

    /// In place, once: read through its class, a session would be copied for each question.
    private static func takeTransmissions(
        of session: inout ServerSession, to address: Address, _ outgoing: inout [(bytes: [UInt8], to: Address)],
        now: Int64
    ) -> Bool {
        while let transmission = session.nextTransmission() {
            let bytes: [UInt8]?
            switch transmission.content {
            case .message(let message): bytes = message
            case .again: bytes = session.endpoint.message(of: transmission.handle)
            }
            if let bytes { outgoing.append((bytes, address)) }
            if transmission.isConfirmable { session.endpoint.sent(transmission.handle, lastBitAt: now) }
        }
        return session.deadline != nil
    }

    private mutating func serve(
        _ request: Request, _ id: ServerSession.RequestID, _ peer: Peer, _ address: Address, now: Int64
    ) {
        switch site.handle(request, now: now) {
        case .answer(let response):
            peer.session.respond(to: id, response, now: now)
        case .separate(let response, let delay):
            peer.session.acknowledge(id)
            delayed.append(Delayed(address: address, id: id, response: response, at: now + delay))
        case .observe(let resource, let response, let confirmable):
            let answer = peer.session.register(
                id, resource: resource.rawValue, response, confirmable: confirmable, now: now)
            peer.session.respond(to: id, answer, now: now)
            observers.insert(address)
        case .stopObserving(let response):
            peer.session.deregister(id)
            peer.session.respond(to: id, response, now: now)
        }
    }

    private mutating func tellObservers(now: Int64) {
        let changes = site.changes
        site.changes = []
        guard !changes.isEmpty else { return }
        for address in observers {
            guard let peer = peers[address] else { continue }
            for change in changes where peer.session.isObserved(change.resource.rawValue) {
                if change.isForgotten {
                    peer.session.forgetObservers(of: change.resource.rawValue)
                } else {
                    peer.session.notify(resource: change.resource.rawValue, change.response, now: now)
                }
            }
            _ = pump(peer, address, now: now)
        }
    }

    /// Forgets peers of whom nothing is kept but answers whose time is over.
    private mutating func sweep(now: Int64) {
        nextSweep = now + Self.sweepInterval
        for (address, peer) in peers where now - peer.heardAt > parameters.exchangeLifetime {
            peer.session.handleTimeout(now: now)
            guard peer.session.isIdle else { continue }
            peers[address] = nil
            observers.remove(address)
            timed.remove(address)
        }
    }
}
