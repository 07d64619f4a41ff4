import CoAP
import Foundation
import Links
import TestSupport

/// One sender and one server over a slow link in virtual time: request after request, each repeated as a policy has it.
///
/// Whether copy k of exchange i gets lost is drawn from the seed, i, k and the direction alone, so that all policies meet
/// the same losses.
struct TimerTrial {
    enum Policy {
        /// Ours, the rate known; the answer's length as the application expects it.
        case linkTimed
        /// Ours, the rate learnt.
        case learnt
        /// Ours, the rate known, and of each answer between which powers of two its length is.
        case linkTimedRoughly
        /// Ours, the rate known, and of the answers only that none exceeds 300 bytes.
        case linkTimedLongest
        /// Knows each answer's length, and repeats at the very moment when it has not come.
        case oracle
        /// RFC 7252 section 4.8: 2 s, doubled, times 1 to 1.5.
        case rfc7252
        /// go-coap 3: 2, 4, 6, 8 s.
        case goCoAP
        /// coap-proxy: 40 s each time.
        case coapProxy
    }

    struct Conditions {
        var bitsPerSecond: Int64
        var lossPercent: Int
        var latency: Int64 = 330_000_000
        var jitter: Int64 = 0
        var duplicationPercent = 0
        var exchanges = 400
    }

    private enum Happening {
        case atServer([UInt8], exchange: Int, copy: Int)
        case atClient([UInt8])
    }

    private(set) var copies = 0
    private(set) var succeeded = 0
    private(set) var failed = 0
    private(set) var handled = 0
    private(set) var faults: [String] = []
    /// Of all exchanges together, in nanoseconds.
    private(set) var elapsed: Int64 = 0

    private let policy: Policy
    private let conditions: Conditions
    private let seed: UInt64
    private var client: Endpoint
    private var server: Endpoint
    private var timer = LearntTimer()
    private var now: Int64 = 0
    private var happenings: [(time: Int64, Happening)] = []
    private var upFreeAt: Int64 = 0
    private var downFreeAt: Int64 = 0
    private var sizes: [(request: Int, answer: Int)] = []
    private var exchange = 0
    private var copy = 0
    private var answerCopies: [Int: Int] = [:]
    private var current: Endpoint.Handle?
    private var seen: Set<UInt16> = []

    static let overhead = 28

    init(_ policy: Policy, _ conditions: Conditions, seed: UInt64) {
        self.policy = policy
        self.conditions = conditions
        self.seed = seed
        var random = SplitMix64(seed: seed)
        func logUniform(_ low: Double, _ high: Double) -> Int {
            Int(low * pow(high / low, Double(random.next() >> 11) / 0x1p53))
        }
        for _ in 0..<conditions.exchanges { sizes.append((logUniform(20, 200), logUniform(10, 300))) }
        let perByte = 8_000_000_000 / conditions.bitsPerSecond
        var parameters: TransmissionParameters
        switch policy {
        case .rfc7252: parameters = .rfc7252
        case .coapProxy:
            parameters = .rfc7252
            // Until its context of 5 minutes is over.
            parameters.maxRetransmit = 6
        case .goCoAP: parameters = .rfc7252
        default:
            parameters = TransmissionParameters(
                roundTrip: 2 * conditions.latency + 5_000_000_000, perAnswerByte: perByte)
            parameters.learnsRoundTrip = true
            parameters.answerOverheadBytes = Self.overhead
        }
        // A server that forgets nothing: what it keeps is not what is compared here.
        parameters.exchangeLifetime = 3_600_000_000_000
        client = Endpoint(parameters: parameters, seed: seed &* 77 &+ 5, firstMessageID: 0)
        server = Endpoint(parameters: parameters, seed: seed, firstMessageID: 0)
    }

    mutating func run() {
        start()
        while exchange < conditions.exchanges {
            let next = min(happenings.first?.time ?? .max, client.deadline ?? .max)
            guard next < .max else {
                faults.append("stuck")
                return
            }
            now = max(now, next)
            if let first = happenings.first, first.time <= now {
                happenings.removeFirst()
                handle(first.1)
            } else {
                client.handleTimeout(now: now)
            }
            pump()
        }
        elapsed = now
    }

    // MARK: What happens

