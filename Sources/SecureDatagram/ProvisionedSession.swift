public import Noise

extension Session {
    /// Both ends of a session that needs no handshake on the air: the handshake (Noise NN) takes place here, and each end is
    /// carried to its place.
    ///
    /// Such a session cannot be made anew by its device, which needs no X25519 and no hash. It is forward secret from its
    /// last epoch only, and does not heal after a compromise.
    ///
    /// - Parameter ephemerals: two times 32 random bytes, never used before.
    public static func provision(
        for device: DeviceNumber, ephemerals: (device: [UInt8], gateway: [UInt8])
    ) throws(NoiseError) -> (device: Session, gateway: Session) {
        let prologue = HandshakeKind.label + [0] + device.encoded
        var initiator = try HandshakeState<Suite>(pattern: .nn, role: .initiator, prologue: prologue)
        var responder = try HandshakeState<Suite>(pattern: .nn, role: .responder, prologue: prologue)
        _ = try responder.readMessage(
            try initiator.writeMessage(payload: [], ephemeralPrivateKey: ephemerals.device))
        _ = try initiator.readMessage(
            try responder.writeMessage(payload: [], ephemeralPrivateKey: ephemerals.gateway))
        return (
            Session(initiator: try initiator.split(), device: device),
            Session(responder: try responder.split(), device: device)
        )
    }

    /// The device's end of an ended handshake.
    init(initiator keys: HandshakeState<Suite>.Keys, device: DeviceNumber) {
        self.init(
            id: keys.handshakeHash, role: .device, device: device, sending: keys.initiatorToResponder.key,
            receiving: keys.responderToInitiator.key)
    }

    /// The gateway's end of an ended handshake.
    init(responder keys: HandshakeState<Suite>.Keys, device: DeviceNumber) {
        self.init(
            id: keys.handshakeHash, role: .gateway, device: device, sending: keys.responderToInitiator.key,
            receiving: keys.initiatorToResponder.key)
    }
}
