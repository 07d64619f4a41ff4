/// Writes CBOR (RFC 8949) in its deterministic form: shortest heads, definite lengths (section 4.2.1).
public struct CBORWriter: Sendable {
    public private(set) var bytes: [UInt8] = []

    public init() {}

    public mutating func unsigned(_ value: UInt64) {
        head(.unsigned, value)
    }

    public mutating func integer(_ value: Int64) {
        if value >= 0 { head(.unsigned, UInt64(value)) } else { head(.negative, UInt64(-1 - value)) }
    }

    public mutating func bytes(_ value: [UInt8]) {
        head(.bytes, UInt64(value.count))
        bytes.append(contentsOf: value)
    }

    public mutating func text(_ value: String) {
        // Not append(contentsOf:), which brings along what indexes text that is stored as UTF-16.
        let utf8 = value.utf8.span
        head(.text, UInt64(utf8.count))
        for index in utf8.indices { bytes.append(utf8[index]) }
    }

    /// The head of an array; its items follow.
    public mutating func array(_ count: Int) {
        head(.array, UInt64(count))
    }

    /// The head of a map; its keys and values follow in turn.
    public mutating func map(_ count: Int) {
        head(.map, UInt64(count))
    }

    public mutating func bool(_ value: Bool) {
        bytes.append(value ? 0xF5 : 0xF4)
    }

    public mutating func null() {
        bytes.append(0xF6)
    }

    /// Items that are encoded already.
    public mutating func raw(_ encoded: [UInt8]) {
        bytes.append(contentsOf: encoded)
    }

    private mutating func head(_ type: MajorType, _ value: UInt64) {
        let major = type.rawValue << 5
        var length: Int
        switch value {
        case 0..<24:
            bytes.append(major | UInt8(value))
            return
        case 24...0xFF: length = 1
        case 0x100...0xFFFF: length = 2
        case 0x1_0000...0xFFFF_FFFF: length = 4
        default: length = 8
        }
        bytes.append(major | (length == 1 ? 24 : length == 2 ? 25 : length == 4 ? 26 : 27))
        while length > 0 {
            length -= 1
            bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(length * 8)))
        }
    }
}

/// The major types of RFC 8949 section 3.1.
enum MajorType: UInt8, Sendable {
    case unsigned, negative, bytes, text, array, map, tag, simple
}
