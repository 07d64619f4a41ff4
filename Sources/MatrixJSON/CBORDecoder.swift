/// Builds a value a head at a time, under limits of our own: libcbor itself believes declared counts.
struct CBORDecoder {
    private var reader: CBORHeadReader
    private let limits: DocumentLimits
    private let keys: StringTable?
    private let takesIntegralFloatsAsIntegers: Bool
    private var values = 0
    /// Items that open containers still want. Each takes a byte, so more of them than bytes left means a lie or a cut.
    private var owed = 0

    /// - Parameter keys: what integers mean where keys stand; without it they are refused.
    init(
        _ bytes: [UInt8], limits: DocumentLimits, keys: StringTable? = nil, takesIntegralFloatsAsIntegers: Bool = false
    ) {
        reader = CBORHeadReader(bytes)
        self.limits = limits
        self.keys = keys
        self.takesIntegralFloatsAsIntegers = takesIntegralFloatsAsIntegers
    }

    mutating func document() throws(CBORCodecError) -> JSONValue {
        guard reader.bytes.count <= limits.maximumBytes else { throw CBORCodecError(.tooLong, at: limits.maximumBytes) }
        let value = try value(depth: 0)
        guard reader.isAtEnd else { throw CBORCodecError(.trailingBytes, at: reader.index) }
        return value
    }

    private mutating func value(depth: Int) throws(CBORCodecError) -> JSONValue {
        let start = reader.index
        values += 1
        guard values <= limits.maximumValues else { throw CBORCodecError(.tooManyValues, at: start) }
        switch try reader.token() {
        case .unsigned(let value):
            guard let value = Int64(exactly: value) else { throw CBORCodecError(.integerOutOfRange, at: start) }
            return .integer(value)
        case .negative(let complement):
            guard let value = Int64(exactly: complement) else { throw CBORCodecError(.integerOutOfRange, at: start) }
            return .integer(~value)
        case .float(let value):
            guard value.isFinite else { throw CBORCodecError(.notFinite, at: start) }
            let largest = Double(JSONValue.largestEventInteger)
            if takesIntegralFloatsAsIntegers, value.magnitude <= largest, let integer = Int64(exactly: value) {
                return .integer(integer)
            }
            return .double(value)
        case .bool(let value): return .bool(value)
        case .null: return .null
        case .text(let length): return .string(try reader.text(length: length, of: start))
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
        let left = reader.bytes.count - reader.index - owed
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
        // Keys of the table that came as integers, and those that came as text: text wins, whichever came first.
        var numbered: Set<UInt64> = []
        var spelled: Set<UInt64> = []
        for _ in 0..<count {
            let start = reader.index
            owed -= 1
            switch try reader.token() {
            case .text(let length):
                let key = try reader.text(length: length, of: start)
                owed -= 1
                let isNew = builder.set(key, try value(depth: depth + 1))
                if let number = keys?.number(of: key).map(UInt64.init) {
                    guard spelled.insert(number).inserted else { throw CBORCodecError(.duplicateKey, at: start) }
                } else if !isNew {
                    throw CBORCodecError(.duplicateKey, at: start)
                }
            case .unsigned(let number):
                guard let keys else { throw CBORCodecError(.keyNotText, at: start) }
                guard let key = keys[number] else { throw CBORCodecError(.undefinedNumber, at: start) }
                owed -= 1
                let value = try value(depth: depth + 1)
                guard numbered.insert(number).inserted else { throw CBORCodecError(.duplicateKey, at: start) }
                if !spelled.contains(number) { _ = builder.set(key, value) }
            default: throw CBORCodecError(keys == nil ? .keyNotText : .undefinedNumber, at: start)
            }
        }
        return builder.object
    }
}
