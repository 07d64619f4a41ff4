internal import Noise

/// The keys of one direction of a session. Every 1,024 numbers the key steps by REKEY (Noise section 4.2 and 11.3), at no
/// byte on the air: the epoch follows from the number.
struct EpochKeys<Suite: NoiseSuite>: Sendable {
    static var numbersPerEpoch: UInt64 { 1024 }
    /// Epochs that a number may lie ahead: 1 where it was reconstructed from few bits, 64 where it travelled whole.
    static var shortReach: UInt64 { 1 }
    static var longReach: UInt64 { 64 }

    private(set) var epoch: UInt64
    private(set) var key: CipherState<Suite>
    /// The key of the epoch before, for frames that were overtaken.
    private(set) var previousKey: CipherState<Suite>?

    init(epoch: UInt64 = 0, key: CipherState<Suite>, previousKey: CipherState<Suite>? = nil) {
        self.epoch = epoch
        self.key = key
        self.previousKey = previousKey
    }

    static func epoch(of number: UInt64) -> UInt64 { number / numbersPerEpoch }

    /// The key for `number`, nil where it is out of reach; and the keys as they stand once that number is accepted.
    func key(for number: UInt64, reach: UInt64) -> (key: CipherState<Suite>, after: EpochKeys)? {
        let wanted = Self.epoch(of: number)
        if wanted == epoch { return (key, self) }
        if wanted + 1 == epoch { return previousKey.map { ($0, self) } }
        guard wanted > epoch, wanted - epoch <= reach else { return nil }
        var stepped = self
        while stepped.epoch < wanted { stepped.step() }
        return (stepped.key, stepped)
    }

    mutating func step() {
        previousKey = key
        key = key.rekeyed()
        epoch += 1
    }
}
