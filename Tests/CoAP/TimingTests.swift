import CoAP
import TestSupport
import Testing

@Suite("When an endpoint repeats, and when it gives up")
struct TimingTests {
    /// Multiples of 8,000 thousandths, so that four steps of 1.5 leave no fractions.
    static let exact = TransmissionParameters(
        roundTrip: 8_000_000, perAnswerByte: 16_000, expectedAnswerBytes: 10, randomFactorPerMille: 1000)

    @Test("the timer of a message starts with its last bit, then steps by 1.5 up to the last repetition")
    func backoff() throws {
        var endpoint = Endpoint(parameters: Self.exact, seed: 3, firstMessageID: 100)
        let handle = try endpoint.start(Request(.post, path: [[1]]), now: 0)
        #expect(endpoint.nextTransmission()?.isConfirmable == true)
        var now: Int64 = 0
        var timeout: Int64 = 8_160_000
        var silent: Int64 = 0
        for repetition in 0...4 {
            // As long as it waits for the modem nobody's silence counts.
            #expect(endpoint.deadline == nil)
            endpoint.handleTimeout(now: now + 1_000_000_000_000)
            #expect(endpoint.nextTransmission() == nil)
            now += 777_000_000
            endpoint.sent(handle, lastBitAt: now)
            #expect(endpoint.deadline == now + timeout, "after \(repetition) repetitions")
            // Told twice, the second time does not count.
            endpoint.sent(handle, lastBitAt: now + 5)
            endpoint.handleTimeout(now: now + timeout - 1)
            #expect(endpoint.nextTransmission() == nil)
            #expect(endpoint.nextEvent() == nil)
            now += timeout
            silent += timeout
            timeout += timeout / 2
            endpoint.handleTimeout(now: now)
            if repetition < 4 {
                let again = endpoint.nextTransmission()
                #expect(again?.handle == handle)
                #expect(again?.content == .again)
                #expect(again?.isConfirmable == true)
                #expect(endpoint.nextEvent() == nil)
                #expect(!endpoint.isIdle)
            }
        }
        #expect(endpoint.nextTransmission() == nil)
        #expect(endpoint.nextEvent() == .failed(handle, .timeout))
        #expect(endpoint.isIdle)
        #expect(endpoint.deadline == nil)
        #expect(silent == Self.exact.maxTransmitWait(answerBytes: 10))
    }

    @Test("a longer answer is awaited for longer, by what its bytes take")
    func answerLength() throws {
        var endpoint = Endpoint(parameters: Self.exact, seed: 3, firstMessageID: 100)
        let handle = try endpoint.start(Request(.get, path: [[1]], expectedAnswerBytes: 210), now: 0)
        _ = endpoint.nextTransmission()
        endpoint.sent(handle, lastBitAt: 50)
        #expect(endpoint.deadline == 11_360_050)
    }

    @Test("each timeout lies between itself and 1.1 of itself, and differs between seeds")
    func randomFactor() throws {
        let parameters = TransmissionParameters(roundTrip: 1_000_000_000, perAnswerByte: 0)
        var least = Int64.max
        var most: Int64 = 0
        var seen: Set<Int64> = []
        for seed in 0..<500 {
            var endpoint = Endpoint(parameters: parameters, seed: UInt64(seed) * 0x1234_5678_9ABC, firstMessageID: 0)
            let handle = try endpoint.start(Request(.get), now: 0)
            _ = endpoint.nextTransmission()
            var base: Int64 = 1_000_000_000
            for _ in 0...4 {
                endpoint.sent(handle, lastBitAt: 0)
                let timeout = try #require(endpoint.deadline)
                least = min(least, timeout * 1000 / base)
                most = max(most, timeout * 1000 / base)
                seen.insert(timeout * 1000 / base)
                endpoint.handleTimeout(now: timeout)
                base = base * 3 / 2
            }
            #expect(endpoint.nextEvent() != nil)
        }
        #expect(least == 1000)
        #expect((1095...1100).contains(most))
        #expect(seen.count > 90)
    }

    @Test("MAX_TRANSMIT_WAIT is T f (b^(m+1) - 1) / (b - 1)")
    func maxTransmitWait() {
        for retransmissions in [0, 1, 4, 6] {
            for backoff in [Int64(1250), 1500, 2000] {
                let parameters = TransmissionParameters(
                    roundTrip: 7_000_000_000, perAnswerByte: 80_000_000, backoffPerMille: backoff,
                    maxRetransmit: retransmissions)
                var power = 1.0
                for _ in 0...retransmissions { power *= Double(backoff) / 1000 }
                let wait = (7e9 + 8e7 * 40) * 1.1 * (power - 1) / (Double(backoff) / 1000 - 1)
                let difference = Double(parameters.maxTransmitWait(answerBytes: 40)) - wait
                // Each of a few divisions cuts a nanosecond off.
                #expect(abs(difference) < 50, "\(retransmissions) repetitions, backoff \(backoff)")
            }
        }
    }

