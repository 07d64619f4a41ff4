import CoAP
public import CompactMatrix
import MatrixJSON

/// What exchanges take on the air: through the real encoders and a real session, both ends in this process.
public struct Measurement: Sendable {
    public var template: PayloadTemplate?
    public var seed: UInt64
    public var explains: Bool

    public init(template: PayloadTemplate? = nil, seed: UInt64 = 1, explains: Bool = false) {
        self.template = template
        self.seed = seed
        self.explains = explains
    }

    /// Both rounds; none where the mode has no such exchange. Exact mode throws where the JSON that comes out is not the JSON
    /// that went in.
    public func rows(_ exchange: Exchange, _ mode: Row.Mode) throws -> [Row] {
        if mode == .device, DeviceRound.kind(of: exchange) == nil { return [] }
        var random = SeededBits(seed: seed)
        var fresh = FreshValues(seed: random.next())
        let pair = try SessionPair.open(&random).pair
        var rows: [Row] = []
        var device = DeviceRound(pair, template: template)
        var exact = ExactRound(pair)
        for round in [Row.Round.first, .steady] {
            let current = round == .first ? exchange : fresh.exchange(exchange)
            var row = Row(name: exchange.name, mode: mode, round: round)
            switch mode {
            case .device: try device.run(current, &row, explains: explains)
            case .exact: try exact.run(current, &row, explains: explains)
            }
            rows.append(row)
        }
        return rows
    }

    /// The exchange as the first request of a device without a session: both datagrams of the handshake whole. nil: no
    /// exchange that begins with a request.
    public func handshake(_ exchange: Exchange, _ mode: Row.Mode) throws -> Row? {
        if mode == .device {
            guard case .uplink = DeviceRound.kind(of: exchange) else { return nil }
        } else if exchange.isSync {
            return nil
        }
        var random = SeededBits(seed: seed)
        let pair = try SessionPair.open(&random).pair
        let number = SessionPair.handshakeNumber
        let context = CompactContext()
        let id = CompactContext.messageID(number)
        let token = CompactContext.token(number)
        let up: (resource: Resource, body: [UInt8])
        let answer: Message
        switch mode {
        case .device:
            var round = DeviceRound(pair, template: template)
            let body = try round.body(of: exchange, frame: 0)
            up = (body.resource, body.bytes)
            answer = DeviceRound.answer(to: exchange, pair, number)
        case .exact:
            var round = ExactRound(pair)
            up = (.exchange, try round.requestBody(exchange, frame: 0).0)
            let reply = try round.answerBody(exchange, exchange.answer, frame: 0)
            answer = pair.answer(reply.code, to: number, reply.body)
        }
        let request = Message(
            type: .confirmable, code: .post, messageID: id, token: token,
            options: [MessageOption(.uriPath, up.resource.segment)], payload: up.body)
        let coap = (
            up: try CompactMessage.encode(request, frame: number, context: context),
            down: try CompactMessage.encode(answer, frame: number, answered: number, context: context)
        )
        let handshake = try SessionPair.open(&random, request: coap.up, answer: coap.down).handshake
        var row = Row(name: exchange.name.prefix(2) + "+handshake", mode: mode, round: .first)
        row.up = Leg(body: up.body.count, coap: coap.up.count, datagrams: 1, wire: handshake.message1.count)
        row.down = Leg(
            body: answer.payload.count, coap: coap.down.count, datagrams: 1, wire: handshake.message2.count)
        if explains { row.explanation = Self.explain(handshake) }
        return row
    }

    private static func explain(_ handshake: SessionPair.Handshake) -> [String] {
        let one = handshake.message1
        let two = handshake.message2
        return [
            "up: \(one.count) bytes",
            ByteNote(Array(one[0..<1]), "handshake: KK, message 1").line("  "),
            ByteNote(Array(one[1..<2]), "the device's number").line("  "),
            ByteNote(Array(one[2..<34]), "ephemeral public key").line("  "),
            ByteNote([1], "encrypted: the handshake's counter").line("  "),
            ByteNote([0], "encrypted: the profile's revision").line("  "),
            ByteNote(handshake.request, "encrypted: the CoAP message").line("  "),
            ByteNote(Array(one.suffix(16)), "tag of ChaCha20-Poly1305").line("  "),
            "down: \(two.count) bytes",
            ByteNote(Array(two[0..<1]), "handshake: KK, message 2").line("  "),
            ByteNote(Array(two[1..<33]), "ephemeral public key").line("  "),
            ByteNote([0], "encrypted: accepted").line("  "),
            ByteNote(handshake.answer, "encrypted: the CoAP message").line("  "),
            ByteNote(Array(two.suffix(16)), "tag of ChaCha20-Poly1305").line("  "),
        ]
    }
}
