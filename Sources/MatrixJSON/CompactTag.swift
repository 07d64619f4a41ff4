/// What the tags of compact CBOR mean, besides those of `PackingKind` (0 to 12). They are not IANA's: the form of a message
/// says that they are these.
enum CompactTag {
    /// A string of the table of keys that stands elsewhere than as a key: its number follows.
    static let keyString: UInt64 = 13
    /// A string of the table of values for which there is no simple value any more: its number follows.
    static let valueString: UInt64 = 14
    /// A string of decimal digits: the integer follows.
    static let decimal: UInt64 = 15
    /// Milliseconds of Unix time: the difference to those before, in the order of the document.
    static let timeDifference: UInt64 = 16
    /// Text outside the compressed part: all secrets, and what else would not repeat.
    static let tailText: UInt64 = 17
    /// An identifier of this session: the integer of an `IdentifierReference` follows. Not in messages that stand alone.
    static let identifier: UInt64 = 18
    /// Milliseconds of Unix time: a byte string of five bytes follows, milliseconds since 2020, or of six, since 1970.
    static let time: UInt64 = 19
    /// An integer from 24 on as a byte string: it stands where byte strings do.
    static let packedInteger: UInt64 = 20
    /// A float as decimal: a byte string of its exponent in a byte, then its mantissa, both two's complement.
    static let decimalFloat: UInt64 = 21
    /// A value that nobody but its maker reads, by a name of the session: see `OpaqueName`.
    static let opaque: UInt64 = 22
}

/// Where a number of a table goes: the most frequent ones into a byte.
enum CompactNumber {
    /// Keys 0...23 are the integers 0...23, 24...47 are -1...-24, and so on by turns with each length of head.
    static func keyInteger(_ number: Int) -> Int64 {
        switch number {
        case 0..<24: Int64(number)
        case 24..<48: -1 - Int64(number - 24)
        case 48..<280: Int64(number - 48 + 24)
        case 280..<512: -1 - Int64(number - 280 + 24)
        default: Int64(number)
        }
    }

    static func keyNumber(_ integer: Int64) -> UInt64? {
        switch integer {
        case 0..<24: UInt64(integer)
        case -24 ... -1: UInt64(-1 - integer + 24)
        case 24..<256: UInt64(integer - 24 + 48)
        case -256 ... -25: UInt64(-1 - integer - 24 + 280)
        case 512...: UInt64(integer)
        default: nil
        }
    }

    /// Values 0...19 are the simple values of one byte that RFC 8949 leaves unassigned, 20...243 those of two bytes.
    static func simple(ofValue number: Int) -> UInt8? {
        number < 20 ? UInt8(number) : number < 244 ? UInt8(number - 20 + 32) : nil
    }

    static func value(ofSimple simple: UInt64) -> UInt64? {
        switch simple {
        case 0..<20: simple
        case 32..<256: simple - 32 + 20
        default: nil
        }
    }
}
