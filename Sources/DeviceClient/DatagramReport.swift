public import CoAP

/// What one datagram was made of, in bytes of UDP payload.
public struct DatagramReport: Equatable, Sendable {
    public enum Direction: Sendable { case up, down }

    public var direction: Direction
    /// Clear header: type, number, device.
    public var frame: Int
    /// Ephemeral key and counters of a handshake message.
    public var handshake: Int
    /// 16: Poly1305.
    public var tag: Int
    /// Header, token, options and marker of the CoAP message.
    public var coap: Int
    public var body: Int
    /// Sent before, byte for byte; or received before.
    public var isRepetition: Bool
    /// The exchange that it belongs to, where known.
    public var handle: Endpoint.Handle?

    public var total: Int { frame + handshake + tag + coap + body }

    /// - Parameters:
    ///   - total: of the datagram.
    ///   - message: of the CoAP message in it, as it travels.
    ///   - body: of that, its payload.
    init(
        _ direction: Direction, total: Int, message: Int, body: Int, frame: Int, isRepetition: Bool,
        handle: Endpoint.Handle?
    ) {
        self.direction = direction
        self.frame = frame
        tag = 16
        self.body = body
        coap = message - body
        handshake = max(0, total - frame - 16 - message)
        self.isRepetition = isRepetition
        self.handle = handle
    }
}
