internal import CompactMatrix

/// Writes values in compact CBOR: keys and frequent strings as numbers, bytes in disguise as bytes, times as differences.
///
/// With `splits` the content of byte strings and of secrets goes to `tail`, so that the compressor sees the structure alone:
/// hashes, keys, signatures and ciphertexts do not compress, they would only cost, and what is not in a compressor cannot
/// leak by its output's length.
///
/// With `packs` also texts, integers and floats go there as far as they can: the structure is then the same for documents of
/// one shape, and compresses to nothing after another of it.
struct CompactEncoder {
    private var writer = CBORHeadWriter()
    private(set) var tail: [UInt8] = []
    /// Where they do not stand in place.
    private(set) var spare = SpareBits()
    private let keepsSpareBits: Bool
    private let splits: Bool
    private let packs: Bool
    private var latestTime: Int64?
    /// nil: nothing is remembered of this message.
    private(set) var pass: IdentifierPass?
    /// nil: opaque values travel as they are.
    let opaque: OpaqueScope?
    /// Identifiers become holes: they will be known. Events are new ones each time.
    private let isShape: Bool
    private var holes: [(offset: Int, place: Int)] = []

    init(
        splits: Bool, packs: Bool = false, pass: IdentifierPass? = nil, opaque: OpaqueScope? = nil,
        isShape: Bool = false
    ) {
        self.isShape = isShape
        self.splits = splits
        self.packs = splits && packs
        // In a session, whose messages have the forms for it.
        keepsSpareBits = splits && opaque != nil
        self.pass = pass
        self.opaque = opaque
    }

    var structure: [UInt8] { writer.bytes }

    var shape: MessageShape { MessageShape(bytes: writer.bytes, holes: holes) }

    mutating func write(_ value: JSONValue) {
        write(value, key: nil)
    }

    private mutating func write(_ value: JSONValue, key: String?) {
        switch value {
        case .null: writer.null()
        case .bool(let value): writer.bool(value)
        case .integer(let value): writeInteger(value)
        case .double(let value): writeDouble(value)
        case .string(let value): writeString(value, .value(of: key))
        case .array(let items):
            writer.array(items.count)
            for item in items { write(item, key: key) }
        case .object(let object):
            writer.map(object.count)
            for member in object.members {
                writeKey(member.key)
                if case .string(let text) = member.value, CompactTables.secrets.number(of: member.key) != nil {
                    writeSecret(text)
                } else {
                    write(member.value, key: member.key)
                }
            }
        }
    }

    mutating func writeKey(_ key: String) {
        if let number = CompactTables.keys.number(of: key) {
            writer.integer(CompactNumber.keyInteger(number))
        } else {
            writeString(key, .key)
        }
    }

    mutating func writeString(_ text: String, _ position: IdentifierRule.Position) {
        if writeOpaque(text) { return }
        var utf8 = text
        if utf8.withUTF8({ writeKnown($0, hash: ContentHash.of($0)) }) { return }
        if pass != nil, IdentifierRule.isIdentifier(text, position) {
            if let reference = pass?.write(Array(text.utf8)) {
                writer.tag(CompactTag.identifier)
                writer.integer(reference)
            } else if isShape, !text.hasPrefix("$"), let place = pass?.mentions.count,
                place <= IdentifierReference.places
            {
                writer.tag(CompactTag.identifier)
                holes.append((writer.bytes.count, place - 1))
            } else {
                utf8.withUTF8 { writeWords($0, canPack: false) }
            }
        } else if case .key = position {
            utf8.withUTF8 { writeWords($0, canPack: false) }
        } else {
            utf8.withUTF8 { writeWords($0, canPack: packs) }
        }
    }

    /// A string of the tables; false: it is none.
    private mutating func writeKnown(_ utf8: UnsafeBufferPointer<UInt8>, hash: UInt64) -> Bool {
        if let number = CompactTables.values.number(of: utf8, hash: hash) {
            if let simple = CompactNumber.simple(ofValue: number) {
                writer.simple(simple)
            } else {
                writer.tag(CompactTag.valueString)
                writer.unsigned(UInt64(number))
            }
        } else if utf8.count > 2, let number = CompactTables.keys.number(of: utf8, hash: hash) {
            writer.tag(CompactTag.keyString)
            writer.integer(CompactNumber.keyInteger(number))
        } else {
            return false
        }
        return true
    }

