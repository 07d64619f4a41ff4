public import Noise

/// The gateway's end of one device's channel: its sessions, and the answers that a repeated frame gets again.
///
/// At most four sessions stand side by side: `current`; `next`, made by a handshake and not yet used by the device;
/// `previous`, displaced by a confirmed `next`; and `stale`, from a handshake whose counter was not new, which must not
/// displace a `next` (anybody may replay an old message 1).
public struct GatewayChannel<Suite: NoiseSuite>: Sendable {
    public enum Slot: Int, CaseIterable, Sendable {
        case current, next, previous, stale
    }

    /// Names a received frame: the identity of a request derives from it.
    public struct FrameID: Equatable, Sendable {
        /// A session's id, or the hash of a message 1.
        public var source: [UInt8]
        /// nil for a message 1.
        public var number: UInt64?

        public init(source: [UInt8], number: UInt64?) {
            self.source = source
            self.number = number
        }
    }

    public enum Received {
        /// A new frame with its plaintext: store the session, then act.
        case frame(FrameID, plaintext: [UInt8])
        /// A handshake with the first request in it: store what `reply` returns, then let message 2 leave.
        case handshake(FrameID, Responder<Suite>)
        /// A repeated frame, and the datagram that answered it: send it again. Where the frame is the newest, to the address
        /// that it came from now: the device may have moved between the two.
        case repeatedAnswer([UInt8], isNewest: Bool)
        /// A repeated frame whose answer is not at hand as a datagram (a restart): answer anew if an answer is stored.
        case repeated(FrameID, plaintext: [UInt8])
        case dropped(Drop)
    }

    /// Why a datagram was dropped; each has a counter.
    public enum Drop: Equatable, Sendable {
        case malformed
        case forged
        case replayed
        case tooOld
        /// A repeated frame that has had its answer often enough.
        case repeatedTooOften
        /// Two senders have the keys of a session; it is gone.
        case copied
    }

    struct CachedAnswer: Sendable {
        /// The frame that was answered, and the number under which it was.
        var frame: FrameID
        var number: UInt64
        var datagram: [UInt8]
        var repeats: RepeatGuard
    }

    public struct Limits: Equatable, Sendable {
        public var repeats: RepeatLimit
        /// Nanoseconds for which the session before the current one is kept: EXCHANGE_LIFETIME.
        public var previousLifetime: Int64

        public init(repeats: RepeatLimit, previousLifetime: Int64) {
            self.repeats = repeats
            self.previousLifetime = previousLifetime
        }
    }

    public private(set) var sessions: [Session<Suite>?]
    /// The counter of the newest handshake whose request was taken.
    public internal(set) var handshakeCounter: UInt64
    /// The newest message 1 by its hash, and the message 2 that answered it.
    public internal(set) var answeredHandshake: (hash: [UInt8], message2: [UInt8])?
    private var cachedAnswers: [CachedAnswer] = []
    private var handshakeRepeats: RepeatGuard?
    private var limits: Limits
    /// When the previous session is forgotten.
    private var previousEnds: Int64?
    /// By slot: whether its session has changed since the owner last stored it.
    private var changed = [false, false, false, false]

    /// Answers kept as datagrams.
    public static var answersKept: Int { 8 }

    /// - Parameter sessions: what was stored, by slot.
    public init(
        limits: Limits, sessions: [(slot: Slot, session: Session<Suite>)] = [], handshakeCounter: UInt64 = 0,
        answeredHandshake: (hash: [UInt8], message2: [UInt8])? = nil
    ) {
        self.limits = limits
        self.sessions = [nil, nil, nil, nil]
        for (slot, session) in sessions { self.sessions[slot.rawValue] = session }
        self.handshakeCounter = handshakeCounter
        self.answeredHandshake = answeredHandshake
    }

    public subscript(slot: Slot) -> Session<Suite>? {
        sessions[slot.rawValue]
    }

    /// The slots to store, each with its session or nil where it is gone; empties the list.
    public mutating func takeChanges() -> [(slot: Slot, session: Session<Suite>?)] {
        var changes: [(slot: Slot, session: Session<Suite>?)] = []
        for slot in Slot.allCases where changed[slot.rawValue] { changes.append((slot, self[slot])) }
        changed = [false, false, false, false]
        return changes
    }

    /// Whether frames may be pushed: only in a session that the device has used (Noise section 7.5).
    public var canPush: Bool { self[.current] != nil }

    // MARK: Receiving

