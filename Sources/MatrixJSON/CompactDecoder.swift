internal import CompactMatrix

/// Reads what `CompactEncoder` wrote, from bytes that anybody may have made: depth, counts and lengths are checked before
/// anything is made of them, and every head has its shortest form.
struct CompactDecoder {
    private var reader: CBORHeadReader
    private let limits: DocumentLimits
    /// Contents of byte strings and secrets; nil: they stand behind their heads.
    private let tail: [UInt8]?
    private var tailIndex = 0
    private let hasSpareBits: Bool
    private var spareIndex = 0
    private var values = 0
    /// Items that open containers still want. Each takes a byte, so more of them than bytes left means a lie or a cut.
    private var owed = 0
    private var latestTime: Int64?
    /// nil: nothing is remembered of this message, and it refers to nothing.
    private(set) var pass: IdentifierPass?
    let opaque: OpaqueScope?
    /// Where what was read stood; nil: nobody wants to know.
    var notes: [MessageNote]?

    init(
        _ structure: [UInt8], tail: [UInt8]?, hasSpareBits: Bool = false, limits: DocumentLimits,
        pass: IdentifierPass? = nil,
        opaque: OpaqueScope? = nil
    ) {
        reader = CBORHeadReader(structure)
        self.tail = tail
        self.hasSpareBits = hasSpareBits
        self.limits = limits
        self.pass = pass
        self.opaque = opaque
    }

    var isAtEnd: Bool { reader.isAtEnd }

    func finish() throws(CBORCodecError) {
        let rest = (tail?.count ?? 0) - tailIndex
        guard reader.isAtEnd, rest == (spareIndex + 7) / 8 else { throw fault(.trailingBytes) }
        // Bits beyond the last are zero.
        if let tail, spareIndex % 8 != 0, tail[tailIndex] << UInt8(spareIndex % 8) != 0 { throw fault(.packing) }
    }

    mutating func value() throws(CBORCodecError) -> JSONValue {
        try value(depth: 0, key: nil)
    }

    func fault(_ reason: CBORCodecError.Reason) -> CBORCodecError {
        CBORCodecError(reason, at: reader.index)
    }

    /// The first byte of the next item.
    var nextByte: UInt8? { reader.isAtEnd ? nil : reader.bytes[reader.index] }

    private mutating func value(depth: Int, key: String?) throws(CBORCodecError) -> JSONValue {
        let mark = (reader.index, tailIndex)
        let value = try item(depth: depth, key: key)
        switch value {
        case .array, .object: break
        default: note(mark, value.jsonText, depth)
        }
        return value
    }

    /// What was read since `mark`.
    mutating func note(_ mark: (structure: Int, tail: Int), _ text: @autoclosure () -> String, _ depth: Int) {
        guard notes != nil else { return }
        notes?.append(
            MessageNote(
                text: String(repeating: "  ", count: depth) + text(),
                structure: Array(reader.bytes[mark.structure..<reader.index]),
                tail: tail.map { Array($0[mark.tail..<tailIndex]) } ?? []))
    }

    /// What follows the contents: spare bits.
    var rest: [UInt8] { tail.map { Array($0[tailIndex...]) } ?? [] }

    var mark: (structure: Int, tail: Int) { (reader.index, tailIndex) }