    private mutating func writeWords(_ utf8: UnsafeBufferPointer<UInt8>, canPack: Bool) {
        var packed = PackedText(utf8)
        if keepsSpareBits, let found = packed?.withoutSpareBits {
            packed = found.packed
            spare.append(found.value, count: found.count)
        }
        switch packed {
        case .bytes(let kind, let bytes): writeBytes(bytes, kind)
        case .integer(let value):
            writer.tag(CompactTag.decimal)
            writeInteger(value)
        case nil:
            guard canPack else { return writer.text(utf8) }
            writer.tag(CompactTag.tailText)
            writer.textHead(utf8.count)
            tail.append(contentsOf: utf8)
        }
    }

    /// A name of this session, where it is one.
    private mutating func writeOpaque(_ text: String) -> Bool {
        guard let opaque, let name = OpaqueName(text, session: opaque.session) else { return false }
        guard !opaque.makes || name.frame == opaque.frame else { return false }
        writer.tag(CompactTag.opaque)
        writer.integer(name.integer(isNew: opaque.makes))
        return true
    }

    mutating func writeSecret(_ text: String) {
        if writeOpaque(text) { return }
        var text = text
        text.withUTF8 { writeSecret($0) }
    }

    mutating func writeInteger(_ value: Int64) {
        guard Milliseconds.range.contains(value) else {
            guard packs, value >= 24 else { return writer.integer(value) }
            writer.tag(CompactTag.packedInteger)
            return writeContent(BigEndian.shortest(value))
        }
        if let latestTime, (value - latestTime).magnitude < 1 << 32, !packs || value == latestTime {
            writer.tag(CompactTag.timeDifference)
            writer.integer(value - latestTime)
        } else {
            writer.tag(CompactTag.time)
            writeContent(Milliseconds.packed(value))
        }
        latestTime = value
    }

    mutating func writeDouble(_ value: Double) {
        if splits, let bytes = DecimalFloat.packed(value) {
            writer.tag(CompactTag.decimalFloat)
            writeContent(bytes)
        } else {
            writer.double(value)
        }
    }

    // MARK: Of a message of no session, as it is read

    mutating func reserveCapacity(_ count: Int) { writer.bytes.reserveCapacity(count) }

    /// nil: null.
    mutating func writeSimple(_ value: Bool?) {
        if let value { writer.bool(value) } else { writer.null() }
    }

    /// A head whose count is not known yet; returns where it stands.
    mutating func openHead(isMap: Bool) -> Int {
        if isMap { writer.map(0) } else { writer.array(0) }
        return writer.bytes.count - 1
    }

    mutating func closeHead(_ place: Int, count: Int) { writer.setCount(count, at: place) }

    /// Whether the key's value, if it is a string, is a secret.
    ///
    /// - Parameter hash: `ContentHash.of(utf8)`.
    mutating func writeKey(_ utf8: UnsafeBufferPointer<UInt8>, hash: UInt64) -> Bool {
        if let number = CompactTables.keys.number(of: utf8, hash: hash) {
            writer.integer(CompactNumber.keyInteger(number))
        } else if !writeKnown(utf8, hash: hash) {
            writeWords(utf8, canPack: false)
        }
        return CompactTables.secrets.number(of: utf8, hash: hash) != nil
    }

    mutating func writeValue(_ utf8: UnsafeBufferPointer<UInt8>, isSecret: Bool) {
        guard !isSecret else { return writeSecret(utf8) }
        if !writeKnown(utf8, hash: ContentHash.of(utf8)) { writeWords(utf8, canPack: false) }
    }

    private mutating func writeSecret(_ utf8: UnsafeBufferPointer<UInt8>) {
        guard splits else { return writer.text(utf8) }
        writer.tag(CompactTag.tailText)
        writer.textHead(utf8.count)
        tail.append(contentsOf: utf8)
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
