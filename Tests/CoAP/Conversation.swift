import CoAP
import TestSupport

/// Two endpoints and a slow link that loses, doubles and reorders, in virtual time, from one seed.
///
/// The client makes requests and one observation; the server answers at once, late, or too late, and sends notifications.
/// What either side sees is noted; `faults` says what must never be.
struct Conversation {
    enum Side: Int { case client, server }

    private enum Happening {
        case arrival(Side, [UInt8])
        case left(Side, Endpoint.Handle)
        case start(UInt8)
        case ping
        case answer(Endpoint.IncomingRequest.ID, Response)
        case notify
    }

    /// What came of a thing that one side started.
    enum Outcome: Equatable { case answered, failed }

    private(set) var faults: [String] = []
    private(set) var requestsAnswered = 0
    private(set) var requestsFailed = 0
    private(set) var notificationsDelivered = 0
    private(set) var repetitions = 0
    private(set) var copiesDropped = 0

    private var random: SplitMix64
    private var endpoints: [Endpoint]
    private let nstart: Int
    private let loss: Int
    private let duplication: Int
    private let latency: Int64 = 500_000_000
    private let jitter: Int64
    private let perByte: Int64 = 80_000_000
    private let latePercent: Int
    private let tellsAhead: Bool

    private var now: Int64 = 0
    private var happenings: [(time: Int64, order: Int, Happening)] = []
    private var order = 0
    private var freeAt: [Int64] = [0, 0]
    private var frames: [[Endpoint.Handle: [UInt8]]] = [[:], [:]]
    private var repetitionsOf: [[Endpoint.Handle: Int]] = [[:], [:]]

    private var payloadOf: [Endpoint.Handle: UInt8] = [:]
    private var outcomeOf: [Endpoint.Handle: Outcome] = [:]
    private var pings: Set<Endpoint.Handle> = []
    private var handled: [UInt8: Int] = [:]
    private var answers: [UInt16: [UInt8]] = [:]

    private var observation: Endpoint.Handle?
    private var observationEnded = false
    private var observationToken: [UInt8]?
    private var sequence: UInt64 = 0
    private var notificationOutcome: [Endpoint.Handle: Outcome] = [:]
    private var sequenceOf: [Endpoint.Handle: UInt64] = [:]
    private var sequencesSeen: [UInt64] = []

    static let observed: UInt8 = 0xFF

    init(seed: UInt64) {
        random = SplitMix64(seed: seed)
        loss = [0, 5, 20, 40, 70][random.below(5)]
        duplication = [0, 10, 40][random.below(3)]
        jitter = [0, 200_000_000, 9_000_000_000][random.below(3)]
        latePercent = [0, 20, 60][random.below(3)]
        nstart = [1, 1, 1, 2, 4][random.below(5)]
        tellsAhead = random.chance(50)
        let parameters = TransmissionParameters(
            roundTrip: 2 * (latency + jitter) + 1_000_000_000, perAnswerByte: perByte, nstart: nstart,
            emptyAcknowledgementAfter: 800_000_000)
        // Ids that wrap around come up as often as others.
        endpoints = []
        for _ in 0...1 {
            let first = random.chance(50) ? 0xFFFD : UInt16(random.below(9))
            endpoints.append(Endpoint(parameters: parameters, seed: random.next(), firstMessageID: first))
        }
    }

    mutating func run() {
        var time: Int64 = 0
        for payload in 0..<UInt8(3 + random.below(6)) {
            time += Int64(random.below(20_000_000_000))
            schedule(time, .start(payload))
        }
        // When the answers that come too late come.
        for payload in UInt8(100)..<103 {
            schedule(400_000_000_000 + Int64(random.below(100_000_000_000)), .start(payload))
        }
        if random.chance(60) { schedule(Int64(random.below(30_000_000_000)), .start(Self.observed)) }
        if random.chance(30) { schedule(Int64(random.below(90_000_000_000)), .ping) }
        var steps = 0
        while let next = [happenings.first?.time, endpoints[0].deadline, endpoints[1].deadline].compactMap({ $0 }).min()
        {
            steps += 1
            guard steps < 20_000 else {
                faults.append("no end")
                return
            }
            now = max(now, next)
            if let first = happenings.first, first.time <= now {
                happenings.removeFirst()
                handle(first.2)
            } else {
                for side in [Side.client, .server] { endpoints[side.rawValue].handleTimeout(now: now) }
            }
            pump(.client)
            pump(.server)
        }
        finish()
    }

