/// A CoAP message (RFC 7252 section 3), as a value.
public struct Message: Equatable, Sendable {
    public var type: MessageType
    public var code: Code
    public var messageID: UInt16
    /// 0 to 8 bytes.
    public var token: [UInt8]
    /// In any order; the encoder sorts them by number and keeps the order of repeated ones.
    public var options: [MessageOption]
    public var payload: [UInt8]

    public init(
        type: MessageType, code: Code, messageID: UInt16, token: [UInt8] = [], options: [MessageOption] = [],
        payload: [UInt8] = []
    ) {
        self.type = type
        self.code = code
        self.messageID = messageID
        self.token = token
        self.options = options
        self.payload = payload
    }

    /// The empty acknowledgement or reset of `messageID`.
    public static func empty(_ type: MessageType, _ messageID: UInt16) -> Message {
        Message(type: type, code: .empty, messageID: messageID)
    }

    /// The first option of this number.
    public func option(_ number: OptionNumber) -> MessageOption? {
        for option in options where option.number == number { return option }
        return nil
    }
}

/// Why bytes are not a CoAP message, or a message has no encoding.
public enum MessageError: Error, Equatable, Sendable {
    /// Fewer than the 4 bytes of the fixed header.
    case shorterThanHeader
    /// RFC 7252 section 3: "Messages with unknown version numbers MUST be silently ignored."
    case unknownVersion
    /// Everything else that RFC 7252 calls a message format error; a confirmable message so damaged is answered by a
    /// reset (section 4.2). Carries what an answer needs.
    case formatError(FormatError, type: MessageType, messageID: UInt16)
    /// A token over 8 bytes, or an option that cannot be written.
    case cannotEncode
}

/// What a message format error is.
public enum FormatError: Equatable, Sendable {
    /// Token lengths 9 to 15 are reserved.
    case tokenLength
    case truncatedToken
    /// Code 0.00 with a token, options or payload (section 4.1).
    case emptyMessageWithContent
    /// Delta or length nibble 15 that is no payload marker.
    case reservedOptionNibble
    case truncatedOption
    /// The option number exceeds 65,535.
    case optionNumberOverflow
    /// A payload marker with nothing behind it.
    case markerWithoutPayload
    /// A reserved class, or a type that its code does not go with.
    case reservedCode
}
