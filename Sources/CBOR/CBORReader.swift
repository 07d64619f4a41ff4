/// Reads the deterministic form that `CBORWriter` writes, from bytes that anybody may have made: bounded depth, lengths
/// checked before anything is made of them, one encoding for each value.
public struct CBORReader: Sendable {
    private let input: [UInt8]
    /// Where the next item begins.
    public private(set) var position = 0
    /// Nested arrays and maps that `skip` follows.
    public static var deepest: Int { 16 }

    public init(_ input: [UInt8]) {
        self.input = input
    }

    public var isAtEnd: Bool { position == input.count }

    /// Nothing may follow.
    public func finish() throws(CBORError) {
        guard isAtEnd else { throw .trailingBytes(at: position) }
    }

    public mutating func unsigned() throws(CBORError) -> UInt64 {
        try head(.unsigned)
    }

    public mutating func integer() throws(CBORError) -> Int64 {
        let start = position
        let (type, value) = try anyHead()
        guard value <= UInt64(Int64.max) else { throw .outOfRange(at: start) }
        switch type {
        case .unsigned: return Int64(value)
        case .negative: return -1 - Int64(value)
        default: throw .unexpectedType(at: start)
        }
    }

    public mutating func bytes() throws(CBORError) -> [UInt8] {
        Array(try string(.bytes))
    }

    public mutating func text() throws(CBORError) -> String {
        let start = position
        let slice = try string(.text)
        guard UTF8Check.isValid(slice) else { throw .invalidText(at: start) }
        // Not String(decoding:), which brings the repair of bad UTF-8 along: 10 KiB on a device.
        return String(copying: UTF8Span(unchecked: slice.span))
    }

    /// Bytes as text; nil where they are not UTF-8.
    public static func string(_ utf8: [UInt8]) -> String? {
        UTF8Check.isValid(utf8[...]) ? String(copying: UTF8Span(unchecked: utf8.span)) : nil
    }

    /// The number of items that follow; each is at least a byte, so that it cannot exceed what is left.
    public mutating func array() throws(CBORError) -> Int {
        try count(.array, bytesEach: 1)
    }

    /// The number of pairs that follow.
    public mutating func map() throws(CBORError) -> Int {
        try count(.map, bytesEach: 2)
    }

    public mutating func bool() throws(CBORError) -> Bool {
        let start = position
        let (type, value) = try anyHead()
        guard type == .simple, value == 20 || value == 21 else { throw .unexpectedType(at: start) }
        return value == 21
    }

    /// Passes over one item, with all that is in it.
    public mutating func skip() throws(CBORError) {
        try skip(depth: 0)
    }

    private mutating func skip(depth: Int) throws(CBORError) {
        let start = position
        guard depth <= Self.deepest else { throw .tooDeep(at: start) }
        let (type, value) = try anyHead()
        switch type {
        case .unsigned, .negative: break
        case .bytes, .text:
            position = start
            _ = try string(type)
        case .array, .map:
            position = start
            let items = type == .array ? try array() : try map() * 2
            for _ in 0..<items { try skip(depth: depth + 1) }
        case .simple:
            guard value >= 20, value <= 22 else { throw .unexpectedType(at: start) }
        case .tag:
            throw .unexpectedType(at: start)
        }
    }

    private mutating func count(_ type: MajorType, bytesEach: Int) throws(CBORError) -> Int {
        let start = position
        let value = try head(type)
        guard value <= UInt64((input.count - position) / bytesEach) else { throw .truncated(at: start) }
        return Int(value)
    }

    private mutating func string(_ type: MajorType) throws(CBORError) -> ArraySlice<UInt8> {
        let start = position
        let length = try head(type)
        guard length <= UInt64(input.count - position) else { throw .truncated(at: start) }
        defer { position += Int(length) }
        return input[position..<position + Int(length)]
    }

    private mutating func head(_ wanted: MajorType) throws(CBORError) -> UInt64 {
        let start = position
        let (type, value) = try anyHead()
        guard type == wanted else {
            position = start
            throw .unexpectedType(at: start)
        }
        return value
    }

    private mutating func anyHead() throws(CBORError) -> (MajorType, UInt64) {
        let start = position
        guard position < input.count, let type = MajorType(rawValue: input[position] >> 5) else {
            throw .truncated(at: start)
        }
        let short = input[position] & 0x1F
        position += 1
        guard short >= 24 else { return (type, UInt64(short)) }
        // Simple values beyond null, floats, and indefinite lengths are nothing that a device reads.
        guard short <= 27, type != .simple else { throw .unexpectedType(at: start) }
        let length = 1 << Int(short - 24)
        guard position + length <= input.count else { throw .truncated(at: start) }
        var value: UInt64 = 0
        for byte in input[position..<position + length] { value = value << 8 | UInt64(byte) }
        position += length
        let smallest: UInt64 = length == 1 ? 24 : 1 << UInt64(length * 4)
        guard value >= smallest else { throw .notShortest(at: start) }
        return (type, value)
    }
}

/// Why bytes are not what was to be read; `at` is the offset of the item.
public enum CBORError: Error, Equatable, Sendable {
    case truncated(at: Int)
    case unexpectedType(at: Int)
    case outOfRange(at: Int)
    case notShortest(at: Int)
    case invalidText(at: Int)
    case tooDeep(at: Int)
    case trailingBytes(at: Int)
}
