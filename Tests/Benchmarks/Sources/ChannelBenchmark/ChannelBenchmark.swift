import CMalloc
import Measuring
import Noise
import NoiseSodium
import SecureDatagram

/// What the secure channel costs beside libsodium's own primitives. Scripts/bench channel runs it.
@main
struct ChannelBenchmark {
    static func main() throws {
        var bare = Bare()
        let ends = Ends()
        let secret = WireSuite.sharedSecret(privateKey: ends.gatewayPrivateKey, publicKey: ends.devicePublicKey)
        let all = [
            try handshake(ends, &bare, isSecretKept: false), try handshake(ends, &bare, isSecretKept: true),
            try handshakeState(ends, &bare, secret: nil),
            try handshakeState(ends, &bare, secret: secret), try frames(ends, &bare), cipherStates(&bare),
            forgedCiphertext(&bare), try forged(ends, &bare), try forgedInThree(ends, &bare),
            try bogusMessage1(ends, &bare),
            try bogusHandshakeState(ends, &bare, secret: nil), try bogusHandshakeState(ends, &bare, secret: secret),
            try bogusEnrolment(ends, &bare), try idleSession(ends, after: 3), try idleSession(ends, after: 1500),
        ]
        Report.print(all, asJSON: CommandLine.arguments.contains("--json"))
    }

    /// Message 1 read, message 2 written, keys split: es, ss (kept or not), ee, se, and the ephemeral key besides.
    static func handshake(_ ends: Ends, _ bare: inout Bare, isSecretKept: Bool) throws -> Measurement {
        let message1 = try ends.message1()
        let exchanges = isSecretKept ? 3 : 4
        var bytes = 0
        let result = Measurement(
            isSecretKept ? "KK responder, ss cached" : "KK responder", bar: 1.5, operations: 50,
            reference: { for _ in 0..<50 * exchanges { bare.exchange() } },
            {
                for _ in 0..<50 {
                    bytes += (try? ends.respond(to: message1, isSecretKept: isSecretKept))?.message2.count ?? 0
                }
            })
        precondition(bytes == 50 * Measurement.rounds * (1 + 32 + 1 + 20 + 16))
        return result
    }

    /// 32 bytes from the device to the gateway: sealed by one session, opened by the other.
    static func frames(_ ends: Ends, _ bare: inout Bare) throws -> Measurement {
        var (device, gateway) = try ends.session()
        let plaintext = [UInt8](repeating: 7, count: 32)
        var opened = 0
        let result = Measurement(
            "session: seal and open of 32 bytes", bar: 2, operations: 2000,
            reference: {
                for _ in 0..<2000 {
                    bare.seal()
                    precondition(bare.open())
                }
            },
            {
                for _ in 0..<2000 {
                    guard let frame = try? device.seal(plaintext),
                        let parsed = FrameHeader.parse(frame.bytes, fromDevice: true),
                        case .fresh? = try? gateway.open(frame.bytes, parsed)
                    else { continue }
                    device.confirm(frame.number)
                    opened += 1
                }
            })
        precondition(opened == Measurement.rounds * 2000)
        return result
    }

    /// The same without a session around it.
    static func cipherStates(_ bare: inout Bare) -> Measurement {
        let state = CipherKey<WireSuite>(Sodium.randomBytes(32))
        let plaintext = [UInt8](repeating: 7, count: 32)
        var number: UInt64 = 0
        return Measurement(
            "Noise: seal and open of 32 bytes", operations: 2000,
            reference: {
                for _ in 0..<2000 {
                    bare.seal()
                    precondition(bare.open())
                }
            },
            {
                for _ in 0..<2000 {
                    number += 1
                    precondition(state.open(state.seal(plaintext, number: number)[...], number: number) != nil)
                }
            })
    }

    static func forgedCiphertext(_ bare: inout Bare) -> Measurement {
        let state = CipherKey<WireSuite>(Sodium.randomBytes(32))
        let forgery = [UInt8](repeating: 7, count: 48)
        bare.seal()
        bare.damage()
        return Measurement(
            "Noise: forged message", bar: 3, operations: 2000,
            reference: { for _ in 0..<2000 { precondition(!bare.open()) } },
            { for _ in 0..<2000 { precondition(state.open(forgery[...], number: 1) == nil) } })
    }

