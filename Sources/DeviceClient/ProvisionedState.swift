public import Noise
internal import SecureDatagram

/// The first state of a device whose session was made for it, and what a state tells of its session.
public enum ProvisionedState {
    /// - Parameter session: as the gateway encoded it; a secret, to be used once.
    public static func begin<Suite: NoiseSuite>(
        with session: [UInt8], _ suite: Suite.Type
    ) throws(DeviceStateError) -> [UInt8] {
        guard let decoded = Session<Suite>(decoding: session), decoded.role == .device else { throw .unreadable }
        var snapshot = DeviceSnapshot()
        snapshot.session = session
        return snapshot.encoded
    }

    /// What names the session in a state, and its device; nil: there is none in it.
    public static func session<Suite: NoiseSuite>(
        in state: [UInt8], _ suite: Suite.Type
    ) throws(DeviceStateError) -> (id: [UInt8], device: UInt32)? {
        guard let bytes = try DeviceSnapshot(decoding: state).session else { return nil }
        guard let decoded = Session<Suite>(decoding: bytes) else { throw .unreadable }
        return (decoded.id, decoded.device.rawValue)
    }
}
