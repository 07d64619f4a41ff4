/// Which alphabets characters belong to, and what each stands for in base64 and hexadecimal digits.
struct CharacterClasses: OptionSet {
    let rawValue: UInt8

    static let digit = CharacterClasses(rawValue: 1)
    /// `a` to `f`.
    static let hexLower = CharacterClasses(rawValue: 2)
    /// `A` to `F`.
    static let hexUpper = CharacterClasses(rawValue: 4)
    /// `g` to `z`.
    static let lower = CharacterClasses(rawValue: 8)
    /// `G` to `Z`.
    static let upper = CharacterClasses(rawValue: 16)
    /// `+` and `/`.
    static let standard = CharacterClasses(rawValue: 32)
    /// `-` and `_`.
    static let url = CharacterClasses(rawValue: 64)
    static let other = CharacterClasses(rawValue: 128)

    /// Of all characters together; `other` as soon as one has no alphabet.
    static func of(_ bytes: some Collection<UInt8>) -> CharacterClasses {
        let classes = Self.classes
        var all: UInt8 = 0
        for byte in bytes {
            all |= classes[Int(byte)]
            if all >= 128 { break }
        }
        return CharacterClasses(rawValue: all)
    }

    private static let classes: [UInt8] = (0...255).map { (byte: UInt8) in
        let found: CharacterClasses =
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): .digit
            case UInt8(ascii: "a")...UInt8(ascii: "f"): .hexLower
            case UInt8(ascii: "A")...UInt8(ascii: "F"): .hexUpper
            case UInt8(ascii: "g")...UInt8(ascii: "z"): .lower
            case UInt8(ascii: "G")...UInt8(ascii: "Z"): .upper
            case UInt8(ascii: "+"), UInt8(ascii: "/"): .standard
            case UInt8(ascii: "-"), UInt8(ascii: "_"): .url
            default: .other
            }
        return found.rawValue
    }
}