    // MARK: What happens

    private mutating func schedule(_ time: Int64, _ happening: Happening) {
        order += 1
        let index = happenings.firstIndex { $0.time > time } ?? happenings.count
        happenings.insert((time, order, happening), at: index)
    }

    private mutating func handle(_ happening: Happening) {
        switch happening {
        case .arrival(let side, let datagram):
            endpoints[side.rawValue].receive(datagram, now: now)
        case .left(let side, let handle):
            endpoints[side.rawValue].sent(handle, lastBitAt: now)
        case .start(let payload):
            let observes = payload == Self.observed
            let request = Request(
                observes ? .get : .post, path: [[0x74]], options: observes ? [.init(.observe, uint: 0)] : [],
                payload: [payload])
            guard let handle = try? endpoints[0].start(request, now: now) else { return faults.append("not started") }
            if observes { observation = handle } else { payloadOf[handle] = payload }
        case .ping:
            pings.insert(endpoints[0].ping())
        case .answer(let id, let response):
            do { try endpoints[1].respond(to: id, response, now: now) } catch { faults.append("not answered") }
        case .notify:
            guard let token = observationToken else { return }
            sequence += 1
            let response = Response(.content, payload: [UInt8(sequence)])
            guard let handle = try? endpoints[1].notify(token: token, sequence: sequence, response: response) else {
                return faults.append("not notified")
            }
            sequenceOf[handle] = sequence
            if sequence < 5 { schedule(now + Int64(random.below(60_000_000_000)), .notify) }
        }
    }

    private mutating func pump(_ side: Side) {
        while let transmission = endpoints[side.rawValue].nextTransmission() { send(transmission, from: side) }
        while let event = endpoints[side.rawValue].nextEvent() {
            if side == .client { clientSees(event) } else { serverSees(event) }
        }
        // The client's requests that have left and have no outcome yet, and nothing else, count under NSTART.
        if side == .client {
            let underWay = frames[0].keys.filter {
                (payloadOf[$0] != nil || pings.contains($0)) && outcomeOf[$0] == nil
            }
            if underWay.count > nstart { faults.append("\(underWay.count) under way") }
        }
    }

    private mutating func send(_ transmission: Endpoint.Transmission, from side: Side) {
        let bytes: [UInt8]
        switch transmission.content {
        case .message(let message):
            bytes = message
            if transmission.isConfirmable { frames[side.rawValue][transmission.handle] = message }
            if let id = transmission.answering, message.count > 4 {
                // An answer that leaves again is the same answer.
                if let first = answers[id.messageID], first != message { faults.append("another answer") }
                answers[id.messageID] = message
            }
        case .again:
            guard let frame = frames[side.rawValue][transmission.handle] else { return faults.append("unknown handle") }
            bytes = frame
            repetitions += 1
            repetitionsOf[side.rawValue][transmission.handle, default: 0] += 1
            if repetitionsOf[side.rawValue][transmission.handle, default: 0] > 4 { faults.append("repeated too often") }
        }
        let last = max(now, freeAt[side.rawValue]) + Int64(bytes.count) * perByte
        freeAt[side.rawValue] = last
        if transmission.isConfirmable {
            if tellsAhead {
                endpoints[side.rawValue].sent(transmission.handle, lastBitAt: last)
            } else {
                schedule(last, .left(side, transmission.handle))
            }
        }
        let peer: Side = side == .client ? .server : .client
        for _ in 0..<(random.chance(duplication) ? 1 + random.below(3) : 1) {
            guard !random.chance(loss) else {
                copiesDropped += 1
                continue
            }
            let delay = latency + (jitter > 0 ? Int64(random.next() % UInt64(jitter)) : 0)
            schedule(last + delay, .arrival(peer, bytes))
        }
    }

