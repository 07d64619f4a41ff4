internal import Noise

/// The key of one direction of a session. Every 1,024 numbers it steps by REKEY (Noise section 4.2 and 11.3), at no byte on
/// the air: the epoch follows from the number.
struct EpochKey<Suite: NoiseSuite>: Sendable {
    static var numbersPerEpoch: UInt64 { 1024 }
    /// Epochs that a number may lie ahead: 1 where it was reconstructed from few bits, 64 where it travelled whole.
    static var shortReach: UInt64 { 1 }
    static var longReach: UInt64 { 64 }

    private(set) var epoch: UInt64 = 0
    private(set) var key: CipherKey<Suite>

    static func epoch(of number: UInt64) -> UInt64 { number / numbersPerEpoch }

    /// Steps to the epoch of `number`, if that is not past.
    mutating func advance(to number: UInt64) {
        while epoch < Self.epoch(of: number) { step(to: key.rekeyed()) }
    }

    mutating func step(to next: CipherKey<Suite>) {
        key = next
        epoch += 1
    }
}

/// The keys under which frames may come in: of the current epoch, and of those beside it.
struct EpochKeys<Suite: NoiseSuite>: Sendable {
    private var current: EpochKey<Suite>
    /// The key of the epoch before, for frames that were overtaken.
    private(set) var previousKey: CipherKey<Suite>?
    /// The key of the epoch after, once a frame claimed to be of it: kept, so that forgeries do not make it again and
    /// again. It follows from `key`, and is not stored.
    private var nextKey: CipherKey<Suite>?

    init(_ current: EpochKey<Suite>, previousKey: CipherKey<Suite>? = nil) {
        self.current = current
        self.previousKey = previousKey
    }

    var epoch: UInt64 { current.epoch }
    var key: CipherKey<Suite> { current.key }

    /// The key for `number`; nil where it is out of reach.
    mutating func key(for number: UInt64, reach: UInt64) -> CipherKey<Suite>? {
        let wanted = EpochKey<Suite>.epoch(of: number)
        if wanted == epoch { return key }
        if wanted + 1 == epoch { return previousKey }
        guard wanted > epoch, wanted - epoch <= reach else { return nil }
        var found = following()
        for _ in (epoch + 1)..<wanted { found = found.rekeyed() }
        return found
    }

    /// A frame of `number` was authentic: its epoch is the current one, if it is not past.
    mutating func advance(to number: UInt64) {
        while epoch < EpochKey<Suite>.epoch(of: number) {
            previousKey = key
            current.step(to: following())
            nextKey = nil
        }
    }

    /// Nothing below `number` is accepted any more: a key that only served such frames goes.
    mutating func forgetBelow(_ number: UInt64) {
        if EpochKey<Suite>.epoch(of: number) >= epoch { previousKey = nil }
    }

    private mutating func following() -> CipherKey<Suite> {
        let next = nextKey ?? key.rekeyed()
        nextKey = next
        return next
    }
}
