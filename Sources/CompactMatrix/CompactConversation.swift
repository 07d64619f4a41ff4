public import CoAP

/// The compact headers of one session, at one of its ends: between the CoAP endpoint, whose messages have ids and tokens, and
/// the frames, whose numbers stand for these.
///
/// A message that is answered leaves with the id and the token of its frame's number; what names that number gets the
/// endpoint's own back. A short message is answered by one that carries five bits of its number, so that no other short one
/// with the same five bits leaves while an answer to it may come; a message in full form is answered in full form, with
/// sixteen. Messages of RFC 7252 pass as they are, and so do their answers: whoever speaks verbatim hears verbatim.
///
/// A value without clock or I/O. Times are nanoseconds of a monotonic clock.
public struct CompactConversation: Sendable {
    /// How a message travelled: so does its answer.
    public enum Form: Equatable, Sendable {
        /// RFC 7252, as it is.
        case verbatim
        case full
        case short
    }

    public struct Arrived: Equatable, Sendable {
        /// For the endpoint: a message of RFC 7252.
        public var message: [UInt8]
        public var form: Form

        public init(message: [UInt8], form: Form) {
            self.message = message
            self.form = form
        }
    }

    /// A frame of ours whose answer may still come.
    private struct Awaited: Sendable {
        let frame: UInt64
        /// The endpoint's own; nil: it has forgotten the message.
        let message: (id: UInt16, token: [UInt8])?
        let isRequest: Bool
        let isShort: Bool
        let expires: Int64
    }

    /// What stands for the number of a frame in the messages of a handshake.
    public static var handshakeFrame: UInt64 { .max }
    /// Seconds for which a notification is fresh that does not say so.
    public static var notificationMaxAge: UInt64 { 3600 }
    /// Bytes of identifiers that each end remembers of the other's frames.
    public static var identifierMemory: Int { 256 }
    private static var mostAwaited: Int { 64 }
    /// No request of an endpoint has it: what nobody waits for is refused.
    private static var noToken: [UInt8] { [0] }

    /// The id of the session.
    public let session: [UInt8]
    private let lifetime: Int64
    private var shortFrom: Int64
    private var awaited: [Awaited] = []
    private var sent = IdentifierTable(capacity: identifierMemory)
    private var received = IdentifierTable(capacity: identifierMemory)

    /// - Parameters:
    ///   - lifetime: nanoseconds for which an answer to a frame may come: EXCHANGE_LIFETIME (RFC 7252 section 4.8.2).
    ///   - shortFrom: until then nothing short leaves: it is not known which frames of before may still be answered.
    public init(session: [UInt8], lifetime: Int64, shortFrom: Int64 = .min) {
        self.session = session
        self.lifetime = lifetime
        self.shortFrom = shortFrom
    }

    // MARK: Sending

    /// A message that is no answer, or a separate one, in the frame of this number.
    ///
    /// - Parameter observation: the token of the one observation whose notifications carry none; nil: there is none.
    public mutating func encode(
        _ bytes: [UInt8], frame: UInt64, observation: [UInt8]? = nil, now: Int64
    ) throws(MessageError) -> [UInt8] {
        let own = try Message(decoding: bytes)
        var message = own
        message.messageID = CompactContext.messageID(frame)
        let isNotification = own.code.isResponse && own.token == observation
        if own.code.isRequest || isNotification { message.token = CompactContext.token(frame) }
        forget(now: now)
        var encoded: [UInt8]
        if own.code.isResponse, !isNotification {
            encoded = try CompactMessage.full(message, hasToken: true)
        } else {
            var isFree = now >= shortFrom
            for other in awaited where other.isShort && (other.frame ^ frame) & UInt64(CompactHeader.low) == 0 {
                isFree = false
            }
            encoded = try CompactMessage.encode(
                message, frame: frame, context: Self.context(frame), mayBeShort: isFree)
        }
        if own.type == .confirmable || own.code.isRequest {
            remember(
                Awaited(
                    frame: frame, message: (own.messageID, own.token), isRequest: own.code.isRequest,
                    isShort: Self.form(of: encoded) == .short, expires: now + lifetime))
        }
        return encoded
    }

    /// The answer to the message of frame `answered`, which came in `form`.
    public static func encode(
        answer bytes: [UInt8], frame: UInt64, answered: UInt64, form: Form
    ) throws(MessageError) -> [UInt8] {
        guard form != .verbatim else { return bytes }
        var message = try Message(decoding: bytes)
        if message.type == .nonConfirmable {
            // A message of its own, with an id of its own.
            message.messageID = CompactContext.messageID(frame)
            guard form == .short else { return try CompactMessage.full(message, hasToken: true) }
        }
        guard form == .short else { return try CompactMessage.full(message) }
        return try CompactMessage.encode(message, frame: frame, answered: answered, context: context(frame))
    }

    /// An answer for another time, in whichever frame, when five bits would not name what it answers.
    public static func encode(laterAnswer bytes: [UInt8], form: Form) throws(MessageError) -> [UInt8] {
        guard form != .verbatim else { return bytes }
        let message = try Message(decoding: bytes)
        return try CompactMessage.full(message, hasToken: message.type == .nonConfirmable)
    }

    // MARK: Receiving

