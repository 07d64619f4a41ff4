public import CoAP

/// CoAP messages with their headers left out as far as the frame's number and the session say them: reversible for every
/// valid message, a byte for the common request and the common answer.
///
/// Pure functions: the frame's number is reserved first, then the message is made, then sealed.
public enum CompactMessage {
    /// The shortest form of `message` in a frame of number `frame`.
    ///
    /// - Parameters:
    ///   - answered: the number of the frame with the request (or message) that this answers; nil: none.
    ///   - mayBeShort: false where five bits could not tell its answer from another's: neither a request of one byte nor a
    ///   notification of one.
    public static func encode(
        _ message: Message, frame: UInt64, answered: UInt64? = nil, context: CompactContext, mayBeShort: Bool = true
    ) throws(MessageError) -> [UInt8] {
        let verbatim = try message.encoded()
        // As the peer will have it: options sorted.
        let message = try Message(decoding: verbatim)
        // Never in a form that does not name what it answers, however short.
        let canAnswer = message.code != .empty || message.type == .acknowledgement || message.type == .reset
        if canAnswer, let answered, let compact = answerForm(message, frame, answered, verbatim) { return compact }
        var best = verbatim
        if mayBeShort, let compact = requestForm(message, frame, context), compact.count < best.count { best = compact }
        if let compact = generalForm(message, frame, verbatim), compact.count < best.count { best = compact }
        return best
    }

    /// - Parameter outstanding: numbers of the own frames whose answers may still come. An answer must match exactly one
    ///   of them by its low five bits.
    public static func decode(
        _ bytes: [UInt8], frame: UInt64, outstanding: [UInt64], context: CompactContext
    ) throws(CompactMessageError) -> (message: Message, answered: UInt64?) {
        guard let first = bytes.first else { throw .empty }
        let low = first & CompactHeader.low
        switch first & CompactHeader.form {
        case CompactHeader.changed:
            let answered = try match(low, outstanding)
            return (piggybacked(.changed, answered, bytes, from: 1), answered)
        case CompactHeader.content:
            let answered = try match(low, outstanding)
            return (piggybacked(.content, answered, bytes, from: 1), answered)
        case CompactHeader.acknowledgement:
            guard bytes.count == 1 else { throw .malformed }
            let answered = try match(low, outstanding)
            return (.empty(.acknowledgement, CompactContext.messageID(answered)), answered)
        case CompactHeader.answer:
            let answered = try match(low, outstanding)
            return (try answer(bytes, frame, answered), answered)
        case CompactHeader.request: return (try request(bytes, frame, context), nil)
        case CompactHeader.general: return (try general(bytes, frame), nil)
        default:
            do throws(MessageError) {
                return (try Message(decoding: bytes), nil)
            } catch {
                throw .malformed
            }
        }
    }

    /// A message with its id in full, whatever frame it travels in: the answer to a message that five bits do not name.
    ///
    /// - Parameter hasToken: whether its token travels too; otherwise whoever asked knows it.
    static func full(_ message: Message, hasToken: Bool = false) throws(MessageError) -> [UInt8] {
        typealias Flags = CompactHeader.GeneralFlags
        let verbatim = try message.encoded()
        var head = CompactHeader.general | message.type.rawValue << Flags.typeShift | Flags.messageID
        if message.options.isEmpty { head |= Flags.payloadOnly }
        if hasToken { head |= Flags.token }
        let id = [UInt8(message.messageID >> 8), UInt8(message.messageID & 0xFF)]
        let token = hasToken ? [UInt8(message.token.count)] + message.token : []
        let body = message.options.isEmpty ? message.payload : Array(verbatim[(4 + message.token.count)...])
        return [head, message.code.rawValue] + id + token + body
    }

    private static func match(_ low: UInt8, _ outstanding: [UInt64]) throws(CompactMessageError) -> UInt64 {
        var found: UInt64?
        for number in outstanding where UInt8(truncatingIfNeeded: number) & CompactHeader.low == low {
            if let found, found != number { throw .answersNothing }
            found = number
        }
        guard let found else { throw .answersNothing }
        return found
    }