    /// Takes a frame of one of the sessions.
    public mutating func receiveFrame(
        _ datagram: [UInt8], _ parsed: FrameHeader.Parsed, _ arrival: Arrival
    ) -> Received {
        forgetPrevious(now: arrival.now)
        var drop = Drop.forged
        // At most four openings a datagram: with four sessions none is left for a further window.
        let hasRoom = sessions.contains { $0 == nil }
        for index in sessions.indices {
            do throws(Session<Suite>.Refusal) {
                // In its place: a copy would cost more than the opening.
                let isCurrent = index == Slot.current.rawValue
                if let opened = try sessions[index]?.open(datagram, parsed, tryFurther: isCurrent && hasRoom) {
                    return received(opened, inSlot: index, arrival)
                }
            } catch {
                // It has counted the failure; nothing that has to be stored.
                if error == .tooOld { drop = .tooOld }
                if error == .copied, let slot = Slot(rawValue: index) {
                    put(nil, slot)
                    return .dropped(.copied)
                }
            }
        }
        return .dropped(drop)
    }

    private mutating func received(_ opened: Session<Suite>.Opened, inSlot index: Int, _ arrival: Arrival) -> Received {
        guard let slot = Slot(rawValue: index), let session = self[slot] else { return .dropped(.forged) }
        switch opened {
        case .fresh(let number, let plaintext):
            note(slot)
            if slot == .next || slot == .stale { confirm(slot, now: arrival.now) }
            return .frame(FrameID(source: session.id, number: number), plaintext: plaintext)
        case .duplicate(let number, let plaintext):
            let isNewest = slot == .current && number == session.received.highest
            return repeated(FrameID(source: session.id, number: number), plaintext, arrival, isNewest)
        }
    }

    private mutating func repeated(
        _ frame: FrameID, _ plaintext: [UInt8], _ arrival: Arrival, _ isNewest: Bool
    ) -> Received {
        guard let index = cachedAnswers.firstIndex(where: { $0.frame == frame }) else {
            return .repeated(frame, plaintext: plaintext)
        }
        guard cachedAnswers[index].repeats.allows(arrival, limits.repeats) else { return .dropped(.repeatedTooOften) }
        return .repeatedAnswer(cachedAnswers[index].datagram, isNewest: isNewest)
    }

    /// The device uses the session of `slot`: it becomes the current one.
    private mutating func confirm(_ slot: Slot, now: Int64) {
        let confirmed = self[slot]
        put(nil, slot)
        if let displaced = self[.current] {
            put(displaced, .previous)
            previousEnds = now + limits.previousLifetime
        }
        put(confirmed, .current)
    }

    /// What was under way when the session changed has been repeated by now, or given up.
    private mutating func forgetPrevious(now: Int64) {
        guard self[.previous] != nil else { return }
        // After a restart its time begins anew.
        let end = previousEnds ?? now + limits.previousLifetime
        previousEnds = end
        guard now >= end else { return }
        previousEnds = nil
        put(nil, .previous)
    }

    // MARK: Handshakes

    /// The answer to a repeated message 1: nothing is computed for it. nil: it is another one than the last.
    public mutating func repeatedHandshake(_ hash: [UInt8], _ arrival: Arrival) -> Received? {
        guard let answered = answeredHandshake, answered.hash == hash else { return nil }
        var repeats = handshakeRepeats ?? RepeatGuard()
        defer { handshakeRepeats = repeats }
        guard repeats.allows(arrival, limits.repeats) else { return .dropped(.repeatedTooOften) }
        return .repeatedAnswer(answered.message2, isNewest: true)
    }

    /// Takes a message 1.
    ///
    /// - Parameter keys: the gateway's keys towards this device; more than one while it changes its own.
    public func receiveHandshake(
        _ datagram: [UInt8], _ parsed: FrameHeader.Parsed, _ keys: [HandshakeKeys]
    ) -> Received {
        for keys in keys {
            if let responder = try? Responder<Suite>(datagram: datagram, parsed: parsed, keys: keys) {
                return .handshake(FrameID(source: Self.hash(of: datagram, parsed), number: nil), responder)
            }
        }
        return .dropped(.forged)
    }

    /// Names a message 1: the hash of its Noise message, whether a cookie is with it or not.
    public static func hash(of datagram: [UInt8], _ parsed: FrameHeader.Parsed) -> [UInt8] {
        Suite.hash(parsed.handshakeMessage(in: datagram))
    }

