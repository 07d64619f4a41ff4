import Measuring
import Noise
import NoiseSodium

/// The handshake alone, without the channel around it.
extension ChannelBenchmark {
    private static func responder(_ ends: Ends, _ publicKey: [UInt8]?) throws -> HandshakeState<WireSuite> {
        try HandshakeState(
            pattern: .kk, role: .responder, prologue: [1], staticPrivateKey: ends.gatewayPrivateKey,
            staticPublicKey: publicKey, remoteStaticPublicKey: ends.devicePublicKey)
    }

    static func message1(_ ends: Ends) throws -> [UInt8] {
        var initiator = try HandshakeState<WireSuite>(
            pattern: .kk, role: .initiator, prologue: [1], staticPrivateKey: ends.devicePrivateKey,
            remoteStaticPublicKey: ends.gatewayPublicKey)
        return try initiator.writeMessage(
            payload: [UInt8](repeating: 7, count: 32), ephemeralPrivateKey: Sodium.randomBytes(32))
    }

    /// - Parameter secret: DH of the two static keys (ss), where it is kept between handshakes.
    static func handshakeState(_ ends: Ends, _ bare: inout Bare, secret: [UInt8]?) throws -> Measurement {
        let message1 = try message1(ends)
        let name = secret == nil ? "Noise: KK responder" : "Noise: KK responder, ss cached"
        return measure(name, bar: 1.5, exchanges: secret == nil ? 4 : 3, &bare) {
            var state = try responder(ends, ends.gatewayPublicKey)
            _ = try state.readMessage(message1) { _ in secret }
            _ = try state.writeMessage(
                payload: [UInt8](repeating: 8, count: 20), ephemeralPrivateKey: Sodium.randomBytes(32))
            return try state.split().handshakeHash.count == 32
        }
    }

    static func bogusHandshakeState(_ ends: Ends, _ bare: inout Bare, secret: [UInt8]?) throws -> Measurement {
        var bogus = try message1(ends)
        bogus[bogus.count - 1] ^= 1
        let name = secret == nil ? "Noise: bogus message 1, KK" : "Noise: bogus message 1, KK, ss cached"
        return measure(name, bar: 1.5, exchanges: secret == nil ? 2 : 1, &bare) {
            var state = try responder(ends, ends.gatewayPublicKey)
            return (try? state.readMessage(bogus) { _ in secret }) == nil
        }
    }

    /// `body` returns whether it did what it should.
    private static func measure(
        _ name: String, bar: Double, exchanges: Int, _ bare: inout Bare, _ body: () throws -> Bool
    ) -> Measurement {
        var done = 0
        let result = Measurement(
            name, bar: bar, operations: 100,
            reference: { for _ in 0..<100 * exchanges { bare.exchange() } },
            { for _ in 0..<100 where (try? body()) == true { done += 1 } })
        precondition(done == Measurement.rounds * 100)
        return result
    }
}
