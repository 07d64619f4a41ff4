internal import CompactMatrix
internal import MatrixJSON

/// Why a device's body is not taken.
enum UplinkError: Error, Equatable {
    /// Not the CBOR that its resource wants.
    case malformed
    /// The event would exceed what a homeserver takes.
    case tooLarge
}

/// The event that a device's message becomes. Docs/Matrix.md has the form.
struct RoomContent {
    /// A homeserver refuses events over 65,536 bytes, signatures and all.
    static let largestContent = 60_000
    static let idKey = "dev.sotto.id"
    static let readingKey = "dev.sotto.reading"

    let eventType: String
    /// Seconds of Unix time at which it was measured, where the device says so.
    let unixSeconds: Int64?
    private let object: JSONObject

    init(resource: Resource, body: [UInt8]) throws(UplinkError) {
        guard let value = try? CBORCodec.decode(body) else { throw .malformed }
        var measured: ReadingContent?
        switch resource {
        case .text:
            guard case .string(let text) = value, !text.isEmpty else { throw .malformed }
            eventType = "m.room.message"
            unixSeconds = nil
            object = ["msgtype": "m.text", "body": .string(text)]
        case .reading:
            guard case .array(let items) = value, let reading = ReadingContent(items) else { throw .malformed }
            eventType = "m.room.message"
            unixSeconds = reading.unixSeconds
            object = ["msgtype": "m.notice", "body": .string(reading.text)]
            measured = reading
        case .event:
            guard case .array(let items) = value, items.count == 2, case .string(let type) = items[0], !type.isEmpty,
                type.utf8.count <= 255, case .object(let content) = items[1],
                JSONValue.object(content).firstNumberFault() == nil
            else { throw .malformed }
            eventType = type
            unixSeconds = nil
            object = content
        case .messages, .packedReading, .exchange:
            throw .malformed
        }
        reading = measured
        guard json(id: "", unixMilliseconds: 0).count <= Self.largestContent else { throw .tooLarge }
    }

    private let reading: ReadingContent?

    /// The content as JSON, with the request's id.
    func json(id: String, unixMilliseconds: Int64) -> [UInt8] {
        var content = object
        if let reading { content[Self.readingKey] = reading.value(unixMilliseconds: unixMilliseconds) }
        content[Self.idKey] = .string(id)
        return JSONValue.object(content).jsonBytes
    }
}
