import Noise
import NoiseSodium
import TestSupport
import Testing

@testable import SecureDatagram

@Suite("What strangers may cost")
struct BudgetTests {
    typealias Budget = HandshakeBudget<WireSuite>

    private static let second: Int64 = 1_000_000_000
    private var random = SplitMix64(seed: 3)

    private mutating func message1() throws -> [UInt8] {
        let gateway = WireSuite.publicKey(of: [UInt8](repeating: 2, count: 32))
        return try Initiator<WireSuite>(
            device: DeviceNumber(5),
            keys: HandshakeKeys(privateKey: [UInt8](repeating: 1, count: 32), peerKey: gateway),
            payload: FirstPayload(counter: 1, revision: 0, request: []), ephemeral: random.bytes(32)
        ).message1
    }

    private func admit(
        _ budget: inout Budget, _ datagram: [UInt8], prefix: UInt64, address: [UInt8] = [1], now: Int64
    ) throws -> Budget.Verdict {
        let parsed = try #require(FrameHeader.parse(datagram, fromDevice: true))
        return budget.admit(datagram, parsed, prefix: prefix, address: address, now: now)
    }

    @Test("one network has its burst and then its rate, whatever others do")
    mutating func prefixes() throws {
        var budget = Budget(
            limits: .init(perPrefix: 2, prefixBurst: 5, total: 1000), random: random.bytes(32), now: 0)
        let datagram = try message1()
        for _ in 0..<5 { #expect(try admit(&budget, datagram, prefix: 1, now: 0) == .proceed) }
        #expect(try admit(&budget, datagram, prefix: 1, now: 0) == .drop)
        #expect(try admit(&budget, datagram, prefix: 2, now: 0) == .proceed)
        #expect(try admit(&budget, datagram, prefix: 1, now: Self.second / 2) == .proceed)
        #expect(try admit(&budget, datagram, prefix: 1, now: Self.second / 2) == .drop)
    }

    @Test("beyond the total a cookie is asked for in 13 bytes, and the same message with it is let through")
    mutating func cookies() throws {
        var budget = Budget(
            limits: .init(perPrefix: 1000, prefixBurst: 1000, total: 1), random: random.bytes(32), now: 0)
        var initiator = try Initiator<WireSuite>(
            device: DeviceNumber(5),
            keys: HandshakeKeys(
                privateKey: [UInt8](repeating: 1, count: 32),
                peerKey: WireSuite.publicKey(of: [UInt8](repeating: 2, count: 32))),
            payload: FirstPayload(counter: 1, revision: 0, request: [7]), ephemeral: random.bytes(32))
        #expect(try admit(&budget, initiator.message1, prefix: 1, now: 0) == .proceed)
        guard case .retry(let retry) = try admit(&budget, initiator.message1, prefix: 1, now: 0) else {
            Issue.record("no retry")
            return
        }
        #expect(retry.count == 13 && retry.count < initiator.message1.count)
        #expect(FrameHeader.parse(retry, fromDevice: false)?.header == .retry)
        let followed = initiator.follow(retry)
        let shown = try #require(followed)
        #expect(shown.count == initiator.message1.count + 8)
        #expect(try admit(&budget, shown, prefix: 1, now: 0) == .proceed)
        // The Noise message is the same, and so is what it is known by.
        let parsed = try #require(FrameHeader.parse(shown, fromDevice: true))
        let plain = try #require(FrameHeader.parse(initiator.message1, fromDevice: true))
        #expect(
            GatewayChannel<WireSuite>.hash(of: shown, parsed)
                == GatewayChannel<WireSuite>.hash(of: initiator.message1, plain))
        let keys = HandshakeKeys(
            privateKey: [UInt8](repeating: 2, count: 32),
            peerKey: WireSuite.publicKey(of: [UInt8](repeating: 1, count: 32)))
        #expect(try Responder<WireSuite>(datagram: shown, parsed: parsed, keys: keys).payload.request == [7])
        // Of another address, or changed, it is worth nothing.
        for (datagram, address) in [(shown, [2]), (Array(shown.dropLast()) + [shown[shown.count - 1] ^ 1], [1])]
            as [([UInt8], [UInt8])]
        {
            guard case .retry = try admit(&budget, datagram, prefix: 1, address: address, now: 0) else {
                Issue.record("let through")
                return
            }
        }
        // It outlives one change of the secret, not two.
        budget.renew(random.bytes(32), now: 0)
        #expect(try admit(&budget, shown, prefix: 1, now: 0) == .proceed)
        budget.renew(random.bytes(32), now: 0)
        #expect(try admit(&budget, shown, prefix: 1, now: 0) != .proceed)
    }

    @Test("a device follows two retries for a handshake, and none that answers another message")
    mutating func following() throws {
        var budget = Budget(limits: .init(total: 1), random: random.bytes(32), now: 0)
        var initiator = try Initiator<WireSuite>(
            device: DeviceNumber(5),
            keys: HandshakeKeys(
                privateKey: [UInt8](repeating: 1, count: 32),
                peerKey: WireSuite.publicKey(of: [UInt8](repeating: 2, count: 32))),
            payload: FirstPayload(counter: 1, revision: 0, request: []), ephemeral: random.bytes(32))
        _ = try admit(&budget, try message1(), prefix: 1, now: 0)
        guard case .retry(let forAnother) = try admit(&budget, try message1(), prefix: 1, now: 0),
            case .retry(let retry) = try admit(&budget, initiator.message1, prefix: 1, now: 0)
        else {
            Issue.record("no retry")
            return
        }
        let answers = [forAnother, Array(retry.dropLast()), retry, retry, retry].map { initiator.follow($0) != nil }
        #expect(answers == [false, false, true, true, false])
    }

    @Test("more networks than can be told apart are let in by the total, and forgotten when they are quiet")
    mutating func manyPrefixes() throws {
        var budget = Budget(limits: .init(total: 1_000_000), random: random.bytes(32), now: 0)
        let datagram = try message1()
        for prefix in 0..<10_000 as Range<UInt64> {
            #expect(try admit(&budget, datagram, prefix: prefix, now: 0) == .proceed)
        }
        for _ in 0..<25 { #expect(try admit(&budget, datagram, prefix: 20_000, now: 60 * Self.second) == .proceed) }
        #expect(try admit(&budget, datagram, prefix: 20_000, now: 60 * Self.second) == .drop)
    }

    @Test("a bucket fills at its rate up to its burst, and a clock that goes back gives nothing")
    func bucket() {
        var bucket = TokenBucket(rate: 4, burst: 2, now: 100)
        func take(_ times: [Int64]) -> [Bool] { times.map { bucket.take(now: $0) } }
        #expect(take([100, 100, 100, 0]) == [true, true, false, false])
        #expect(take([100 + Self.second / 4, 100 + Self.second / 4]) == [true, false])
        let later = 100 + 3600 * Self.second
        #expect(bucket.isFull(now: later) && bucket.hasToken(now: later))
        #expect(take([later, later, later]) == [true, true, false])
    }
}
