/// Writes values as CBOR, members in their order.
struct CBOREncoder {
    private var writer = CBORHeadWriter()

    var bytes: [UInt8] { writer.bytes }

    mutating func write(_ value: JSONValue) {
        switch value {
        case .null: writer.null()
        case .bool(let value): writer.bool(value)
        case .integer(let value): writer.integer(value)
        case .double(let value): writer.double(value)
        case .string(let value): writer.text(value)
        case .array(let items):
            writer.array(items.count)
            for item in items { write(item) }
        case .object(let object):
            writer.map(object.count)
            for member in object.members {
                writer.text(member.key)
                write(member.value)
            }
        }
    }
}
