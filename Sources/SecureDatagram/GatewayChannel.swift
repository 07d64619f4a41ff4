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
        /// A repeated frame, and the datagram that answered it: send it again.
        case repeatedAnswer([UInt8])
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
    }

    struct CachedAnswer: Sendable {
        /// The frame that was answered, and the number under which it was.
        var frame: FrameID
        var number: UInt64
        var datagram: [UInt8]
        var repeats: Int
    }

    public private(set) var sessions: [Session<Suite>?]
    /// The counter of the newest handshake whose request was taken.
    public internal(set) var handshakeCounter: UInt64
    /// The newest message 1 by its hash, and the message 2 that answered it.
    public internal(set) var answeredHandshake: (hash: [UInt8], message2: [UInt8])?
    private var cachedAnswers: [CachedAnswer] = []
    private var handshakeRepeats = 0
    /// By slot: whether its session has changed since the owner last stored it.
    private var changed = [false, false, false, false]

    /// Answers kept as datagrams, and how often each is sent again.
    public static var answersKept: Int { 8 }
    static var repeatsAllowed: Int { 8 }

    /// - Parameter sessions: what was stored, by slot.
    public init(
        sessions: [(slot: Slot, session: Session<Suite>)] = [], handshakeCounter: UInt64 = 0,
        answeredHandshake: (hash: [UInt8], message2: [UInt8])? = nil
    ) {
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

    public mutating func receive(
        _ datagram: [UInt8], parsed: FrameHeader.Parsed, gatewayPrivateKey: [UInt8], deviceKey: [UInt8]
    ) -> Received {
        switch parsed.header {
        case .handshake(.kkMessage1):
            receiveHandshake(datagram, parsed, gatewayPrivateKey: gatewayPrivateKey, deviceKey: deviceKey)
        case .handshake:
            .dropped(.malformed)
        case .transport:
            receiveFrame(datagram, parsed)
        }
    }

    private mutating func receiveHandshake(
        _ datagram: [UInt8], _ parsed: FrameHeader.Parsed, gatewayPrivateKey: [UInt8], deviceKey: [UInt8]
    ) -> Received {
        let hash = Suite.hash(datagram)
        if let answered = answeredHandshake, answered.hash == hash {
            handshakeRepeats += 1
            guard handshakeRepeats <= Self.repeatsAllowed else { return .dropped(.repeatedTooOften) }
            return .repeatedAnswer(answered.message2)
        }
        do {
            let responder = try Responder<Suite>(
                datagram: datagram, parsed: parsed, gatewayPrivateKey: gatewayPrivateKey, deviceKey: deviceKey)
            return .handshake(FrameID(source: hash, number: nil), responder)
        } catch {
            return .dropped(.forged)
        }
    }

    private mutating func receiveFrame(_ datagram: [UInt8], _ parsed: FrameHeader.Parsed) -> Received {
        var drop = Drop.forged
        // At most four openings a datagram: with four sessions none is left for a further window.
        let hasRoom = sessions.contains { $0 == nil }
        for slot in Slot.allCases {
            guard var session = self[slot] else { continue }
            do throws(Session<Suite>.Refusal) {
                let opened = try session.open(datagram, parsed, tryFurther: slot == .current && hasRoom)
                switch opened {
                case .fresh(let number, let plaintext):
                    let frame = FrameID(source: session.id, number: number)
                    put(session, slot)
                    if slot == .next || slot == .stale { confirm(slot) }
                    return .frame(frame, plaintext: plaintext)
                case .duplicate(let number, let plaintext):
                    return repeated(FrameID(source: session.id, number: number), plaintext)
                }
            } catch {
                // The count of failures; nothing that has to be stored.
                sessions[slot.rawValue] = session
                if error == .tooOld { drop = .tooOld }
            }
        }
        return .dropped(drop)
    }

    private mutating func repeated(_ frame: FrameID, _ plaintext: [UInt8]) -> Received {
        guard let index = cachedAnswers.firstIndex(where: { $0.frame == frame }) else {
            return .repeated(frame, plaintext: plaintext)
        }
        cachedAnswers[index].repeats += 1
        guard cachedAnswers[index].repeats <= Self.repeatsAllowed else { return .dropped(.repeatedTooOften) }
        return .repeatedAnswer(cachedAnswers[index].datagram)
    }

    /// The device uses the session of `slot`: it becomes the current one.
    private mutating func confirm(_ slot: Slot) {
        let confirmed = self[slot]
        put(nil, slot)
        if let displaced = self[.current] { put(displaced, .previous) }
        put(confirmed, .current)
    }

    // MARK: Sending

    /// Writes message 2 and keeps it for repetitions of message 1. A fresh counter makes the session `next`, an old one
    /// `stale`.
    public mutating func reply(
        to responder: Responder<Suite>, frame: FrameID, _ status: HandshakeStatus, answer: [UInt8], ephemeral: [UInt8]
    ) throws(NoiseError) -> [UInt8] {
        let (message2, session) = try responder.reply(status, answer: answer, ephemeral: ephemeral)
        if responder.counter > handshakeCounter {
            handshakeCounter = responder.counter
            answeredHandshake = (frame.source, message2)
            handshakeRepeats = 0
            put(session, .next)
        } else {
            put(session, .stale)
        }
        return message2
    }

    /// Encrypts a push, or with `answering` an answer that is kept for repetitions of that frame.
    public mutating func seal(
        _ plaintext: [UInt8], answering frame: FrameID? = nil
    ) throws(Session<Suite>.SendError) -> Session<Suite>.SealedFrame {
        let slot: Slot? = if let frame { slot(of: frame.source) } else { .current }
        guard let slot, var session = self[slot] else { throw .exhausted }
        let sealed = try session.seal(plaintext)
        put(session, slot)
        if let frame {
            cachedAnswers.append(CachedAnswer(frame: frame, number: sealed.number, datagram: sealed.bytes, repeats: 0))
            if cachedAnswers.count > Self.answersKept { cachedAnswers.removeFirst() }
        }
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
        // Anybody may replay an old message 1: what comes of it costs no write until the device has used it.
        if slot != .stale { changed[slot.rawValue] = true }
    }
}
