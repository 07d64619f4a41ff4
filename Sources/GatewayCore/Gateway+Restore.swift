internal import Noise
internal import SecureDatagram

extension DeviceRecord {
    /// The counter of a device after a restore: handshakes that were taken since the backup are forgotten, so that no
    /// counter of a message 1 shows that it is new. A device's own counter never comes near it.
    public static var untrustedCounter: UInt64 { .max }

    /// Whether the device has yet to prove, by using a session made since the restore, which counter is its newest.
    public var awaitsHandshake: Bool { handshakeCounter == Self.untrustedCounter }
}

extension Gateway {
    /// The counter that a device is told of when its own is not above ours. One that is not trusted would exhaust the
    /// device's counter: it is told of its own.
    static func staleCounter(_ channel: GatewayChannel<Suite>, told counter: UInt64) -> UInt64 {
        channel.handshakeCounter == DeviceRecord.untrustedCounter ? counter : channel.handshakeCounter
    }

    /// A frame in a session that a stale handshake made proves that the handshake was the device's own and its newest: only
    /// the device has the ephemeral key of that message 1. After a restore its counter is the one to trust from here on,
    /// and every message 1 of before stays refused.
    func trustCounter(of device: inout Device) {
        guard device.record.awaitsHandshake, let counter = device.claimedCounter else { return }
        device.claimedCounter = nil
        device.channel.trust(counter: counter)
        device.record.handshakeCounter = counter
        device.recordChanged = true
        note(.info, "the first handshake since the restore is done", device: device.record.number)
    }
}