    /// What came in the peer's frame of this number.
    ///
    /// - Parameter observation: the token of the one observation whose notifications carry none; nil: there is none.
    public mutating func decode(
        _ bytes: [UInt8], frame: UInt64, observation: [UInt8]? = nil, now: Int64
    ) throws(CompactMessageError) -> Arrived {
        let form = Self.form(of: bytes)
        guard form != .verbatim else { return Arrived(message: bytes, form: form) }
        forget(now: now)
        var short: [UInt64] = []
        for waiting in awaited where waiting.isShort { short.append(waiting.frame) }
        let read = try CompactMessage.decode(bytes, frame: frame, outstanding: short, context: Self.context(frame))
        var message = read.message
        if message.type == .acknowledgement || message.type == .reset || read.answered != nil {
            try answer(&message, read.answered)
        } else if message.code.isResponse {
            if form == .full, bytes[0] & CompactHeader.GeneralFlags.token != 0 {
                guard let waiting = awaited.first(where: { CompactContext.token($0.frame) == message.token }),
                    let own = waiting.message
                else { throw .answersNothing }
                message.token = own.token
            } else {
                message.token = observation ?? Self.noToken
            }
        }
        do throws(MessageError) {
            return Arrived(message: try message.encoded(), form: form)
        } catch {
            throw .malformed
        }
    }

    /// Whether a message wants to be acknowledged as a notification.
    public static func isConfirmableNotification(_ bytes: [UInt8], frame: UInt64) -> Bool {
        let message: Message
        if form(of: bytes) == .verbatim {
            guard let decoded = try? Message(decoding: bytes) else { return false }
            message = decoded
        } else {
            guard
                let read = try? CompactMessage.decode(bytes, frame: frame, outstanding: [], context: context(frame))
            else { return false }
            message = read.message
        }
        return message.type == .confirmable && message.option(.observe) != nil && message.code.isResponse
    }

    /// Gives an answer the id and the token of what it answers.
    private mutating func answer(_ message: inout Message, _ answered: UInt64?) throws(CompactMessageError) {
        let isReply = message.type == .acknowledgement || message.type == .reset
        let id = message.messageID
        let index = awaited.lastIndex { waiting in
            if let answered { return waiting.frame == answered }
            return CompactContext.messageID(waiting.frame) == id
        }
        guard let index, let own = awaited[index].message else { throw .answersNothing }
        if isReply { message.messageID = own.id }
        if message.code != .empty { message.token = own.token }
        // After an acknowledgement alone the response to a request follows; after a response of its own, perhaps still the
        // acknowledgement.
        if isReply, message.type == .reset || message.code != .empty || !awaited[index].isRequest {
            awaited.remove(at: index)
        }
    }

    // MARK: Frames that are awaited

    /// Frames whose answers may still come, for an end that restarts: of the ones that the endpoint goes on with, what it
    /// sent in them; of the others, that they are.
    public var heldFrames: [UInt64] {
        var frames: [UInt64] = []
        for waiting in awaited where waiting.isShort { frames.append(waiting.frame) }
        return frames
    }

    /// After a restart: answers to these may still come, and are for nobody.
    public mutating func hold(_ frames: [UInt64], now: Int64) {
        for frame in frames {
            remember(
                Awaited(frame: frame, message: nil, isRequest: true, isShort: true, expires: now + lifetime))
        }
    }

    private mutating func remember(_ waiting: Awaited) {
        awaited.removeAll { $0.frame == waiting.frame }
        if awaited.count >= Self.mostAwaited {
            // What is forgotten might still be answered.
            shortFrom = max(shortFrom, awaited[0].expires)
            awaited.removeFirst()
        }
        awaited.append(waiting)
    }

    private mutating func forget(now: Int64) {
        awaited.removeAll { $0.expires <= now }
    }

    /// How these bytes travelled.
    public static func form(of bytes: [UInt8]) -> Form {
        guard let first = bytes.first else { return .verbatim }
        if first >> 6 == 1 { return .verbatim }
        return first & CompactHeader.form == CompactHeader.general ? .full : .short
    }

    private static func context(_ frame: UInt64) -> CompactContext {
        CompactContext(
            observationToken: CompactContext.token(frame),
            notificationOptions: [MessageOption(.maxAge, uint: notificationMaxAge)])
    }

    // MARK: Identifiers

    /// Identifiers of a message, while it is written in a frame of this number.
    public func identifiersToWrite(in frame: UInt64) -> IdentifierPass {
        IdentifierPass(frame: frame, own: sent, other: received)
    }

    public mutating func wrote(_ pass: IdentifierPass, in frame: UInt64) {
        sent.record(pass.mentions, in: frame)
    }

    public func identifiersToRead(in frame: UInt64) -> IdentifierPass {
        IdentifierPass(frame: frame, own: received, other: sent)
    }

    public mutating func read(_ pass: IdentifierPass, in frame: UInt64) {
        received.record(pass.mentions, in: frame)
    }

    /// The peer has shown that it accepted what our frame of this number says.
    public mutating func acknowledged(_ frame: UInt64) {
        sent.acknowledged(frame)
    }

    /// The peer may have forgotten what our frames told it.
    public mutating func forgetSentIdentifiers() {
        sent = IdentifierTable(capacity: Self.identifierMemory)
    }
}
