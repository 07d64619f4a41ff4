/// Writes integers of any width, the highest bit first, and fills the last byte up with zeros.
struct BitWriter {
    private(set) var bytes: [UInt8] = []
    private var free = 0

    mutating func write(_ value: UInt64, bits: Int) {
        var left = bits
        while left > 0 {
            if free == 0 {
                bytes.append(0)
                free = 8
            }
            let taken = min(left, free)
            let part = value >> UInt64(left - taken) & (1 << UInt64(taken) - 1)
            bytes[bytes.count - 1] |= UInt8(truncatingIfNeeded: part << UInt64(free - taken))
            left -= taken
            free -= taken
        }
    }
}

/// Reads what `BitWriter` wrote; the owner has checked that there is enough of it.
struct BitReader {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Bits beyond the end are zero.
    mutating func read(bits: Int) -> UInt64 {
        var value: UInt64 = 0
        for _ in 0..<bits {
            let byte = position / 8 < bytes.count ? bytes[position / 8] : 0
            value = value << 1 | UInt64(byte >> UInt8(7 - position % 8) & 1)
            position += 1
        }
        return value
    }

    /// Whether nothing but fill is left.
    var restIsZero: Bool {
        var rest = self
        return rest.read(bits: max(0, bytes.count * 8 - position)) == 0
    }
}
