public import Noise

/// What the handshakes of strangers may cost: so many from one network, so many in all. Beyond that a sender has to show
/// that it receives what is sent to its address, by a cookie that the gateway need not remember.
public struct HandshakeBudget<Suite: NoiseSuite>: Sendable {
    public struct Limits: Equatable, Sendable {
        /// A second, from one IPv4 address or IPv6 /64.
        public var perPrefix: Int64
        public var prefixBurst: Int64
        /// A second, from everybody who has shown no cookie.
        public var total: Int64

        public init(perPrefix: Int64 = 20, prefixBurst: Int64 = 25, total: Int64 = 2000) {
            self.perPrefix = perPrefix
            self.prefixBurst = prefixBurst
            self.total = total
        }
    }

    public enum Verdict: Equatable, Sendable {
        case proceed
        /// Too many from this network.
        case drop
        /// Too many in all: this goes back instead of a handshake.
        case retry([UInt8])
    }

    /// Nanoseconds for which a secret makes cookies; they are accepted for as long again.
    private static var secretLifetime: Int64 { 120_000_000_000 }
    private static var mostPrefixes: Int { 4096 }

    private let limits: Limits
    private var total: TokenBucket
    private var prefixes: [UInt64: TokenBucket] = [:]
    private var secrets: (current: [UInt8], before: [UInt8])
    private var secretMadeAt: Int64

    /// - Parameter random: 32 unpredictable bytes.
    public init(limits: Limits, random: [UInt8], now: Int64) {
        self.limits = limits
        total = TokenBucket(rate: limits.total, burst: limits.total, now: now)
        secrets = (random, random)
        secretMadeAt = now
    }

    /// Whether the time has come for `renew`.
    public func wantsSecret(now: Int64) -> Bool { now - secretMadeAt >= Self.secretLifetime }

    /// Takes a new secret for cookies, 32 unpredictable bytes.
    public mutating func renew(_ random: [UInt8], now: Int64) {
        secrets = (random, secrets.current)
        secretMadeAt = now
    }

    /// Decides on a message 1 before it costs anything.
    ///
    /// - Parameters:
    ///   - prefix: stands for the network that it comes from.
    ///   - address: the source address and port.
    public mutating func admit(
        _ datagram: [UInt8], _ parsed: FrameHeader.Parsed, prefix: UInt64, address: [UInt8], now: Int64
    ) -> Verdict {
        guard takeFromPrefix(prefix, now: now) else { return .drop }
        if total.hasToken(now: now) {
            _ = total.take(now: now)
            return .proceed
        }
        let message = parsed.handshakeMessage(in: datagram)
        if let shown = parsed.cookie(in: datagram) {
            for secret in [secrets.current, secrets.before] where cookie(secret, address, message) == shown {
                return .proceed
            }
        }
        return .retry(Retry.write(answering: Suite.hash(message), cookie: cookie(secrets.current, address, message)))
    }

    private func cookie(_ secret: [UInt8], _ address: [UInt8], _ message: [UInt8]) -> [UInt8] {
        Array(Suite.hmac(key: secret, address + message.prefix(32)).prefix(Retry.cookieLength))
    }

    private mutating func takeFromPrefix(_ prefix: UInt64, now: Int64) -> Bool {
        if prefixes[prefix] == nil, prefixes.count >= Self.mostPrefixes {
            prefixes = prefixes.filter { !$0.value.isFull(now: now) }
            // More networks at once than can be told apart: the total alone limits the new ones.
            guard prefixes.count < Self.mostPrefixes else { return true }
        }
        return prefixes[
            prefix, default: TokenBucket(rate: limits.perPrefix, burst: limits.prefixBurst, now: now)
        ].take(now: now)
    }
}
