/// Writes values in compact CBOR: keys and frequent strings as numbers, bytes in disguise as bytes, times as differences.
///
/// With `splits` the content of byte strings and of secrets goes to `tail`, so that the compressor sees the structure alone:
/// hashes, keys, signatures and ciphertexts do not compress, they would only cost, and what is not in a compressor cannot
/// leak by its output's length.
struct CompactEncoder {
    private var writer = CBORHeadWriter()
    private(set) var tail: [UInt8] = []
    private let splits: Bool
    private var latestTime: Int64?

    init(splits: Bool) {
        self.splits = splits
    }

    var structure: [UInt8] { writer.bytes }

    mutating func write(_ value: JSONValue) {
        switch value {
        case .null: writer.null()
        case .bool(let value): writer.bool(value)
        case .integer(let value): writeInteger(value)
        case .double(let value): writer.double(value)
        case .string(let value): writeString(value)
        case .array(let items):
            writer.array(items.count)
            for item in items { write(item) }
        case .object(let object):
            writer.map(object.count)
            for member in object.members {
                writeKey(member.key)
                if case .string(let text) = member.value, CompactTables.secretKeys.contains(member.key) {
                    writeSecret(text)
                } else {
                    write(member.value)
                }
            }
        }
    }

    mutating func writeKey(_ key: String) {
        if let number = CompactTables.keys.number(of: key) {
            writer.integer(CompactNumber.keyInteger(number))
        } else {
            writeString(key)
        }
    }

    mutating func writeString(_ text: String) {
        if let number = CompactTables.values.number(of: text) {
            if let simple = CompactNumber.simple(ofValue: number) {
                writer.simple(simple)
            } else {
                writer.tag(CompactTag.valueString)
                writer.unsigned(UInt64(number))
            }
        } else if text.utf8.count > 2, let number = CompactTables.keys.number(of: text) {
            writer.tag(CompactTag.keyString)
            writer.integer(CompactNumber.keyInteger(number))
        } else {
            switch PackedText(text) {
            case .bytes(let kind, let bytes): writeBytes(bytes, kind)
            case .integer(let value):
                writer.tag(CompactTag.decimal)
                writer.integer(value)
            case nil: writer.text(text)
            }
        }
    }

    mutating func writeSecret(_ text: String) {
        guard splits else { return writer.text(text) }
        writer.tag(CompactTag.secretText)
        writer.textHead(text.utf8.count)
        tail.append(contentsOf: text.utf8)
    }

    mutating func writeInteger(_ value: Int64) {
        guard Milliseconds.range.contains(value) else { return writer.integer(value) }
        if let latestTime, (value - latestTime).magnitude < 1 << 32 {
            writer.tag(CompactTag.timeDifference)
            writer.integer(value - latestTime)
        } else if let bytes = Milliseconds.packed(value) {
            writer.tag(CompactTag.time)
            writeContent(bytes)
        } else {
            writer.integer(value)
        }
        latestTime = value
    }

    mutating func writeNumber(_ value: Int64) { writer.integer(value) }

    mutating func writeArrayHead(_ count: Int) { writer.array(count) }

    /// Text as it is.
    mutating func writePlainText(_ text: String) { writer.text(text) }

    private mutating func writeBytes(_ bytes: [UInt8], _ kind: PackingKind) {
        if let tag = kind.tag { writer.tag(tag) }
        writeContent(bytes)
    }

    private mutating func writeContent(_ bytes: [UInt8]) {
        writer.byteString(bytes.count)
        if splits { tail.append(contentsOf: bytes) } else { writer.bytes.append(contentsOf: bytes) }
    }
}