    /// Rejects `forgery` again and again.
    private static func rejection(
        _ name: String, bar: Double, _ ends: Ends, _ bare: inout Bare, _ channel: Channel, _ forgery: [UInt8]
    ) -> Measurement {
        var channel = channel
        var refused = 0
        bare.seal()
        bare.damage()
        let result = Measurement(
            name, bar: bar, operations: 2000,
            reference: { for _ in 0..<2000 { precondition(!bare.open()) } },
            {
                for _ in 0..<2000 {
                    if case .dropped(.forged) = ends.receive(forgery, by: &channel) { refused += 1 }
                }
            })
        precondition(refused == Measurement.rounds * 2000)
        return result
    }

    static func forged(_ ends: Ends, _ bare: inout Bare) throws -> Measurement {
        let ready = try ends.session(after: 3)
        var device = ready.device
        // In the short form, which costs a second opening, in the window of numbers that follows.
        var forgery = try device.seal([UInt8](repeating: 7, count: 32)).bytes
        forgery[forgery.count - 1] ^= 1
        return rejection(
            "forged frame, one session", bar: 3, ends, &bare, ends.channel([(.current, ready.gateway)]), forgery)
    }

    /// Three sessions that stand shortly before the end of their first epoch, and a frame of the next one.
    static func forgedInThree(_ ends: Ends, _ bare: inout Bare) throws -> Measurement {
        let sessions = try (0..<3).map { _ in try ends.session(after: 1020).gateway }
        let channel = ends.channel([(.current, sessions[0]), (.next, sessions[1]), (.previous, sessions[2])])
        let number: UInt64 = 1030
        let forgery = [0b1100_0000 | UInt8(number & 0x3F), 5] + [UInt8](repeating: 9, count: 48)
        return rejection("forged frame, three sessions and an epoch step", bar: 6, ends, &bare, channel, forgery)
    }

    static func bogusMessage1(_ ends: Ends, _ bare: inout Bare) throws -> Measurement {
        var bogus = try ends.message1()
        bogus[bogus.count - 1] ^= 1
        var channel = ends.channel()
        var refused = 0
        let result = Measurement(
            "bogus message 1, KK", bar: 1.5, operations: 100,
            reference: { for _ in 0..<100 { bare.exchange() } },
            {
                for _ in 0..<100 {
                    if case .dropped(.forged) = ends.receive(bogus, by: &channel) { refused += 1 }
                }
            })
        precondition(refused == Measurement.rounds * 100)
        return result
    }

    /// Message 1 of an enrolment from somebody who knows the gateway's public key: es, and the first tag is wrong.
    static func bogusEnrolment(_ ends: Ends, _ bare: inout Bare) throws -> Measurement {
        var bogus = try ends.enrolmentMessage1()
        bogus[40] ^= 1
        var refused = 0
        let result = Measurement(
            "bogus message 1, IK", bar: 1.5, operations: 100,
            reference: { for _ in 0..<100 { bare.exchange() } },
            { for _ in 0..<100 where !ends.reads(enrolment: bogus) { refused += 1 } })
        precondition(refused == Measurement.rounds * 100)
        let genuine = try ends.enrolmentMessage1()
        precondition(ends.reads(enrolment: genuine))
        return result
    }

    /// What a session at rest occupies: its value and what it holds on the heap, as malloc counts it.
    static func idleSession(_ ends: Ends, after frames: Int) throws -> Measurement {
        let stored = try ends.session(after: frames).gateway.encoded()
        let count = 20_000
        var sessions: [Session<WireSuite>] = []
        let atStart = mallinfo2().uordblks + mallinfo2().hblkhd
        sessions.reserveCapacity(count)
        for _ in 0..<count { if let session = Session<WireSuite>(decoding: stored) { sessions.append(session) } }
        let atEnd = mallinfo2().uordblks + mallinfo2().hblkhd
        precondition(sessions.count == count)
        return Measurement(
            "idle session after \(frames) frames", bytes: Double(atEnd - atStart) / Double(count), most: 512)
    }
}
