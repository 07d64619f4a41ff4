public import SecureDatagram

/// What a device knows before it first speaks.
public struct DeviceIdentity: Sendable {
    /// The number that the gateway gave it.
    public var number: DeviceNumber
    /// How it shakes hands; nil: it cannot, and lives by the session that was provisioned.
    public var handshake: HandshakeKind?
    /// Its own private key, which never leaves the device, the gateway's public key, a preshared key: what the handshake
    /// needs.
    public var keys: HandshakeKeys

    /// A device that knows the gateway's public key, with a preshared key besides where there is one.
    public init(number: DeviceNumber, privateKey: [UInt8], gatewayKey: [UInt8], presharedKey: [UInt8] = []) {
        self.number = number
        handshake = .kk
        keys = HandshakeKeys(privateKey: privateKey, peerKey: gatewayKey, presharedKey: presharedKey)
    }

    /// A device that shares a secret with the gateway, and nothing else.
    public init(number: DeviceNumber, presharedKey: [UInt8]) {
        self.number = number
        handshake = .nnpsk0
        keys = HandshakeKeys(presharedKey: presharedKey)
    }

    /// A device with a provisioned session, which is its first state.
    public init(provisioned number: DeviceNumber) {
        self.number = number
        handshake = nil
        keys = HandshakeKeys()
    }
}
