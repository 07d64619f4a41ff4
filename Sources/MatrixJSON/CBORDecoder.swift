import CCBOR

/// Builds a value from libcbor's stream decoder, a head at a time, under limits of our own: libcbor itself believes declared
/// counts, lets nest 2,048 deep, accepts long heads, wrong UTF-8 and lone breaks, and refuses some tags as malformed.
struct CBORDecoder {
    private let bytes: [UInt8]
    private let limits: DocumentLimits
    private var index = 0
    private var values = 0
    /// Items that open containers still want. Each takes a byte, so more of them than bytes left means a lie or a cut.
    private var owed = 0

    init(_ bytes: [UInt8], limits: DocumentLimits) {
        self.bytes = bytes
        self.limits = limits
    }

    mutating func document() throws(CBORCodecError) -> JSONValue {
        guard bytes.count <= limits.maximumBytes else { throw CBORCodecError(.tooLong, at: limits.maximumBytes) }
        let value = try value(depth: 0)
        guard index == bytes.count else { throw CBORCodecError(.trailingBytes, at: index) }
        return value
    }

    private mutating func value(depth: Int) throws(CBORCodecError) -> JSONValue {
        let start = index
        values += 1
        guard values <= limits.maximumValues else { throw CBORCodecError(.tooManyValues, at: start) }
        switch try token() {
        case .unsigned(let value):
            guard let value = Int64(exactly: value) else { throw CBORCodecError(.integerOutOfRange, at: start) }
            return .integer(value)
        case .negative(let complement):
            guard let value = Int64(exactly: complement) else { throw CBORCodecError(.integerOutOfRange, at: start) }
            return .integer(~value)
        case .float(let value):
            guard value.isFinite else { throw CBORCodecError(.notFinite, at: start) }
            return .double(value)
        case .bool(let value): return .bool(value)
        case .null: return .null
        case .text(let length): return .string(try text(length: length, of: start))
        case .array(let count):
            try open(count: count, itemsEach: 1, depth: depth, at: start)
            return .array(try array(count: count, depth: depth))
        case .map(let count):
            try open(count: count, itemsEach: 2, depth: depth, at: start)
            return .object(try object(count: count, depth: depth))
        case .byteString: throw CBORCodecError(.byteString, at: start)
        case .tag: throw CBORCodecError(.tag, at: start)
        case .undefined: throw CBORCodecError(.unsupported, at: start)
        case .indefinite, .stop: throw CBORCodecError(.indefiniteLength, at: start)
        }
    }

    private mutating func open(count: UInt64, itemsEach: Int, depth: Int, at start: Int) throws(CBORCodecError) {
        guard depth < limits.maximumDepth else { throw CBORCodecError(.tooDeep, at: start) }
        // `owed` is never above what is left, by this very check.
        let left = bytes.count - index - owed
        guard left >= 0, count <= UInt64(left / itemsEach) else { throw CBORCodecError(.truncated, at: start) }
        owed += Int(count) * itemsEach
    }

    private mutating func array(count: UInt64, depth: Int) throws(CBORCodecError) -> [JSONValue] {
        var items: [JSONValue] = []
        for _ in 0..<count {
            owed -= 1
            items.append(try value(depth: depth + 1))
        }
        return items
    }

    private mutating func object(count: UInt64, depth: Int) throws(CBORCodecError) -> JSONObject {
        var builder = JSONObjectBuilder()
        for _ in 0..<count {
            let start = index
            owed -= 1
            guard case .text(let length) = try token() else { throw CBORCodecError(.keyNotText, at: start) }
            let key = try text(length: length, of: start)
            owed -= 1
            guard builder.set(key, try value(depth: depth + 1)) else { throw CBORCodecError(.duplicateKey, at: start) }
        }
        return builder.object
    }

    /// The text whose token was just taken: it ends at `index`.
    private func text(length: UInt64, of start: Int) throws(CBORCodecError) -> String {
        guard let length = Int(exactly: length), length <= index - start else {
            throw CBORCodecError(.truncated, at: start)
        }
        guard let text = String(validating: bytes[index - length..<index], as: UTF8.self) else {
            throw CBORCodecError(.invalidUTF8, at: start)
        }
        return text
    }

    private mutating func token() throws(CBORCodecError) -> CBORToken {
        let start = index
        guard start < bytes.count else { throw CBORCodecError(.truncated, at: start) }
        // libcbor 0.8 takes the tags 6 to 20 for malformed; none is wanted here anyway.
        if bytes[start] >> 5 == 6 { throw CBORCodecError(.tag, at: start) }
        var found: CBORToken?
        var callbacks = CBORToken.callbacks
        let result = bytes.withUnsafeBufferPointer { buffer in
            withUnsafeMutablePointer(to: &found) { context in
                cbor_stream_decode(buffer.baseAddress?.advanced(by: start), buffer.count - start, &callbacks, context)
            }
        }
        // `result.required` overflows with lengths near 2^64: never looked at.
        switch result.status {
        case CBOR_DECODER_FINISHED: break
        case CBOR_DECODER_NEDATA: throw CBORCodecError(.truncated, at: start)
        default: throw CBORCodecError(.unsupported, at: start)
        }
        guard let found, result.read > 0, result.read <= bytes.count - start else {
            throw CBORCodecError(.truncated, at: start)
        }
        try check(found, read: result.read, at: start)
        index = start + result.read
        return found
    }

    private func check(_ token: CBORToken, read: Int, at start: Int) throws(CBORCodecError) {
        guard var expected = token.shortestHead else { return }
        switch token {
        case .text(let length), .byteString(let length):
            guard let length = Int(exactly: length), length <= read else { throw CBORCodecError(.truncated, at: start) }
            expected += length
        default: break
        }
        guard read == expected else { throw CBORCodecError(.nonMinimal, at: start) }
    }
}
