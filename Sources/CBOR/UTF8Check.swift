/// Whether bytes are well-formed UTF-8 (RFC 3629): no over-long forms, no surrogates, nothing above U+10FFFF. Own code,
/// since decoding repairs silently and the validating initialisers need tables that a microcontroller has no room for.
enum UTF8Check {
    static func isValid(_ bytes: ArraySlice<UInt8>) -> Bool {
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let lead = bytes[index]
            let length: Int
            var lowest: UInt8 = 0x80
            var highest: UInt8 = 0xBF
            switch lead {
            case 0x00...0x7F:
                index += 1
                continue
            case 0xC2...0xDF: length = 2
            case 0xE0:
                length = 3
                lowest = 0xA0
            case 0xED:
                length = 3
                highest = 0x9F
            case 0xE1...0xEF: length = 3
            case 0xF0:
                length = 4
                lowest = 0x90
            case 0xF4:
                length = 4
                highest = 0x8F
            case 0xF1...0xF3: length = 4
            default: return false
            }
            guard index + length <= bytes.endIndex, bytes[index + 1] >= lowest, bytes[index + 1] <= highest else {
                return false
            }
            for offset in 2..<max(2, length) where bytes[index + offset] & 0xC0 != 0x80 { return false }
            index += length
        }
        return true
    }
}
