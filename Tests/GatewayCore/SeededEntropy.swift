import DeviceClient
import Links

/// Repeatable keys: a world and its seed are the same thing. A class, so that a machine made anew draws on.
final class SeededEntropy: Entropy {
    private var stream: SeededStream
    /// Drawn first.
    var prepared: [[UInt8]] = []

    init(seed: UInt64, purpose: UInt64) {
        stream = SeededStream(seed: seed, purpose: purpose)
    }

    func next32() -> [UInt8] {
        prepared.isEmpty ? bytes(32) : prepared.removeFirst()
    }

    func bytes(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            withUnsafeBytes(of: stream.next().littleEndian) { bytes.append(contentsOf: $0) }
        }
        return Array(bytes.prefix(count))
    }
}
