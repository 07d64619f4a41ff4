/// Which requests of the peer have been seen, and what they were answered: a repetition is answered alike and not run
/// again (RFC 7252 section 4.5). Bounded in bytes, by expiry and by number.
struct RequestLog: Sendable {
    typealias ID = Endpoint.IncomingRequest.ID

    /// A request that waits for its answer.
    struct Pending: Sendable {
        var id: ID
        var isConfirmable: Bool
        var isSafe: Bool
        /// Its copies do not come up here.
        var isUnique: Bool
        var isAcknowledged: Bool
        var expires: Int64
        /// When an empty acknowledgement has to leave; nil once it has.
        var acknowledgeAt: Int64?
    }

    /// What a repetition of an answered request gets.
    enum Outcome: Equatable, Sendable {
        /// The same bytes.
        case answer([UInt8])
        /// An empty acknowledgement: the answer is a message of its own.
        case acknowledgement
        /// Nothing: it was unconfirmed, and refused in silence.
        case silence
        /// A reset: it was run, and for want of memory its answer is gone.
        case forgotten
        /// It is run again: its answer is gone, and its method is safe.
        case runAgain
    }

    private struct Kept: Sendable {
        var messageID: UInt16
        var isSafe: Bool
        var token: [UInt8]
        var outcome: Outcome
        var expires: Int64

        var isForgettable: Bool {
            if case .runAgain = outcome { true } else { false }
        }
    }

    enum Search: Equatable {
        case unknown
        case pending(Int)
        case answered(ID, Outcome)
    }

    private(set) var pending: [Pending] = []
    private var kept: [Kept] = []
    /// Those before it in `kept` are gone, and wait to be removed together.
    private var first = 0
    /// Those before it in `kept` have no answer in memory any more.
    private var firstWithAnswer = 0
    private var answerBytes = 0

    /// What an entry costs beside its answer's bytes: itself, and two heap blocks.
    private static var entryBytes: Int { 96 }
    /// Ids that are remembered without an answer, at most as many as a link of 100 bit/s carries in half an hour.
    private static var mostKept: Int { 768 }
    /// Requests that wait for an answer: an owner that answers none must not be made to hold any number of them.
    static var mostPending: Int { 64 }

    func search(_ messageID: UInt16, now: Int64) -> Search {
        for index in pending.indices where pending[index].id.messageID == messageID { return .pending(index) }
        var index = kept.count
        while index > first {
            index -= 1
            guard kept[index].messageID == messageID else { continue }
            guard kept[index].expires > now, !kept[index].isForgettable else { return .unknown }
            return .answered(ID(messageID: messageID, token: kept[index].token), kept[index].outcome)
        }
        return .unknown
    }

    mutating func append(_ request: Pending) {
        pending.append(request)
    }

    func pendingIndex(of id: ID) -> Int? {
        pending.firstIndex { $0.id == id }
    }

    /// The time of the first empty acknowledgement that is owed.
    var acknowledgeAt: Int64? {
        var earliest: Int64?
        for request in pending {
            guard let time = request.acknowledgeAt, time < earliest ?? .max else { continue }
            earliest = time
        }
        return earliest
    }

    /// The requests whose empty acknowledgement is due; they count as acknowledged from here on.
    mutating func takeDueAcknowledgements(now: Int64) -> [ID] {
        var due: [ID] = []
        for index in pending.indices {
            guard let time = pending[index].acknowledgeAt, time <= now else { continue }
            pending[index].acknowledgeAt = nil
            pending[index].isAcknowledged = true
            due.append(pending[index].id)
        }
        return due
    }

    /// Whether an empty acknowledgement has to leave now.
    mutating func acknowledge(_ id: ID) -> Bool {
        guard let index = pendingIndex(of: id), pending[index].isConfirmable, !pending[index].isAcknowledged else {
            return false
        }
        pending[index].acknowledgeAt = nil
        pending[index].isAcknowledged = true
        return true
    }

    mutating func finish(_ index: Int, _ outcome: Outcome, memory: Int) {
        let request = pending[index]
        if pending.count == 1 { pending = [] } else { pending.remove(at: index) }
        guard !request.isUnique else { return }
        keep(request.id, isSafe: request.isSafe, outcome, expires: request.expires, memory: memory)
    }

    mutating func keep(_ id: ID, isSafe: Bool, _ outcome: Outcome, expires: Int64, memory: Int) {
        kept.append(Kept(messageID: id.messageID, isSafe: isSafe, token: id.token, outcome: outcome, expires: expires))
        answerBytes += Self.cost(of: outcome)
        // The oldest answers go first; of what was no safe request the id stays, so that it is not run again.
        while answerBytes > memory, firstWithAnswer < kept.count - 1 {
            answerBytes -= Self.cost(of: kept[firstWithAnswer].outcome)
            if case .answer = kept[firstWithAnswer].outcome {
                kept[firstWithAnswer].outcome = kept[firstWithAnswer].isSafe ? .runAgain : .forgotten
                kept[firstWithAnswer].token = []
            }
            firstWithAnswer += 1
        }
        if kept.count - first > Self.mostKept { dropFirst() }
        // What is to be run again need not be remembered.
        while first < firstWithAnswer, kept[first].isForgettable { first += 1 }
        compact()
    }

    mutating func forget(now: Int64) {
        while first < kept.count, kept[first].expires <= now { dropFirst() }
        compact()
        if pending.contains(where: { $0.expires <= now }) { pending.removeAll { $0.expires <= now } }
    }

    private mutating func dropFirst() {
        if first >= firstWithAnswer {
            answerBytes -= Self.cost(of: kept[first].outcome)
            firstWithAnswer = first + 1
        }
        kept[first].outcome = .runAgain
        first += 1
    }

    private mutating func compact() {
        if first == kept.count {
            if first > 0 { kept = [] }
            first = 0
            firstWithAnswer = 0
        } else if first > 64, first * 2 > kept.count {
            kept.removeFirst(first)
            firstWithAnswer -= first
            first = 0
        }
    }

    private static func cost(of outcome: Outcome) -> Int {
        if case .answer(let bytes) = outcome { entryBytes + bytes.count } else { 0 }
    }
}