    private mutating func start() {
        guard exchange < conditions.exchanges else { return }
        copy = 0
        let size = sizes[exchange]
        // 4 bytes of header, 1 of token where there is one, the marker.
        let expected: Int
        switch policy {
        case .linkTimedLongest: expected = 300
        case .linkTimedRoughly: expected = 1 << (Int.bitWidth - (size.answer - 1).leadingZeroBitCount)
        default: expected = size.answer
        }
        let request = Request(
            .post, payload: [UInt8](repeating: 7, count: size.request - 5),
            expectedAnswerBytes: expected + Self.overhead)
        current = try? client.start(request, now: now)
        pump()
    }

    private mutating func handle(_ happening: Happening) {
        switch happening {
        case .atServer(let datagram, let exchange, let copy):
            server.receive(datagram, now: now)
            while case .request(let incoming)? = server.nextEvent() {
                handled += 1
                if !seen.insert(incoming.id.messageID).inserted { faults.append("\(exchange) was run again") }
                let payload = [UInt8](repeating: 9, count: sizes[exchange].answer - 5)
                try? server.respond(to: incoming.id, Response(.changed, payload: payload), now: now)
            }
            while case .message(let bytes)? = server.nextTransmission()?.content {
                downFreeAt = max(now, downFreeAt) + serialisation(bytes.count)
                deliver(.atClient(bytes), from: downFreeAt, lost: isLost(exchange, copy, up: false))
            }
        case .atClient(let datagram):
            client.receive(datagram, now: now)
        }
    }

    private mutating func deliver(_ happening: Happening, from last: Int64, lost: Bool) {
        guard !lost else { return }
        var random = SplitMix64(seed: seed ^ UInt64(last))
        for _ in 0..<(random.chance(conditions.duplicationPercent) ? 2 : 1) {
            let jitter = conditions.jitter > 0 ? Int64(random.next() % UInt64(conditions.jitter)) : 0
            let time = last + conditions.latency + jitter
            let index = happenings.firstIndex { $0.time > time } ?? happenings.count
            happenings.insert((time, happening), at: index)
        }
    }

    private mutating func pump() {
        while let transmission = client.nextTransmission() {
            guard transmission.isConfirmable, let bytes = client.message(of: transmission.handle) else { continue }
            copies += 1
            upFreeAt = max(now, upFreeAt) + serialisation(bytes.count)
            deliver(
                .atServer(bytes, exchange: exchange, copy: copy), from: upFreeAt, lost: isLost(exchange, copy, up: true)
            )
            let total = bytes.count + sizes[exchange].answer + 2 * Self.overhead
            let handle = transmission.handle
            switch policy {
            case .linkTimed, .linkTimedRoughly, .linkTimedLongest: client.sent(handle, lastBitAt: upFreeAt)
            case .learnt:
                let timeout = copy == 0 ? timer.start(bytes: total, now: now) : timer.again()
                client.sent(handle, lastBitAt: now, timeout: timeout)
            case .oracle:
                // A nanosecond later than it would come.
                let exact = serialisation(sizes[exchange].answer) + 2 * conditions.latency + 1
                client.sent(handle, lastBitAt: upFreeAt, timeout: exact)
            case .rfc7252: client.sent(handle, lastBitAt: now)
            case .goCoAP:
                // After the last copy it waits for as long as its caller's context has it: a minute here.
                let seconds = copy < 4 ? 2 * (copy + 1) : 60
                client.sent(handle, lastBitAt: now, timeout: Int64(seconds) * 1_000_000_000)
            case .coapProxy: client.sent(handle, lastBitAt: now, timeout: 40_000_000_000)
            }
            copy += 1
        }
        while let event = client.nextEvent() {
            switch event {
            case .response(current, let response):
                if response.payload.count != sizes[exchange].answer - 5 { faults.append("another's answer") }
                succeeded += 1
                if policy == .learnt {
                    let total = sizes[exchange].request + sizes[exchange].answer + 2 * Self.overhead
                    timer.answered(bytes: total, now: now)
                }
            case .failed(current, .timeout):
                failed += 1
            default:
                faults.append("\(event)")
                continue
            }
            exchange += 1
            start()
        }
    }

    private func serialisation(_ bytes: Int) -> Int64 {
        Int64(bytes + Self.overhead) * 8_000_000_000 / conditions.bitsPerSecond
    }

    private func isLost(_ exchange: Int, _ copy: Int, up: Bool) -> Bool {
        var random = SplitMix64(
            seed: seed &* 1_000_003 ^ UInt64(exchange) << 20 ^ UInt64(copy) << 1 ^ (up ? 1 : 0))
        _ = random.next()
        return random.chance(conditions.lossPercent)
    }
}