    private mutating func item(depth: Int, key: String?) throws(CBORCodecError) -> JSONValue {
        let start = reader.index
        values += 1
        guard values <= limits.maximumValues else { throw fault(.tooManyValues) }
        if let integer = try specialInteger() { return .integer(integer) }
        if nextByte == 0xC0 | UInt8(CompactTag.decimalFloat) { return .double(try decimalFloat()) }
        let isSecret = key.map { CompactTables.secrets.number(of: $0) != nil } ?? false
        let position: IdentifierRule.Position = isSecret ? .elsewhere : .value(of: key)
        if let text = try specialText(position) { return .string(text) }
        switch try reader.token() {
        case .unsigned(let value):
            guard let value = Int64(exactly: value) else { throw CBORCodecError(.integerOutOfRange, at: start) }
            if Milliseconds.range.contains(value) { latestTime = value }
            return .integer(value)
        case .negative(let complement):
            guard let value = Int64(exactly: complement) else { throw CBORCodecError(.integerOutOfRange, at: start) }
            return .integer(~value)
        case .float(let value):
            guard value.isFinite else { throw CBORCodecError(.notFinite, at: start) }
            return .double(value)
        case .bool(let value): return .bool(value)
        case .null: return .null
        case .text(let length): return .string(seen(try reader.text(length: length, of: start), position))
        case .array(let count):
            try open(count: count, itemsEach: 1, depth: depth, at: start)
            note((start, tailIndex), "array of \(count)", depth)
            var items: [JSONValue] = []
            for _ in 0..<count {
                owed -= 1
                items.append(try value(depth: depth + 1, key: key))
            }
            return .array(items)
        case .map(let count):
            try open(count: count, itemsEach: 2, depth: depth, at: start)
            note((start, tailIndex), "object of \(count)", depth)
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

    private mutating func object(count: UInt64, depth: Int) throws(CBORCodecError) -> JSONObject {
        var builder = JSONObjectBuilder()
        for _ in 0..<count {
            let start = reader.index
            owed -= 1
            let mark = mark
            let key = try key()
            note(mark, "\"\(key)\":", depth + 1)
            owed -= 1
            guard builder.set(key, try value(depth: depth + 1, key: key)) else {
                throw CBORCodecError(.duplicateKey, at: start)
            }
        }
        return builder.object
    }

    private mutating func key() throws(CBORCodecError) -> String {
        let start = reader.index
        if let text = try specialText(.key) { return text }
        switch try reader.token() {
        case .text(let length): return seen(try reader.text(length: length, of: start), .key)
        case .unsigned(let value): return try keyString(Int64(exactly: value), at: start)
        case .negative(let value): return try keyString(Int64(exactly: value).map { ~$0 }, at: start)
        default: throw CBORCodecError(.keyNotText, at: start)
        }
    }

    private func keyString(_ integer: Int64?, at start: Int) throws(CBORCodecError) -> String {
        guard let integer, let number = CompactNumber.keyNumber(integer), let key = CompactTables.keys[number] else {
            throw CBORCodecError(.undefinedNumber, at: start)
        }
        return key
    }

    /// A string of any form.
    mutating func string(_ position: IdentifierRule.Position) throws(CBORCodecError) -> String {
        let start = reader.index
        if let text = try specialText(position) { return text }
        guard case .text(let length) = try reader.token() else { throw CBORCodecError(.keyNotText, at: start) }
        return seen(try reader.text(length: length, of: start), position)
    }

    /// Text that stood there in words.
    private mutating func seen(_ text: String, _ position: IdentifierRule.Position) -> String {
        if pass != nil, IdentifierRule.isIdentifier(text, position), CompactTables.values.number(of: text) == nil,
            CompactTables.keys.number(of: text) == nil
        {
            pass?.read(Array(text.utf8))
        }
        return text
    }

    mutating func integer() throws(CBORCodecError) -> Int64 {
        let start = reader.index
        switch try reader.token() {
        case .unsigned(let value):
            guard let value = Int64(exactly: value) else { throw CBORCodecError(.integerOutOfRange, at: start) }
            return value
        case .negative(let value):
            guard let value = Int64(exactly: value) else { throw CBORCodecError(.integerOutOfRange, at: start) }
            return ~value
        default: throw CBORCodecError(.unsupported, at: start)
        }
    }

    mutating func arrayCount() throws(CBORCodecError) -> Int {
        let start = reader.index
        guard case .array(let count) = try reader.token() else { throw CBORCodecError(.unsupported, at: start) }
        guard count <= UInt64(reader.bytes.count - reader.index) else { throw CBORCodecError(.truncated, at: start) }
        return Int(count)
    }

    /// A string that travels as something else than text; nil where another kind of item stands, which is left there.
    private mutating func specialText(_ position: IdentifierRule.Position) throws(CBORCodecError) -> String? {
        let start = reader.index
        guard let byte = nextByte else { throw CBORCodecError(.truncated, at: start) }
        switch byte {
        case 0x40...0x5F: return seen(try bytes(tag: nil), position)
        case 0xE0...0xF3, 0xF8:
            let simple = try reader.bareArgument()
            guard let number = CompactNumber.value(ofSimple: simple), let text = CompactTables.values[number] else {
                throw CBORCodecError(.undefinedNumber, at: start)
            }
            return text
        case 0xC0...0xDF: return try tagged(try reader.bareArgument(), position, at: start)
        default: return nil
        }
    }

    private mutating func tagged(
        _ tag: UInt64, _ position: IdentifierRule.Position, at start: Int
    ) throws(CBORCodecError) -> String {
        switch tag {
        case CompactTag.keyString: return try keyString(try integer(), at: start)
        case CompactTag.valueString:
            let number = try integer()
            guard number >= 244, let text = CompactTables.values[UInt64(number)] else {
                throw CBORCodecError(.undefinedNumber, at: start)
            }
            return text
        case CompactTag.decimal:
            if let value = try specialInteger() { return seen(String(value), position) }
            return seen(String(try integer()), position)
        case CompactTag.identifier:
            let integer = try integer()
            guard let bytes = pass?.read(reference: integer), let text = String(validating: bytes, as: UTF8.self) else {
                throw CBORCodecError(.unknownReference, at: start)
            }
            return text
        case CompactTag.opaque:
            let integer = try integer()
            guard let opaque, (integer >= 0) == opaque.makes,
                let name = OpaqueName(integer, in: opaque.frame, session: opaque.session)
            else { throw CBORCodecError(.undefinedNumber, at: start) }
            return name.text
        case CompactTag.tailText:
            guard tail != nil, let byte = nextByte, byte >> 5 == 3 else { throw CBORCodecError(.packing, at: start) }
            let content = try content(length: try reader.bareArgument(), at: start)
            guard let text = String(validating: content, as: UTF8.self) else {
                throw CBORCodecError(.invalidUTF8, at: start)
            }
            return seen(text, position)
        default: return seen(try bytes(tag: tag), position)
        }
    }

    private mutating func bytes(tag: UInt64?) throws(CBORCodecError) -> String {
        let start = reader.index
        guard let kind = PackingKind.tagged(tag) else { throw CBORCodecError(.tag, at: start) }
        guard let byte = nextByte, byte >> 5 == 2 else { throw CBORCodecError(.packing, at: start) }
        let content = try content(length: try reader.bareArgument(), at: start)
        var packed = PackedText.bytes(kind, content)
        let spare = PackedText.spareBits(kind, content.count)
        if hasSpareBits, let tail, spare > 0 {
            guard let value = SpareBits.read(tail, at: &spareIndex, count: spare) else {
                throw CBORCodecError(.truncated, at: start)
            }
            if value != 0 { packed = PackedText.ragged(kind, content, value, count: spare) ?? packed }
        }
        guard let text = packed.text else { throw CBORCodecError(.packing, at: start) }
        return text
    }

    private mutating func content(length: UInt64, at start: Int) throws(CBORCodecError) -> [UInt8] {
        if let tail {
            guard length <= UInt64(tail.count - tailIndex) else { throw CBORCodecError(.truncated, at: start) }
            defer { tailIndex += Int(length) }
            return Array(tail[tailIndex..<tailIndex + Int(length)])
        }
        guard length <= UInt64(reader.bytes.count - reader.index) else { throw CBORCodecError(.truncated, at: start) }
        defer { reader.index += Int(length) }
        return Array(reader.bytes[reader.index..<reader.index + Int(length)])
    }

    /// An integer that travels as something else; nil where another kind of item stands, which is left there.
    private mutating func specialInteger() throws(CBORCodecError) -> Int64? {
        let start = reader.index
        guard let byte = nextByte, byte >> 5 == 6 else { return nil }
        switch UInt64(byte & 0x1F) {
        case CompactTag.timeDifference:
            _ = try reader.bareArgument()
            let difference = try integer()
            guard let latestTime, difference.magnitude < 1 << 32, Milliseconds.range.contains(latestTime + difference)
            else { throw CBORCodecError(.packing, at: start) }
            self.latestTime = latestTime + difference
        case CompactTag.time:
            guard let time = Milliseconds.unpacked(try taggedContent()) else {
                throw CBORCodecError(.packing, at: start)
            }
            latestTime = time
        case CompactTag.packedInteger:
            let content = try taggedContent()
            guard let value = BigEndian.value(content[...]), value >= 24, !Milliseconds.range.contains(value) else {
                throw CBORCodecError(.packing, at: start)
            }
            return value
        default: return nil
        }
        return latestTime
    }

    private mutating func decimalFloat() throws(CBORCodecError) -> Double {
        let start = reader.index
        let content = try taggedContent()
        guard let value = DecimalFloat.unpacked(content), DecimalFloat.packed(value) == content else {
            throw CBORCodecError(.packing, at: start)
        }
        return value
    }

    /// The byte string behind the tag that stands next.
    private mutating func taggedContent() throws(CBORCodecError) -> [UInt8] {
        let start = reader.index
        _ = try reader.bareArgument()
        guard let byte = nextByte, byte >> 5 == 2 else { throw CBORCodecError(.packing, at: start) }
        return try content(length: try reader.bareArgument(), at: start)
    }
}
