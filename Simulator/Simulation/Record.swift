public import LinkModel

/// One line of the event log: something that happened.
public struct Record: Sendable {
    public enum Event: Sendable {
        /// A device has something to say: from now on its latency counts.
        case message(bytes: Int)
        /// The message's turn has come: those before it have ended.
        case request
        /// A datagram was handed to the link.
        case datagram(frame: UInt64, Heading, bytes: Int, Layers?, isRepetition: Bool)
        /// Its first bit leaves.
        case start(frame: UInt64, Heading, until: Int64, channel: Int, waits: Waits)
        case arrive(frame: UInt64, Heading, isCopy: Bool, flippedBit: Int?)
        case lost(frame: UInt64, Heading, LinkEvent.Loss)
        case drop(frame: UInt64, Heading, LinkEvent.Drop)
        /// The gateway has it in its journal.
        case journalled
        /// The device knows that.
        case accepted(code: UInt8)
        /// The device has given up; the message may have arrived or not.
        case unanswered
        /// The homeserver has it.
        case inRoom
        /// Somebody wrote something for the device.
        case said(bytes: Int)
        /// The device heard it.
        case heard
        case homeserver(isUp: Bool)
    }

    public var time: Int64
    public var device: Int
    /// The device's message, or what was said to it, by number; nil: none is concerned, or it is not known.
    public var message: Int?
    public var event: Event
}

/// What a datagram is made of, in bytes.
public struct Layers: Equatable, Sendable {
    /// Clear header: type, number, device.
    public var frame = 0
    /// Ephemeral key and counters of a handshake.
    public var handshake = 0
    public var tag = 0
    public var coap = 0
    public var body = 0

    public init() {}
}
