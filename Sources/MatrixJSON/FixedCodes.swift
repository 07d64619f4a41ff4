/// The codes of RFC 1951 sections 3.2.5 and 3.2.6.
enum FixedCodes {
    /// Symbol from 257 on, and extra bits with their value.
    static func symbol(length: Int) -> (symbol: Int, extraBits: Int, extra: Int) {
        if length == 258 { return (285, 0, 0) }
        let value = length - 3
        guard value >= 8 else { return (257 + value, 0, 0) }
        let extraBits = Int.bitWidth - 1 - value.leadingZeroBitCount - 2
        let extra = value & (1 << extraBits - 1)
        return (257 + 4 * extraBits + value >> extraBits, extraBits, extra)
    }

    static func symbol(distance: Int) -> (symbol: Int, extraBits: Int, extra: Int) {
        let value = distance - 1
        guard value >= 4 else { return (value, 0, 0) }
        let extraBits = Int.bitWidth - 1 - value.leadingZeroBitCount - 1
        let extra = value & (1 << extraBits - 1)
        return (2 * extraBits + value >> extraBits, extraBits, extra)
    }

    static func bits(length: Int) -> Int32 {
        let (symbol, extraBits, _) = symbol(length: length)
        return Int32((symbol < 280 ? 7 : 8) + extraBits)
    }

    static func bits(distance: Int) -> Int32 {
        Int32(5 + symbol(distance: distance).extraBits)
    }
}

/// Bits from the lowest up; Huffman codes from their highest bit (RFC 1951 section 3.1.1).
struct BitWriter {
    private var bytes: [UInt8] = []
    private var held: UInt64 = 0
    private var count = 0

    mutating func write(_ value: UInt32, bits: Int) {
        held |= UInt64(value) << UInt64(count)
        count += bits
        while count >= 8 {
            bytes.append(UInt8(truncatingIfNeeded: held))
            held >>= 8
            count -= 8
        }
    }

    private mutating func code(_ value: UInt32, bits: Int) {
        var reversed: UInt32 = 0
        for bit in 0..<bits where value & (1 << UInt32(bit)) != 0 { reversed |= 1 << UInt32(bits - 1 - bit) }
        write(reversed, bits: bits)
    }

    mutating func literal(_ byte: UInt8) {
        if byte < 144 { code(0x30 + UInt32(byte), bits: 8) } else { code(0x190 + UInt32(byte) - 144, bits: 9) }
    }

    mutating func match(length: Int, distance: Int) {
        let (symbol, lengthBits, lengthExtra) = FixedCodes.symbol(length: length)
        if symbol < 280 {
            code(UInt32(symbol - 256), bits: 7)
        } else {
            code(0xC0 + UInt32(symbol - 280), bits: 8)
        }
        write(UInt32(lengthExtra), bits: lengthBits)
        let (distanceSymbol, distanceBits, distanceExtra) = FixedCodes.symbol(distance: distance)
        code(UInt32(distanceSymbol), bits: 5)
        write(UInt32(distanceExtra), bits: distanceBits)
    }

    mutating func endOfBlock() {
        write(0, bits: 7)
    }

    mutating func finished() -> [UInt8] {
        if count > 0 { bytes.append(UInt8(truncatingIfNeeded: held)) }
        return bytes
    }
}