    // MARK: Requests and notifications

    private static func requestForm(_ message: Message, _ frame: UInt64, _ context: CompactContext) -> [UInt8]? {
        guard message.messageID == CompactContext.messageID(frame) else { return nil }
        if message.type == .confirmable, message.token == CompactContext.token(frame) {
            var number: UInt8 = 0
            for shape in context.shapes.prefix(CompactHeader.mostShapes) {
                if shape.method == message.code, shape.options == message.options {
                    return [CompactHeader.request | number] + message.payload
                }
                number += 1
            }
        }
        guard let token = context.observationToken, message.token == token, message.code == .content,
            message.options == [CompactContext.observe(frame)] + context.notificationOptions
        else { return nil }
        switch message.type {
        case .confirmable: return [CompactHeader.request | CompactHeader.confirmableNotification] + message.payload
        case .nonConfirmable:
            return [CompactHeader.request | CompactHeader.nonConfirmableNotification] + message.payload
        default: return nil
        }
    }

    private static func request(
        _ bytes: [UInt8], _ frame: UInt64, _ context: CompactContext
    ) throws(CompactMessageError) -> Message {
        let number = bytes[0] & CompactHeader.low
        var message = Message(
            type: .confirmable, code: .content, messageID: CompactContext.messageID(frame),
            payload: Array(bytes[1...]))
        if number < CompactHeader.mostShapes {
            guard Int(number) < context.shapes.count else { throw .undefined }
            let shape = context.shapes[Int(number)]
            message.code = shape.method
            message.options = shape.options
            message.token = CompactContext.token(frame)
            return message
        }
        guard let token = context.observationToken else { throw .undefined }
        if number == CompactHeader.nonConfirmableNotification { message.type = .nonConfirmable }
        message.token = token
        message.options = [CompactContext.observe(frame)] + context.notificationOptions
        return message
    }

    // MARK: Answers

    private static func answerForm(
        _ message: Message, _ frame: UInt64, _ answered: UInt64, _ verbatim: [UInt8]
    ) -> [UInt8]? {
        let low = UInt8(truncatingIfNeeded: answered) & CompactHeader.low
        let own = message.messageID == CompactContext.messageID(frame)
        let theirs = message.messageID == CompactContext.messageID(answered)
        guard own || theirs else { return nil }
        if message.code == .empty {
            if message.type == .acknowledgement, theirs { return [CompactHeader.acknowledgement | low] }
            let flags = message.type.rawValue | CompactHeader.AnswerFlags.noToken
            return [CompactHeader.answer | low, theirs ? flags : flags | CompactHeader.AnswerFlags.ownMessageID, 0]
        }
        let hasToken = message.token == CompactContext.token(answered)
        guard hasToken || message.token.isEmpty, message.code.isResponse else { return nil }
        if message.type == .acknowledgement, theirs, hasToken, message.options.isEmpty {
            switch message.code {
            case .changed: return [CompactHeader.changed | low] + message.payload
            case .content: return [CompactHeader.content | low] + message.payload
            default: return [CompactHeader.answer | low, message.code.rawValue] + message.payload
            }
        }
        var flags = message.type.rawValue
        if !theirs { flags |= CompactHeader.AnswerFlags.ownMessageID }
        if !hasToken { flags |= CompactHeader.AnswerFlags.noToken }
        if !message.options.isEmpty { flags |= CompactHeader.AnswerFlags.options }
        return [CompactHeader.answer | low, flags, message.code.rawValue]
            + (message.options.isEmpty ? message.payload : Array(verbatim[(4 + message.token.count)...]))
    }

    private static func piggybacked(_ code: Code, _ answered: UInt64, _ bytes: [UInt8], from start: Int) -> Message {
        Message(
            type: .acknowledgement, code: code, messageID: CompactContext.messageID(answered),
            token: CompactContext.token(answered), payload: Array(bytes[start...]))
    }

