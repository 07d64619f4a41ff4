/// The type of a CoAP message (RFC 7252 section 4.2 and 4.3).
public enum MessageType: UInt8, Sendable {
    case confirmable = 0
    case nonConfirmable = 1
    case acknowledgement = 2
    case reset = 3
}
