import CoAP
import CompactMatrix
import MatrixJSON

/// An exchange as a device has it: what it means, not what it says.
struct DeviceRound {
    var pair: SessionPair
    private var memory: (device: SessionMemory, gateway: SessionMemory)
    private let template: PayloadTemplate?
    private var isObserving = false

    init(_ pair: SessionPair, template: PayloadTemplate?) {
        self.pair = pair
        self.template = template
        let name = "d"
        memory = (
            SessionMemory(sizes: .edge, isGateway: false, session: name),
            SessionMemory(sizes: .edge, isGateway: true, session: name)
        )
    }

    enum Kind {
        /// A message for a room.
        case uplink
        /// What arrives.
        case deliveries
        /// The session is the login.
        case nothing
    }

    /// nil: nothing that a device does.
    static func kind(of exchange: Exchange) -> Kind? {
        if exchange.isFederation { return nil }
        if exchange.isSync { return .deliveries }
        if exchange.request.method == "POST", exchange.path.hasSuffix("/login") { return .nothing }
        let names = exchange.request.pathVariables.map(\.name)
        guard names == ["roomId", "eventType", "txnId"], exchange.request.body?.objectValue != nil else { return nil }
        return .uplink
    }

    mutating func run(_ exchange: Exchange, _ row: inout Row, explains: Bool) throws {
        switch Self.kind(of: exchange) {
        case .uplink: try uplink(exchange, &row, explains)
        case .deliveries: try deliveries(exchange, &row, explains)
        case .nothing, nil: break
        }
    }

    // MARK: Up

    /// Which resource, and the body that goes there.
    struct Body {
        var resource: Resource
        var bytes: [UInt8]
        var notes: [ByteNote]
    }

    private mutating func uplink(_ exchange: Exchange, _ row: inout Row, _ explains: Bool) throws {
        let body = try self.body(of: exchange, frame: pair.nextNumber(.up))
        let up = try pair.carry(pair.request(body.resource, body.bytes), .up)
        row.up.add(up)
        let down = try pair.carry(Self.answer(to: exchange, pair, up.number), .down, answering: up.number)
        row.down.add(down)
        memory.device.acknowledged(up.number)
        guard explains else { return }
        row.explanation += ByteNote.lines(up, .up, body: body.notes)
        row.explanation += ByteNote.lines(down, .down, body: ByteNote.refusal(down.message.payload))
    }

    static func answer(to exchange: Exchange, _ pair: SessionPair, _ number: UInt64) -> Message {
        if (200..<300).contains(exchange.status) { return pair.answer(.changed, to: number, []) }
        let refusal = DeviceRefusal(
            AnswerStatus.code(of: exchange.status) ?? .badGateway,
            maxAge: exchange.answer?["retry_after_ms"]?.integerValue.flatMap { milliseconds in
                UInt32(exactly: milliseconds / 1_000 + (milliseconds % 1_000 > 0 ? 1 : 0))
            },
            errorNumber: (exchange.answer?["errcode"]?.stringValue).flatMap(CompactCodec.number(ofValue:)))
        return pair.answer(refusal.code, to: number, refusal.payload)
    }

    mutating func body(of exchange: Exchange, frame: UInt64) throws -> Body {
        let type = exchange.request.pathVariables.first { $0.name == "eventType" }?.value ?? ""
        let content = exchange.request.body?.objectValue ?? [:]
        if type == "m.room.message", content.count == 2, content["msgtype"] == "m.text",
            let text = content["body"]?.stringValue
        {
            let uplink = Uplink.text(text)
            return Body(
                resource: .text, bytes: uplink.body, notes: [ByteNote(uplink.body, "the text \(content["body"] ?? "")")]
            )
        }
        if let template, let reading = Self.reading(content, template), let bytes = try? template.encode(reading) {
            let names = template.fields.map { "\($0.name) (\($0.bits) bits)" }.joined(separator: ", ")
            return Body(
                resource: .packedReading, bytes: bytes, notes: [ByteNote(bytes, "by the template: " + names)])
        }
        let event: JSONValue = ["type": .string(type), "content": .object(content)]
        let bytes = memory.device.encode(event, key: "event\u{0}" + type, frame: frame)
        let explained = try memory.gateway.explain(bytes, isRequest: false, frame: frame)
        guard try memory.gateway.decode(bytes, isAlone: false, frame: frame) == event else {
            throw SessionPair.Failure.otherMessage
        }
        return Body(resource: .event, bytes: bytes, notes: ByteNote.message(explained))
    }

