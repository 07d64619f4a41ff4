/// Writes a JSON text as compact CBOR of a message of no session, in one pass over its bytes, without building its values.
///
/// It judges nothing: a text that is not to be carried, an object that may have a key twice, an integer of nineteen digits are
/// `Unusual` and left to `JSONValue(parsing:)`, which says why not, or to the encoding of the value that comes of it.
struct JSONToCompact {
    struct Unusual: Error {}

    private let bytes: [UInt8]
    /// The same, valid as long as `encode` runs. Every index is compared with its count.
    private let input: UnsafeBufferPointer<UInt8>
    private let limits: DocumentLimits
    private var index = 0
    private var values = 0
    private var encoder: CompactEncoder
    /// Hashes of the keys of all open objects.
    private var keys: [UInt64] = []

    /// nil: unusual.
    static func encode(_ bytes: [UInt8], splits: Bool, limits: DocumentLimits) -> CompactEncoder? {
        guard bytes.count <= limits.maximumBytes else { return nil }
        return bytes.withUnsafeBufferPointer { input in
            var pass = JSONToCompact(bytes, input, splits: splits, limits)
            do throws(Unusual) { try pass.document() } catch { return nil }
            return pass.encoder
        }
    }

    private init(_ bytes: [UInt8], _ input: UnsafeBufferPointer<UInt8>, splits: Bool, _ limits: DocumentLimits) {
        self.bytes = bytes
        self.input = input
        self.limits = limits
        encoder = CompactEncoder(splits: splits)
        encoder.reserveCapacity(bytes.count)
    }

    private mutating func document() throws(Unusual) {
        skipSpace()
        try value(depth: 0, isSecret: false)
        skipSpace()
        guard index == input.count else { throw Unusual() }
    }

    private var next: UInt8? { index < input.count ? input[index] : nil }

    private mutating func value(depth: Int, isSecret: Bool) throws(Unusual) {
        values += 1
        guard values <= limits.maximumValues, let byte = next else { throw Unusual() }
        switch byte {
        case UInt8(ascii: "\""): try string { encoder, utf8 in encoder.writeValue(utf8, isSecret: isSecret) }
        case UInt8(ascii: "{"): try object(depth: depth)
        case UInt8(ascii: "["): try array(depth: depth)
        case UInt8(ascii: "t"): try word("true", true)
        case UInt8(ascii: "f"): try word("false", false)
        case UInt8(ascii: "n"): try word("null", nil)
        default: try number()
        }
    }

    private mutating func object(depth: Int) throws(Unusual) {
        guard depth < limits.maximumDepth else { throw Unusual() }
        index += 1
        skipSpace()
        let head = encoder.openHead(isMap: true)
        let firstKey = keys.count
        if !taken(UInt8(ascii: "}")) {
            while true {
                guard next == UInt8(ascii: "\"") else { throw Unusual() }
                var isSecret = false
                var hash: UInt64 = 0
                try string { encoder, utf8 in
                    hash = ContentHash.of(utf8)
                    isSecret = encoder.writeKey(utf8, hash: hash)
                }
                keys.append(hash)
                skipSpace()
                guard taken(UInt8(ascii: ":")) else { throw Unusual() }
                skipSpace()
                try value(depth: depth + 1, isSecret: isSecret)
                skipSpace()
                if taken(UInt8(ascii: "}")) { break }
                guard taken(UInt8(ascii: ",")) else { throw Unusual() }
                skipSpace()
            }
        }
        encoder.closeHead(head, count: keys.count - firstKey)
        if ContentHash.hasDuplicates(&keys, from: firstKey) { throw Unusual() }
        keys.removeLast(keys.count - firstKey)
    }

    private mutating func array(depth: Int) throws(Unusual) {
        guard depth < limits.maximumDepth else { throw Unusual() }
        index += 1
        skipSpace()
        let head = encoder.openHead(isMap: false)
        var count = 0
        if !taken(UInt8(ascii: "]")) {
            while true {
                count += 1
                try value(depth: depth + 1, isSecret: false)
                skipSpace()
                if taken(UInt8(ascii: "]")) { break }
                guard taken(UInt8(ascii: ",")) else { throw Unusual() }
                skipSpace()
            }
        }
        encoder.closeHead(head, count: count)
    }

    private mutating func word(_ word: StaticString, _ value: Bool?) throws(Unusual) {
        for offset in 0..<word.utf8CodeUnitCount {
            guard taken(word.utf8Start[offset]) else { throw Unusual() }
        }
        encoder.writeSimple(value)
    }

    /// The string whose opening quotation mark stands at `index`.
    private mutating func string(
        _ write: (inout CompactEncoder, UnsafeBufferPointer<UInt8>) -> Void
    ) throws(Unusual) {
        let start = index + 1
        var end = start
        var all: UInt8 = 0
        while end < input.count {
            let byte = input[end]
            if byte == UInt8(ascii: "\"") { break }
            guard byte >= 0x20 else { throw Unusual() }
            if byte == UInt8(ascii: "\\") { return try escapedString(write) }
            all |= byte
            end += 1
        }
        guard end < input.count else { throw Unusual() }
        let content = UnsafeBufferPointer(rebasing: input[start..<end])
        if all >= 0x80, String(validating: content, as: UTF8.self) == nil { throw Unusual() }
        index = end + 1
        write(&encoder, content)
    }

    private mutating func escapedString(
        _ write: (inout CompactEncoder, UnsafeBufferPointer<UInt8>) -> Void
    ) throws(Unusual) {
        var parser = JSONParser(bytes, limits: limits)
        parser.index = index
        var text: String
        do throws(JSONError) { text = try parser.string() } catch { throw Unusual() }
        index = parser.index
        text.withUTF8 { write(&encoder, $0) }
    }

    private mutating func number() throws(Unusual) {
        let start = index
        let isNegative = taken(UInt8(ascii: "-"))
        let digits = index
        var value: Int64 = 0
        while let byte = next, byte &- UInt8(ascii: "0") < 10 {
            value = value &* 10 &+ Int64(byte &- UInt8(ascii: "0"))
            index += 1
        }
        let count = index - digits
        guard count > 0, count < 19, count == 1 || input[digits] != UInt8(ascii: "0") else { throw Unusual() }
        switch next {
        case UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"):
            var parser = JSONParser(bytes, limits: limits)
            parser.index = start
            do throws(JSONError) {
                if case .double(let value) = try parser.number() { encoder.writeDouble(value) }
            } catch { throw Unusual() }
            index = parser.index
        default: encoder.writeInteger(isNegative ? -value : value)
        }
    }

    private mutating func taken(_ byte: UInt8) -> Bool {
        guard index < input.count, input[index] == byte else { return false }
        index += 1
        return true
    }

    private mutating func skipSpace() {
        while index < input.count {
            switch input[index] {
            case 0x20, 0x09, 0x0A, 0x0D: index += 1
            default: return
            }
        }
    }
}
