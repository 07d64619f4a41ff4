/// Writes compact CBOR as JSON in one pass over its bytes, without building its values.
///
/// It judges nothing: what is refused, what may be, and what is rare are `Unusual` and left to `CompactDecoder`, whose answer
/// counts.
struct CompactToJSON {
    struct Unusual: Error {}

    private var reader: CBORHeadReader
    private let limits: DocumentLimits
    /// Contents of byte strings and secrets; nil: they stand behind their heads.
    private let tail: [UInt8]?
    private var tailIndex = 0
    private var values = 0
    /// Items that open containers still want. Each takes a byte, so more of them than bytes left means a lie or a cut.
    private var owed = 0
    private var latestTime: Int64?
    private var emitter = JSONEmitter()
    /// Hashes of the keys of all open objects.
    private var keys: [UInt64] = []

    /// nil: unusual.
    static func decode(_ opened: CompactForm.Opened, limits: DocumentLimits) -> [UInt8]? {
        guard !opened.hasSpareBits else { return nil }
        var pass = CompactToJSON(opened, limits)
        do throws(Unusual) { try pass.document() } catch { return nil }
        return pass.emitter.bytes
    }

    private init(_ opened: CompactForm.Opened, _ limits: DocumentLimits) {
        reader = CBORHeadReader(opened.structure)
        tail = opened.tail
        self.limits = limits
        emitter.bytes.reserveCapacity(opened.structure.count * 3)
    }

    private mutating func document() throws(Unusual) {
        try value(depth: 0)
        guard reader.isAtEnd, tailIndex == tail?.count ?? 0 else { throw Unusual() }
    }

    private mutating func value(depth: Int) throws(Unusual) {
        values += 1
        guard values <= limits.maximumValues, !reader.isAtEnd else { throw Unusual() }
        if try text() { return }
        switch reader.bytes[reader.index] {
        case 0xC0...0xDF: return try tagged()
        default: break
        }
        switch try token() {
        case .unsigned(let value):
            guard let value = Int64(exactly: value) else { throw Unusual() }
            if Milliseconds.range.contains(value) { latestTime = value }
            emitter.write(value)
        case .negative(let complement):
            guard let value = Int64(exactly: complement) else { throw Unusual() }
            emitter.write(~value)
        case .float(let value):
            guard value.isFinite else { throw Unusual() }
            emitter.write(value)
        case .bool(let value): emitter.append(value ? "true" : "false")
        case .null: emitter.append("null")
        case .array(let count):
            try open(count: count, itemsEach: 1, depth: depth)
            emitter.append("[")
            for place in 0..<count {
                if place > 0 { emitter.append(",") }
                owed -= 1
                try value(depth: depth + 1)
            }
            emitter.append("]")
        case .map(let count):
            try open(count: count, itemsEach: 2, depth: depth)
            try object(count: count, depth: depth)
        default: throw Unusual()
        }
    }

    private mutating func open(count: UInt64, itemsEach: Int, depth: Int) throws(Unusual) {
        // `owed` is never above what is left, by this very check.
        let left = reader.bytes.count - reader.index - owed
        guard depth < limits.maximumDepth, left >= 0, count <= UInt64(left / itemsEach) else { throw Unusual() }
        owed += Int(count) * itemsEach
    }

    private mutating func object(count: UInt64, depth: Int) throws(Unusual) {
        emitter.append("{")
        let firstKey = keys.count
        for place in 0..<count {
            if place > 0 { emitter.append(",") }
            owed -= 1
            let start = emitter.bytes.count
            try key()
            // As written in JSON: different keys are written differently.
            keys.append(
                emitter.bytes.withUnsafeBufferPointer { ContentHash.of(UnsafeBufferPointer(rebasing: $0[start...])) })
            emitter.append(":")
            owed -= 1
            try value(depth: depth + 1)
        }
        if ContentHash.hasDuplicates(&keys, from: firstKey) { throw Unusual() }
        keys.removeLast(keys.count - firstKey)
        emitter.append("}")
    }

    private mutating func key() throws(Unusual) {
        guard !reader.isAtEnd else { throw Unusual() }
        if try text() { return }
        switch reader.bytes[reader.index] {
        case 0x00...0x3F: try writeKey(try integer())
        case 0xC0...0xDF: try taggedText(try bareArgument())
        default: throw Unusual()
        }
    }

    /// Text without a tag; false where something else stands, which is left there.
    private mutating func text() throws(Unusual) -> Bool {
        switch reader.bytes[reader.index] {
        case 0x40...0x5F: try packed(nil)
        case 0x60...0x7F:
            guard case .text(let length) = try token(), let length = Int(exactly: length), length <= reader.index else {
                throw Unusual()
            }
            try write(reader.bytes[reader.index - length..<reader.index])
        case 0xE0...0xF3, 0xF8:
            guard let number = CompactNumber.value(ofSimple: try bareArgument()),
                let text = CompactTables.values.utf8(number)
            else { throw Unusual() }
            write(known: text)
        default: return false
        }
        return true
    }

