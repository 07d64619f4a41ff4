/// One pass over a JSON text.
struct JSONParser {
    let bytes: [UInt8]
    private let limits: DocumentLimits
    var index = 0
    private var values = 0

    init(_ bytes: [UInt8], limits: DocumentLimits) {
        self.bytes = bytes
        self.limits = limits
    }

    mutating func document() throws(JSONError) -> JSONValue {
        guard bytes.count <= limits.maximumBytes else { throw fault(.tooLong, at: limits.maximumBytes) }
        skipSpace()
        let value = try value(depth: 0)
        skipSpace()
        guard index == bytes.count else { throw fault(.trailingBytes, at: index) }
        return value
    }

    func fault(_ reason: JSONError.Reason, at offset: Int) -> JSONError {
        JSONError(reason, in: bytes, at: offset)
    }

    /// What stands at `index` should not.
    func unexpected() -> JSONError {
        index < bytes.count ? fault(.unexpectedByte(bytes[index]), at: index) : fault(.unexpectedEnd, at: index)
    }

    private mutating func value(depth: Int) throws(JSONError) -> JSONValue {
        values += 1
        guard values <= limits.maximumValues else { throw fault(.tooManyValues, at: index) }
        guard index < bytes.count else { throw unexpected() }
        switch bytes[index] {
        case UInt8(ascii: "{"): return .object(try object(depth: depth))
        case UInt8(ascii: "["): return .array(try array(depth: depth))
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"):
            try word("true")
            return .bool(true)
        case UInt8(ascii: "f"):
            try word("false")
            return .bool(false)
        case UInt8(ascii: "n"):
            try word("null")
            return .null
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: throw unexpected()
        }
    }

    private mutating func object(depth: Int) throws(JSONError) -> JSONObject {
        guard depth < limits.maximumDepth else { throw fault(.tooDeep, at: index) }
        index += 1
        skipSpace()
        var builder = JSONObjectBuilder()
        if taken(UInt8(ascii: "}")) { return builder.object }
        while true {
            guard index < bytes.count, bytes[index] == UInt8(ascii: "\"") else { throw unexpected() }
            let key = try string()
            skipSpace()
            guard taken(UInt8(ascii: ":")) else { throw unexpected() }
            skipSpace()
            _ = builder.set(key, try value(depth: depth + 1))
            skipSpace()
            if taken(UInt8(ascii: "}")) { return builder.object }
            guard taken(UInt8(ascii: ",")) else { throw unexpected() }
            skipSpace()
        }
    }

    private mutating func array(depth: Int) throws(JSONError) -> [JSONValue] {
        guard depth < limits.maximumDepth else { throw fault(.tooDeep, at: index) }
        index += 1
        skipSpace()
        var items: [JSONValue] = []
        if taken(UInt8(ascii: "]")) { return items }
        while true {
            items.append(try value(depth: depth + 1))
            skipSpace()
            if taken(UInt8(ascii: "]")) { return items }
            guard taken(UInt8(ascii: ",")) else { throw unexpected() }
            skipSpace()
        }
    }

    private mutating func word(_ word: StaticString) throws(JSONError) {
        for offset in 0..<word.utf8CodeUnitCount {
            guard taken(word.utf8Start[offset]) else { throw unexpected() }
        }
    }

    mutating func taken(_ byte: UInt8) -> Bool {
        guard index < bytes.count, bytes[index] == byte else { return false }
        index += 1
        return true
    }

    private mutating func skipSpace() {
        while index < bytes.count {
            switch bytes[index] {
            case 0x20, 0x09, 0x0A, 0x0D: index += 1
            default: return
            }
        }
    }
}
