public import SecureDatagram

/// What a device knows before it first speaks.
public struct DeviceIdentity: Sendable {
    /// The number that the gateway gave it.
    public var number: DeviceNumber
    /// X25519, 32 bytes; never leaves the device.
    public var privateKey: [UInt8]
    /// The gateway's public key, 32 bytes.
    public var gatewayKey: [UInt8]

    public init(number: DeviceNumber, privateKey: [UInt8], gatewayKey: [UInt8]) {
        self.number = number
        self.privateKey = privateKey
        self.gatewayKey = gatewayKey
    }
}