    private mutating func tagged() throws(Unusual) {
        let tag = try bareArgument()
        switch tag {
        case CompactTag.timeDifference, CompactTag.time: emitter.write(try time(tag))
        case CompactTag.decimalFloat:
            let content = Array(try content())
            guard let value = DecimalFloat.unpacked(content), DecimalFloat.packed(value) == content else {
                throw Unusual()
            }
            emitter.write(value)
        default: try taggedText(tag)
        }
    }

    private mutating func time(_ tag: UInt64) throws(Unusual) -> Int64 {
        if tag == CompactTag.time {
            guard let time = Milliseconds.unpacked(Array(try content())) else { throw Unusual() }
            latestTime = time
            return time
        }
        let difference = try integer()
        guard let latestTime, difference.magnitude < 1 << 32, Milliseconds.range.contains(latestTime + difference)
        else {
            throw Unusual()
        }
        self.latestTime = latestTime + difference
        return latestTime + difference
    }

    private mutating func taggedText(_ tag: UInt64) throws(Unusual) {
        switch tag {
        case CompactTag.keyString: try writeKey(try integer())
        case CompactTag.valueString:
            let number = try integer()
            guard number >= 244, let text = CompactTables.values.utf8(UInt64(number)) else { throw Unusual() }
            write(known: text)
        case CompactTag.decimal:
            guard !reader.isAtEnd else { throw Unusual() }
            var value: Int64
            switch reader.bytes[reader.index] {
            case 0x00...0x3F: value = try integer()
            case 0xC0...0xDF:
                let tag = try bareArgument()
                guard tag == CompactTag.time || tag == CompactTag.timeDifference else { throw Unusual() }
                value = try time(tag)
            default: throw Unusual()
            }
            emitter.append("\"")
            emitter.write(value)
            emitter.append("\"")
        case CompactTag.tailText:
            guard let tail, !reader.isAtEnd, reader.bytes[reader.index] >> 5 == 3 else { throw Unusual() }
            let length = try bareArgument()
            guard length <= UInt64(tail.count - tailIndex) else { throw Unusual() }
            tailIndex += Int(length)
            try write(tail[tailIndex - Int(length)..<tailIndex])
        case CompactTag.identifier, CompactTag.opaque: throw Unusual()
        default: try packed(tag)
        }
    }

    private mutating func packed(_ tag: UInt64?) throws(Unusual) {
        guard let kind = PackingKind.tagged(tag) else { throw Unusual() }
        let content = try content()
        emitter.append("\"")
        guard PackedText.append(content, kind, to: &emitter.bytes) else { throw Unusual() }
        emitter.append("\"")
    }

    /// Of the byte string that stands next.
    private mutating func content() throws(Unusual) -> ArraySlice<UInt8> {
        guard !reader.isAtEnd, reader.bytes[reader.index] >> 5 == 2 else { throw Unusual() }
        let length = try bareArgument()
        if let tail {
            guard length <= UInt64(tail.count - tailIndex) else { throw Unusual() }
            tailIndex += Int(length)
            return tail[tailIndex - Int(length)..<tailIndex]
        }
        guard length <= UInt64(reader.bytes.count - reader.index) else { throw Unusual() }
        reader.index += Int(length)
        return reader.bytes[reader.index - Int(length)..<reader.index]
    }

    private mutating func integer() throws(Unusual) -> Int64 {
        switch try token() {
        case .unsigned(let value):
            guard let value = Int64(exactly: value) else { throw Unusual() }
            return value
        case .negative(let value):
            guard let value = Int64(exactly: value) else { throw Unusual() }
            return ~value
        default: throw Unusual()
        }
    }

    private mutating func token() throws(Unusual) -> CBORToken {
        do throws(CBORCodecError) { return try reader.token() } catch { throw Unusual() }
    }

    private mutating func bareArgument() throws(Unusual) -> UInt64 {
        do throws(CBORCodecError) { return try reader.bareArgument() } catch { throw Unusual() }
    }

    private mutating func writeKey(_ integer: Int64) throws(Unusual) {
        guard let number = CompactNumber.keyNumber(integer), let key = CompactTables.keys.utf8(number) else {
            throw Unusual()
        }
        write(known: key)
    }

    private mutating func write(known text: ArraySlice<UInt8>) {
        text.withUnsafeBufferPointer { emitter.write($0) }
    }

    /// Text from outside.
    private mutating func write(_ text: ArraySlice<UInt8>) throws(Unusual) {
        let isWellFormed = text.withUnsafeBufferPointer { utf8 in
            if utf8.contains(where: { $0 >= 0x80 }), String(validating: utf8, as: UTF8.self) == nil { return false }
            emitter.write(utf8)
            return true
        }
        guard isWellFormed else { throw Unusual() }
    }
}
