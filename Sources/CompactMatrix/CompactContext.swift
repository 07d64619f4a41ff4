public import CoAP

/// What both ends of a session know without being told, and compact headers leave out. Both must have the same, or a message
/// comes out as another: it changes only with the session.
public struct CompactContext: Equatable, Sendable {
    /// Requests of one byte.
    public var shapes: [RequestShape]
    /// The token of the observation whose notifications have one byte; nil: none has.
    public var observationToken: [UInt8]?
    /// The options of such a notification besides Observe, in the order of their numbers.
    public var notificationOptions: [MessageOption]

    public init(
        shapes: [RequestShape] = RequestShape.standard, observationToken: [UInt8]? = nil,
        notificationOptions: [MessageOption] = []
    ) {
        self.shapes = shapes
        self.observationToken = observationToken
        self.notificationOptions = notificationOptions
    }

    /// The message id of a message in a frame of this number.
    public static func messageID(_ frame: UInt64) -> UInt16 {
        UInt16(truncatingIfNeeded: frame)
    }

    /// The token of a request in a frame of this number: its message id.
    public static func token(_ frame: UInt64) -> [UInt8] {
        [UInt8(truncatingIfNeeded: frame >> 8), UInt8(truncatingIfNeeded: frame)]
    }

    /// The value of Observe in a notification in a frame of this number (RFC 7641 section 3.4: 24 bits, newer is higher).
    static func observe(_ frame: UInt64) -> MessageOption {
        MessageOption(.observe, uint: frame & 0xFF_FFFF)
    }
}
