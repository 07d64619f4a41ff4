public import Noise

/// The datagram by which a gateway that has lost its sessions tells a device so: kind, 4 bytes of the hash of the frame that
/// it answers. Not authenticated: there is no key for it.
public enum Hint {
    public static func write<Suite: NoiseSuite>(answering frame: [UInt8], _ suite: Suite.Type) -> [UInt8] {
        [FrameHeader.hintForm] + Suite.hash(frame).prefix(Retry.echoLength)
    }

    /// Whether `hint` answers `frame`.
    public static func answers<Suite: NoiseSuite>(_ hint: [UInt8], _ frame: [UInt8], _ suite: Suite.Type) -> Bool {
        hint == write(answering: frame, suite)
    }
}