    private mutating func clientSees(_ event: Endpoint.Event) {
        switch event {
        case .response(let handle, let response):
            if handle == observation { return }
            guard let payload = payloadOf[handle] else { return faults.append("answer to nothing") }
            if response.payload != [payload] { faults.append("the answer to another request") }
            if handled[payload] != 1 { faults.append("an answer without a request") }
            note(handle, .answered)
            requestsAnswered += 1
        case .failed(let handle, let failure):
            if handle == observation {
                observationEnded = true
                return
            }
            if failure == .reset { faults.append("reset") }
            note(handle, .failed)
            if payloadOf[handle] != nil { requestsFailed += 1 }
        case .pong(let handle):
            if !pings.contains(handle) { faults.append("pong to nothing") }
            note(handle, .answered)
        case .notification(let handle, let response):
            guard handle == observation, let sequence = response.observe else { return faults.append("notification") }
            if sequencesSeen.contains(sequence) { faults.append("notification \(sequence) twice") }
            if let last = sequencesSeen.last, last > sequence, nstart == 1 {
                faults.append("notification out of order")
            }
            sequencesSeen.append(sequence)
        case .request, .notificationDelivered, .notificationFailed:
            faults.append("a server's event")
        }
    }

    private mutating func note(_ handle: Endpoint.Handle, _ outcome: Outcome) {
        if outcomeOf.updateValue(outcome, forKey: handle) != nil { faults.append("two outcomes") }
    }

    private mutating func serverSees(_ event: Endpoint.Event) {
        switch event {
        case .request(let incoming):
            let payload = incoming.request.payload.first ?? 0
            handled[payload, default: 0] += 1
            if handled[payload] != 1 { faults.append("request \(payload) handled again") }
            var response = Response(.content, payload: [payload])
            // At once, after the empty acknowledgement, or when the client has long given up.
            var delay: Int64 = 0
            if random.chance(latePercent) { delay = random.chance(50) ? 3_000_000_000 : 400_000_000_000 }
            if incoming.request.observe == 0 {
                delay = min(delay, 3_000_000_000)
                response.options = [.init(.observe, uint: 0)]
                observationToken = incoming.id.token
                schedule(now + 4_000_000_000 + Int64(random.below(60_000_000_000)), .notify)
            }
            schedule(now + delay, .answer(incoming.id, response))
        case .notificationDelivered(let handle):
            guard let sequence = sequenceOf[handle] else { return faults.append("unknown notification") }
            if !sequencesSeen.contains(sequence) { faults.append("notification \(sequence) delivered to nobody") }
            if notificationOutcome.updateValue(.answered, forKey: handle) != nil { faults.append("two outcomes") }
            notificationsDelivered += 1
        case .notificationFailed(let handle, let failure):
            if failure == .reset, !observationEnded { faults.append("reset of a living observation") }
            if notificationOutcome.updateValue(.failed, forKey: handle) != nil { faults.append("two outcomes") }
        case .response, .notification, .failed, .pong:
            faults.append("a client's event")
        }
    }

    private mutating func finish() {
        for handle in payloadOf.keys where outcomeOf[handle] == nil { faults.append("request without an outcome") }
        for handle in pings where outcomeOf[handle] == nil { faults.append("ping without an outcome") }
        for handle in sequenceOf.keys where notificationOutcome[handle] == nil {
            faults.append("notification without an outcome")
        }
        if !endpoints[0].isIdle || !endpoints[1].isIdle { faults.append("not idle at the end") }
        if loss == 0, latePercent == 0, requestsFailed > 0 { faults.append("failed for nothing") }
    }
}