    /// Ends every session: the device gets another key, or another session that was not agreed on the air.
    public mutating func endAll() {
        for slot in Slot.allCases where self[slot] != nil { put(nil, slot) }
        cachedAnswers = []
        handshakeCounter = 0
        answeredHandshake = nil
        handshakeRepeats = nil
    }

    /// Takes a session that its device can use at once.
    ///
    /// - Parameter hash: of the device's last handshake message, which `reply` answers, where there was one.
    public mutating func begin(with session: Session<Suite>, answering hash: [UInt8]? = nil, by reply: [UInt8] = []) {
        endAll()
        put(session, .current)
        if let hash { answeredHandshake = (hash, reply) }
    }

    // MARK: Sending

    /// Writes message 2 and keeps it for repetitions of message 1. A fresh counter makes the session `next`, an old one
    /// `stale`.
    public mutating func reply(
        to responder: Responder<Suite>, frame: FrameID, _ status: HandshakeStatus, answer: [UInt8], ephemeral: [UInt8],
        _ arrival: Arrival
    ) throws(NoiseError) -> [UInt8] {
        let (message2, session) = try responder.reply(status, answer: answer, ephemeral: ephemeral)
        if responder.payload.counter > handshakeCounter {
            handshakeCounter = responder.payload.counter
            answeredHandshake = (frame.source, message2)
            handshakeRepeats = RepeatGuard(answered: arrival)
            put(session, .next)
        } else {
            put(session, .stale)
        }
        return message2
    }

    /// The number of the next frame in the session `id`; nil: there is no such session.
    public func nextNumber(in id: [UInt8]) -> UInt64? {
        slot(of: id).flatMap { self[$0]?.nextNumber }
    }

    /// Encrypts a push.
    public mutating func seal(_ plaintext: [UInt8]) throws(Session<Suite>.SendError) -> Session<Suite>.SealedFrame {
        try seal(plaintext, in: .current)
    }

    /// Encrypts an answer to `frame`; it is kept for repetitions of that frame.
    public mutating func seal(
        _ plaintext: [UInt8], answering frame: FrameID, _ arrival: Arrival
    ) throws(Session<Suite>.SendError) -> Session<Suite>.SealedFrame {
        guard let slot = slot(of: frame.source) else { throw .exhausted }
        let sealed = try seal(plaintext, in: slot)
        cachedAnswers.append(
            CachedAnswer(
                frame: frame, number: sealed.number, datagram: sealed.bytes, repeats: RepeatGuard(answered: arrival)))
        if cachedAnswers.count > Self.answersKept { cachedAnswers.removeFirst() }
        return sealed
    }

    private mutating func seal(
        _ plaintext: [UInt8], in slot: Slot
    ) throws(Session<Suite>.SendError) -> Session<Suite>.SealedFrame {
        guard var session = self[slot] else { throw .exhausted }
        let sealed = try session.seal(plaintext)
        put(session, slot)
        return sealed
    }

    /// The device received the frame that we sent under `number` in the session `id`.
    public mutating func confirm(_ number: UInt64, session id: [UInt8]) {
        guard let slot = slot(of: id), var session = self[slot] else { return }
        session.confirm(number)
        put(session, slot)
    }

    /// A new request in `frame` shows that the answers to the device's earlier ones arrived: it has one request under way
    /// at a time, and one that it gave up is followed by a handshake.
    public mutating func confirmAnswers(before frame: FrameID) {
        guard let received = frame.number else { return }
        var newest: (frame: UInt64, answer: UInt64)?
        for answer in cachedAnswers where answer.frame.source == frame.source {
            guard let number = answer.frame.number, number < received else { continue }
            // One that was answered in several frames may have received the first of them only.
            if newest.map({ number > $0.frame }) ?? true { newest = (number, answer.number) }
        }
        if let newest { confirm(newest.answer, session: frame.source) }
    }

    /// Whether a frame was received in the session that is current now.
    public func isCurrent(_ frame: FrameID) -> Bool {
        self[.current]?.id == frame.source
    }

    private func slot(of id: [UInt8]) -> Slot? {
        Slot.allCases.first { self[$0]?.id == id }
    }

    private mutating func put(_ session: Session<Suite>?, _ slot: Slot) {
        sessions[slot.rawValue] = session
        note(slot)
    }

    /// The session of `slot` is another than what is stored.
    private mutating func note(_ slot: Slot) {
        // Anybody may replay an old message 1: what comes of it costs no write until the device has used it.
        if slot != .stale { changed[slot.rawValue] = true }
    }
}
