extension GatewayChannel {
    /// Sets the counter below which message 1 is not new, where the one that was stored cannot be relied on.
    public mutating func trust(counter: UInt64) {
        handshakeCounter = counter
    }
}
