internal import DeviceClient
internal import Links

/// Keys, ephemerals and tokens that repeat with the seed. The one such source there is, and nothing outside this module can
/// name it: real devices and gateways have the system's generator only.
final class SeededEntropy: Entropy {
    private var stream: SeededStream

    init(seed: UInt64, purpose: UInt64) {
        stream = SeededStream(seed: seed, purpose: purpose)
    }

    /// What is drawn meanwhile is drawn again afterwards.
    func keeping(_ body: () -> Void) {
        let before = stream
        body()
        stream = before
    }

    func next32() -> [UInt8] { bytes(32) }

    func bytes(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 8)
        while bytes.count < count {
            withUnsafeBytes(of: stream.next().littleEndian) { bytes.append(contentsOf: $0) }
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }
}
