import Measuring
import Noise
import NoiseSodium

/// The handshake alone, without the channel around it.
extension ChannelBenchmark {
    static func responder(_ ends: Ends) throws -> HandshakeState<WireSuite> {
        try HandshakeState(
            pattern: .kk, role: .responder, prologue: [1], staticPrivateKey: ends.gatewayPrivateKey,
            remoteStaticPublicKey: ends.devicePublicKey)
    }

    static func message1(_ ends: Ends) throws -> [UInt8] {
        var initiator = try HandshakeState<WireSuite>(
            pattern: .kk, role: .initiator, prologue: [1], staticPrivateKey: ends.devicePrivateKey,
            remoteStaticPublicKey: ends.gatewayPublicKey)
        return try initiator.writeMessage(
            payload: [UInt8](repeating: 7, count: 32), ephemeralPrivateKey: Sodium.randomBytes(32))
    }

    static func handshakeState(_ ends: Ends, _ bare: inout Bare) throws -> Measurement {
        let message1 = try message1(ends)
        let result = try measure("Noise: KK responder", bar: 1.5, exchanges: 4, &bare) {
            var state = try responder(ends)
            _ = try state.readMessage(message1)
            _ = try state.writeMessage(
                payload: [UInt8](repeating: 8, count: 20), ephemeralPrivateKey: Sodium.randomBytes(32))
            return try state.split().handshakeHash.count == 32
        }
        return result
    }

    static func bogusHandshakeState(_ ends: Ends, _ bare: inout Bare) throws -> Measurement {
        var bogus = try message1(ends)
        bogus[bogus.count - 1] ^= 1
        return try measure("Noise: bogus message 1, KK", bar: 1.5, exchanges: 1, &bare) {
            var state = try responder(ends)
            return (try? state.readMessage(bogus)) == nil
        }
    }

    /// `body` returns whether it did what it should.
    private static func measure(
        _ name: String, bar: Double, exchanges: Int, _ bare: inout Bare, _ body: () throws -> Bool
    ) throws -> Measurement {
        var done = 0
        let result = Measurement(
            name, bar: bar, operations: 100,
            reference: { for _ in 0..<100 * exchanges { bare.exchange() } },
            { for _ in 0..<100 where (try? body()) == true { done += 1 } })
        precondition(done == 12 * 100)
        return result
    }
}
