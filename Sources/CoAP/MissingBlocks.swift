/// The numbers of missing blocks as they travel: application/missing-blocks+cbor-seq (RFC 9177 section 5), unsigned integers
/// of CBOR one behind the other, rising.
public enum MissingBlocks {
    /// Its Content-Format.
    public static var contentFormat: UInt64 { 272 }
    /// Numbers that are read of one report: as many as the largest message holds would be an attack.
    static var most: Int { 256 }

    public static func encoded(_ numbers: [UInt32]) -> [UInt8] {
        var bytes: [UInt8] = []
        for number in numbers {
            switch number {
            case 0..<24:
                bytes.append(UInt8(number))
            case 24..<256:
                bytes += [24, UInt8(number)]
            case 256..<65_536:
                bytes += [25, UInt8(number >> 8), UInt8(number & 0xFF)]
            default:
                bytes += [26, UInt8(number >> 24), UInt8(number >> 16 & 0xFF), UInt8(number >> 8 & 0xFF)]
                bytes.append(UInt8(number & 0xFF))
            }
        }
        return bytes
    }

    /// nil where it is none: another type, a number that no block has, something cut short.
    public static func decoded(_ bytes: [UInt8]) -> [UInt32]? {
        var numbers: [UInt32] = []
        var position = 0
        while position < bytes.count {
            let first = bytes[position]
            position += 1
            var width = 0
            switch first {
            case 0..<24: break
            case 24: width = 1
            case 25: width = 2
            case 26: width = 4
            default: return nil
            }
            guard position + width <= bytes.count, numbers.count < most else { return nil }
            var number = width == 0 ? UInt32(first) : 0
            for byte in bytes[position..<position + width] { number = number << 8 | UInt32(byte) }
            guard number < BlockOption.mostBlocks else { return nil }
            numbers.append(number)
            position += width
        }
        return numbers
    }
}