    private static func answer(
        _ bytes: [UInt8], _ frame: UInt64, _ answered: UInt64
    ) throws(CompactMessageError) -> Message {
        guard bytes.count >= 2 else { throw .truncated }
        let code = Code(rawValue: bytes[1])
        if code.isResponse { return piggybacked(code, answered, bytes, from: 2) }
        let flags = bytes[1]
        guard flags & ~CompactHeader.AnswerFlags.all == 0 else { throw .undefined }
        guard bytes.count >= 3 else { throw .truncated }
        guard bytes[2] == 0 || Code(rawValue: bytes[2]).isResponse else { throw .malformed }
        let messageID = CompactContext.messageID(
            flags & CompactHeader.AnswerFlags.ownMessageID == 0 ? answered : frame)
        let hasToken = flags & CompactHeader.AnswerFlags.noToken == 0
        let body = Array(bytes[3...])
        return try assemble(
            type: flags & CompactHeader.AnswerFlags.type, code: bytes[2], messageID: messageID,
            token: hasToken ? CompactContext.token(answered) : [],
            body: body, isPayload: flags & CompactHeader.AnswerFlags.options == 0)
    }

    // MARK: Any message

    private static func generalForm(_ message: Message, _ frame: UInt64, _ verbatim: [UInt8]) -> [UInt8]? {
        typealias Flags = CompactHeader.GeneralFlags
        var head = CompactHeader.general | message.type.rawValue << Flags.typeShift
        var fields: [UInt8] = []
        if message.messageID != CompactContext.messageID(frame) {
            head |= Flags.messageID
            fields.append(UInt8(message.messageID >> 8))
            fields.append(UInt8(message.messageID & 0xFF))
        }
        if message.code != .empty, message.token != CompactContext.token(frame) {
            head |= Flags.token
            fields.append(UInt8(message.token.count))
            fields.append(contentsOf: message.token)
        }
        let body: [UInt8]
        if message.options.isEmpty {
            head |= Flags.payloadOnly
            body = message.payload
        } else {
            body = Array(verbatim[(4 + message.token.count)...])
        }
        return [head, message.code.rawValue] + fields + body
    }

    private static func general(_ bytes: [UInt8], _ frame: UInt64) throws(CompactMessageError) -> Message {
        typealias Flags = CompactHeader.GeneralFlags
        guard bytes.count >= 2 else { throw .truncated }
        let head = bytes[0]
        var position = 2
        var messageID = CompactContext.messageID(frame)
        if head & Flags.messageID != 0 {
            guard bytes.count >= position + 2 else { throw .truncated }
            messageID = UInt16(bytes[position]) << 8 | UInt16(bytes[position + 1])
            position += 2
        }
        var token = bytes[1] == 0 ? [] : CompactContext.token(frame)
        if head & Flags.token != 0 {
            guard bytes.count > position, bytes[position] <= 8 else { throw .truncated }
            let end = position + 1 + Int(bytes[position])
            guard bytes.count >= end else { throw .truncated }
            token = Array(bytes[position + 1..<end])
            position = end
        }
        return try assemble(
            type: head >> Flags.typeShift & 0b11, code: bytes[1], messageID: messageID, token: token,
            body: Array(bytes[position...]), isPayload: head & Flags.payloadOnly != 0)
    }

    /// By way of the bytes of RFC 7252, so that its rules are checked in one place.
    private static func assemble(
        type: UInt8, code: UInt8, messageID: UInt16, token: [UInt8], body: [UInt8], isPayload: Bool
    ) throws(CompactMessageError) -> Message {
        var verbatim = [0x40 | type << 4 | UInt8(token.count), code]
        verbatim += [UInt8(messageID >> 8), UInt8(messageID & 0xFF)] + token
        if isPayload, !body.isEmpty { verbatim.append(0xFF) }
        verbatim += body
        do throws(MessageError) {
            return try Message(decoding: verbatim)
        } catch {
            throw .malformed
        }
    }
}
