/// What passes between the last bit of a message leaving and the first of its answer arriving, learnt as RFC 6298 learns a
/// round trip, but with the time of the answer's bytes taken out: that is known, and would be taken for variance.
struct RoundTrip: Equatable, Sendable {
    private var smoothed: Int64?
    private var variation: Int64 = 0

    /// Takes a measurement that is unambiguous: the message left once only (Karn's rule).
    mutating func add(_ sample: Int64) {
        let sample = max(0, sample)
        guard let before = smoothed else {
            smoothed = sample
            variation = sample / 2
            return
        }
        let difference = before > sample ? before - sample : sample - before
        variation += (difference - variation) / 4
        smoothed = before + (sample - before) / 8
    }

    /// The round trip with its margin; nil before the first measurement. 20 ms are what timers and clocks may be off by.
    var estimate: Int64? {
        smoothed.map { $0 + max(20_000_000, 4 * variation) }
    }
}

extension Endpoint {
    func learntTimeout(answerBytes: Int) -> Int64 {
        guard parameters.learnsRoundTrip, let learnt = roundTrip.estimate else {
            return parameters.timeout(answerBytes: answerBytes)
        }
        return learnt + parameters.perAnswerByte * Int64(answerBytes)
    }

    /// A piggybacked answer or an acknowledgement of so many bytes has come to this message.
    mutating func measure(_ message: Outgoing, answerBytes: Int, now: Int64) {
        guard parameters.learnsRoundTrip, message.repetitions == 0, case .awaitingAnswer = message.state else { return }
        let bytes = Int64(answerBytes + parameters.answerOverheadBytes)
        roundTrip.add(now - message.leftAt - parameters.perAnswerByte * bytes)
    }
}