    /// The numbers of a content as values of the template's fields; where they do not fit because the firmware counts in
    /// steps (215 for 21.5), as these. nil: other names, or no numbers.
    static func reading(_ content: JSONObject, _ template: PayloadTemplate) -> Reading? {
        for isSteps in [false, true] {
            var reading = Reading(measurements: [])
            for member in content.members {
                guard let field = template.fields.first(where: { $0.name == member.key }) else { return nil }
                let number: DecimalNumber?
                switch member.value {
                case .integer(let value):
                    number = DecimalNumber(mantissa: value, exponent: isSteps ? field.scale.exponent : 0)
                case .double(let value): number = DecimalNumber(Array(value.description.utf8))
                default: number = nil
                }
                guard let number else { return nil }
                reading.measurements.append(
                    MeasuredValue(
                        name: field.name, unit: field.unit, mantissa: number.mantissa, exponent: number.exponent))
            }
            if (try? template.encode(reading)) != nil { return reading }
        }
        return nil
    }

    // MARK: Down

    private mutating func deliveries(_ exchange: Exchange, _ row: inout Row, _ explains: Bool) throws {
        var items: [DeliveryBatch.Item] = []
        let frame = pair.nextNumber(.down)
        for room in exchange.answer?["rooms"]?["join"]?.objectValue?.members ?? [] {
            for event in room.value["timeline"]?["events"]?.arrayValue ?? [] {
                guard let sender = event["sender"]?.stringValue, let time = event["origin_server_ts"]?.integerValue,
                    time >= 0
                else { continue }
                var content: DeliveryBatch.Content
                if event["type"] == "m.room.message", let text = event["content"]?["body"]?.stringValue {
                    content = .said(.message(text))
                } else {
                    let value: JSONValue = ["type": event["type"] ?? .null, "content": event["content"] ?? .null]
                    content = .event(CompactCodec.encode(value))
                }
                items.append(
                    DeliveryBatch.Item(sender: sender, unixSeconds: UInt64(time) / 1_000, content: content))
            }
        }
        guard !items.isEmpty else { return }
        if !isObserving {
            // The device asked for what arrives when the session began.
            var request = pair.request(.messages, [])
            request.code = .get
            request.options.insert(MessageOption(.observe, uint: 0), at: 0)
            let asked = try pair.carry(request, .up)
            _ = try pair.carry(pair.answer(.content, to: asked.number, []), .down, answering: asked.number)
            isObserving = true
            return try deliveries(exchange, &row, explains)
        }
        var pass = memory.gateway.identifiersToWrite(in: frame)
        let bytes = DeliveryBatch.encode(items, &pass)
        memory.gateway.wrote(pass, in: frame)
        let down = try pair.carry(pair.notification(bytes), .down)
        row.down.add(down)
        var reading = memory.device.identifiersToRead(in: frame)
        let read = try DeliveryBatch.decode(bytes, &reading)
        memory.device.read(reading, in: frame)
        guard read.map(\.sender) == items.map(\.sender), read.map(\.unixSeconds) == items.map(\.unixSeconds) else {
            throw SessionPair.Failure.otherMessage
        }
        let up = try pair.carry(.empty(.acknowledgement, CompactContext.messageID(frame)), .up, answering: frame)
        row.up.add(up)
        memory.gateway.acknowledged(frame)
        guard explains else { return }
        row.explanation += ByteNote.lines(down, .down, body: try ByteNote.batch(bytes))
        row.explanation += ByteNote.lines(up, .up, body: [])
    }
}