    @Test("the lifetimes of RFC 7252 come out with its parameters, and grow with ACK_TIMEOUT as section 4.8.2 has it")
    func lifetimes() {
        #expect(TransmissionParameters.rfc7252.maxTransmitSpan(answerBytes: 0) == 45_000_000_000)
        #expect(TransmissionParameters.rfc7252.maxTransmitWait(answerBytes: 0) == 93_000_000_000)
        #expect(TransmissionParameters.rfc7252.exchangeLifetime == 247_000_000_000)
        #expect(TransmissionParameters.rfc7252.nonLifetime == 145_000_000_000)
        // ACK_TIMEOUT, MAX_RETRANSMIT; EXCHANGE_LIFETIME, NON_LIFETIME: worked out by hand from the formulae.
        let rows: [(Int64, Int, Int64, Int64)] = [(8, 4, 388, 280), (40, 4, 1860, 1000), (90, 2, 945, 505)]
        for (timeout, retransmissions, exchange, non) in rows {
            let parameters = TransmissionParameters(
                roundTrip: timeout * 1_000_000_000, perAnswerByte: 0, backoffPerMille: 2000, randomFactorPerMille: 1500,
                maxRetransmit: retransmissions, maxLatency: 100_000_000_000, processing: timeout * 1_000_000_000)
            #expect(parameters.exchangeLifetime == exchange * 1_000_000_000)
            #expect(parameters.nonLifetime == non * 1_000_000_000)
            #expect(parameters.emptyAcknowledgementAfter == timeout * 800_000_000)
        }
        // With the backoff and the spread of a link whose rate is known: T 1.1 (1.5^4 - 1) / 0.5.
        let known = TransmissionParameters(
            roundTrip: 16_000_000_000, perAnswerByte: 0, maxLatency: 1_000_000_000, processing: 5_000_000_000)
        #expect(known.maxTransmitSpan(answerBytes: 0) == 143_000_000_000)
        #expect(known.maxTransmitWait(answerBytes: 0) == 232_100_000_000)
        #expect(known.exchangeLifetime == 232_100_000_000)
    }

    @Test("no sender waits longer than MAX_TRANSMIT_WAIT, whatever the draw")
    func noLongerThanMaxTransmitWait() throws {
        let parameters = TransmissionParameters(roundTrip: 3_000_000_000, perAnswerByte: 1_000, expectedAnswerBytes: 20)
        let most = parameters.maxTransmitWait(answerBytes: 20)
        let least = most * 1000 / 1100
        var tooLong = 0
        for seed in 0..<2_000 {
            var endpoint = Endpoint(parameters: parameters, seed: UInt64(seed), firstMessageID: 0)
            let handle = try endpoint.start(Request(.get), now: 0)
            var now: Int64 = 0
            while endpoint.nextTransmission() != nil {
                endpoint.sent(handle, lastBitAt: now)
                now = endpoint.deadline ?? .max
                endpoint.handleTimeout(now: now)
            }
            if now > most || now < least - 10_000 || endpoint.nextEvent() != .failed(handle, .timeout) { tooLong += 1 }
        }
        #expect(tooLong == 0)
    }

    @Test("an acknowledged request waits for its answer without repeating, then fails")
    func acknowledgedAndForgotten() throws {
        var endpoint = Endpoint(parameters: Self.exact, seed: 3, firstMessageID: 0x7d38)
        let handle = try endpoint.start(Request(.get), now: 0)
        _ = endpoint.nextTransmission()
        endpoint.sent(handle, lastBitAt: 0)
        endpoint.receive(bytes(hex: "60007d38"), now: 1_000)
        let end = 1_000 + Self.exact.maxTransmitWait(answerBytes: 10)
        #expect(endpoint.deadline == end)
        endpoint.handleTimeout(now: end - 1)
        #expect(endpoint.nextTransmission() == nil)
        #expect(endpoint.nextEvent() == nil)
        endpoint.handleTimeout(now: end)
        #expect(endpoint.nextTransmission() == nil)
        #expect(endpoint.nextEvent() == .failed(handle, .timeout))
    }

    @Test("NSTART messages are under way at once, the others follow in their order", arguments: [1, 2, 3])
    func nstart(limit: Int) throws {
        var parameters = Self.exact
        parameters.nstart = limit
        var endpoint = Endpoint(parameters: parameters, seed: 3, firstMessageID: 0)
        var handles: [Endpoint.Handle] = []
        for payload in 0..<6 { handles.append(try endpoint.start(Request(.post, payload: [UInt8(payload)]), now: 0)) }
        var left: [Endpoint.Handle] = []
        var messages: [Message] = []
        func take() throws {
            while let transmission = endpoint.nextTransmission() {
                guard case .message(let message) = transmission.content else { continue }
                left.append(transmission.handle)
                messages.append(try Message(decoding: message))
                endpoint.sent(transmission.handle, lastBitAt: 0)
            }
        }
        try take()
        #expect(left == Array(handles.prefix(limit)))
        // An empty acknowledgement makes no room: the answer is still to come.
        endpoint.receive(try Message.empty(.acknowledgement, messages[0].messageID).encoded(), now: 0)
        try take()
        #expect(left.count == limit)
        for answered in 0..<6 {
            let message = messages[answered]
            let answer = Message(
                type: answered == 0 ? .nonConfirmable : .acknowledgement, code: .changed, messageID: message.messageID,
                token: message.token)
            endpoint.receive(try answer.encoded(), now: 0)
            #expect(endpoint.nextEvent() == .response(handles[answered], Response(.changed)))
            try take()
            #expect(left == Array(handles.prefix(answered + 1 + limit)))
        }
        #expect(endpoint.isIdle)
    }
}
