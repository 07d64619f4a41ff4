import CBOR
import CoAP
import CompactMatrix
import MatrixJSON

/// An exchange for an unmodified client: every value of the JSON comes out as it went in, save opaque ones, which come back as
/// what they were.
struct ExactRound {
    var pair: SessionPair
    private var memory: (device: SessionMemory, gateway: SessionMemory)
    private var opaque: OpaqueValues
    /// Answers of the gateway whose arrival the next request shows.
    private var unconfirmed: [UInt64] = []
    /// What a sync told last when it told of no event: the edge answers polls with it by itself.
    private var quiet: JSONValue?
    private var isObserving = false

    /// The JSON that came out is not the JSON that went in.
    struct Difference: Error, CustomStringConvertible {
        let what: String
        let wanted: String
        let got: String
        var description: String { "\(what) is another: \(got) instead of \(wanted)" }
    }

    static let blockSize = 1_024

    init(_ pair: SessionPair) {
        self.pair = pair
        let name = "1"
        memory = (
            SessionMemory(sizes: .edge, isGateway: false, session: name),
            SessionMemory(sizes: .edge, isGateway: true, session: name)
        )
        opaque = OpaqueValues(session: name)
    }

    mutating func run(_ exchange: Exchange, _ row: inout Row, explains: Bool) throws {
        if exchange.isSync, exchange.status == 200, let answer = exchange.answer {
            try sync(exchange, answer, &row, explains)
        } else {
            try requestAndAnswer(exchange, &row, explains)
        }
    }

    private mutating func requestAndAnswer(_ exchange: Exchange, _ row: inout Row, _ explains: Bool) throws {
        let number = pair.nextNumber(.up)
        let (body, notes) = try requestBody(exchange, frame: number)
        let last = try send(body, &row, explains, notes)
        for number in unconfirmed { memory.gateway.acknowledged(number) }
        unconfirmed = []
        let frame = pair.nextNumber(.down)
        let (code, answer, answerNotes) = try answerBody(exchange, exchange.answer, frame: frame)
        try reply(code, answer, to: last, &row, explains, answerNotes)
        memory.device.acknowledged(number)
        unconfirmed.append(frame)
    }

    /// What travels in a frame of this number, read again at the other end.
    mutating func requestBody(_ exchange: Exchange, frame: UInt64) throws -> ([UInt8], [ByteNote]) {
        let bytes = memory.device.encode(exchange.request, frame: frame)
        let explained = try memory.gateway.explain(bytes, isRequest: true, frame: frame)
        var read = opaque.reveal(try memory.gateway.decodeRequest(bytes, frame: frame))
        // The transaction id is the gateway's own, and stands for the client's.
        let transaction = exchange.request.pathVariables.first { $0.name == "txnId" }?.value
        if let transaction, !exchange.isFederation {
            read = read.changing { name, value in name == "txnId" ? transaction : value }
        }
        guard read.method == exchange.request.method, read.target == exchange.request.target else {
            throw Difference(what: "the request", wanted: exchange.request.target, got: read.target)
        }
        try Self.compare(exchange.request.body, read.body, "the request's body")
        return (bytes, ByteNote.message(explained))
    }

    mutating func answerBody(
        _ exchange: Exchange, _ answer: JSONValue?, frame: UInt64
    ) throws -> (code: Code, body: [UInt8], notes: [ByteNote]) {
        let code = AnswerStatus.code(of: exchange.status)
        var prefix = CBORWriter()
        if code == nil { prefix.unsigned(UInt64(exchange.status)) }
        var notes = code == nil ? [ByteNote(prefix.bytes, "status \(exchange.status)")] : []
        guard let answer else { return (code ?? AnswerStatus.other, prefix.bytes, notes) }
        let hidden = opaque.hide(answer, frame: frame)
        let bytes = memory.gateway.encode(hidden, to: exchange.request, frame: frame)
        notes += ByteNote.message(try memory.device.explain(bytes, isRequest: false, frame: frame))
        let read = try memory.device.decodeAnswer(bytes, to: exchange.request, frame: frame)
        try Self.compare(answer, opaque.reveal(read), "the answer")
        return (code ?? AnswerStatus.other, prefix.bytes + bytes, notes)
    }

    private static func compare(_ wanted: JSONValue?, _ got: JSONValue?, _ what: String) throws {
        // As text: so the order of members counts too, and floats differ from integers.
        guard wanted?.jsonText != got?.jsonText else { return }
        throw Difference(what: what, wanted: wanted?.jsonText ?? "nothing", got: got?.jsonText ?? "nothing")
    }

    // MARK: Syncs

    private mutating func sync(
        _ exchange: Exchange, _ answer: JSONValue, _ row: inout Row, _ explains: Bool
    ) throws {
        if !isObserving {
            // The client's first poll became an observation when the session began.
            let number = pair.nextNumber(.up)
            let (body, _) = try requestBody(exchange, frame: number)
            let asked = try pair.carry(
                pair.request(.exchange, body, options: [MessageOption(.observe, uint: 0)]), .up)
            _ = try pair.carry(pair.answer(.content, to: asked.number, []), .down, answering: asked.number)
            memory.device.acknowledged(number)
            isObserving = true
        }
        let shape = Self.withoutTokens(answer)
        if let quiet, Self.tellsNothing(answer), quiet == shape {
            // Nothing new. The edge gives its client what it has, with a token of its own.
            try Self.compare(shape, quiet, "the answer")
            return
        }
        let frame = pair.nextNumber(.down)
        let (_, body, notes) = try answerBody(exchange, answer, frame: frame)
        try notify(body, &row, explains, notes)
        memory.gateway.acknowledged(frame)
        quiet = Self.tellsNothing(answer) ? shape : nil
    }

    /// Whether a sync brings no event and no change, whatever empty sections it has.
    static func tellsNothing(_ answer: JSONValue) -> Bool {
        for member in answer.objectValue?.members ?? [] {
            switch member.key {
            case "next_batch", "device_one_time_keys_count", "device_unused_fallback_key_types",
                "org.matrix.msc2732.device_unused_fallback_key_types":
                continue
            default: if !isEmpty(member.value) { return false }
            }
        }
        return true
    }

    private static func isEmpty(_ value: JSONValue) -> Bool {
        switch value {
        case .array(let items): items.isEmpty
        case .object(let object): object.members.allSatisfy { isEmpty($0.value) }
        default: false
        }
    }

    private static func withoutTokens(_ answer: JSONValue) -> JSONValue {
        var copy = answer
        if copy["next_batch"] != nil { copy["next_batch"] = "" }
        return copy
    }

    // MARK: Blocks (RFC 7959)

    /// The number of the frame that is to be answered.
    private mutating func send(
        _ body: [UInt8], _ row: inout Row, _ explains: Bool, _ notes: [ByteNote]
    ) throws -> UInt64 {
        let blocks = Self.blocks(body)
        for (place, block) in blocks.enumerated() {
            let isLast = place == blocks.count - 1
            var options: [MessageOption] = []
            if blocks.count > 1 {
                options = [BlockOption(number: UInt32(place), more: !isLast, exponent: 6).option(.block1)]
            }
            let up = try pair.carry(pair.request(.exchange, block, options: options), .up)
            row.up.add(up)
            if explains { row.explanation += ByteNote.lines(up, .up, body: blocks.count == 1 ? notes : []) }
            if isLast { return up.number }
            let down = try pair.carry(
                pair.answer(.continue, to: up.number, [], options: options), .down, answering: up.number)
            row.down.add(down)
        }
        return 0
    }

    private mutating func reply(
        _ code: Code, _ body: [UInt8], to number: UInt64, _ row: inout Row, _ explains: Bool, _ notes: [ByteNote]
    ) throws {
        var answered = number
        let blocks = Self.blocks(body)
        for (place, block) in blocks.enumerated() {
            var options: [MessageOption] = []
            if blocks.count > 1 {
                let more = place < blocks.count - 1
                options = [BlockOption(number: UInt32(place), more: more, exponent: 6).option(.block2)]
                if place > 0 {
                    let wanted = BlockOption(number: UInt32(place), more: false, exponent: 6).option(.block2)
                    let up = try pair.carry(pair.request(.exchange, [], options: [wanted]), .up)
                    row.up.add(up)
                    answered = up.number
                }
            }
            let down = try pair.carry(
                pair.answer(code, to: answered, block, options: options), .down, answering: answered)
            row.down.add(down)
            if explains { row.explanation += ByteNote.lines(down, .down, body: blocks.count == 1 ? notes : []) }
        }
    }

    private mutating func notify(
        _ body: [UInt8], _ row: inout Row, _ explains: Bool, _ notes: [ByteNote]
    ) throws {
        let blocks = Self.blocks(body)
        var message = pair.notification(blocks[0])
        if blocks.count > 1 {
            message.options.append(BlockOption(number: 0, more: true, exponent: 6).option(.block2))
        }
        let down = try pair.carry(message, .down)
        row.down.add(down)
        let up = try pair.carry(
            .empty(.acknowledgement, message.messageID), .up, answering: down.number)
        row.up.add(up)
        if explains {
            row.explanation += ByteNote.lines(down, .down, body: blocks.count == 1 ? notes : [])
            row.explanation += ByteNote.lines(up, .up, body: [])
        }
        // The rest is fetched (RFC 7959 section 3.4).
        for place in blocks.indices.dropFirst() {
            let wanted = BlockOption(number: UInt32(place), more: false, exponent: 6).option(.block2)
            let up = try pair.carry(pair.request(.exchange, [], options: [wanted]), .up)
            row.up.add(up)
            let block = BlockOption(number: UInt32(place), more: place < blocks.count - 1, exponent: 6)
            let down = try pair.carry(
                pair.answer(.content, to: up.number, blocks[place], options: [block.option(.block2)]), .down,
                answering: up.number)
            row.down.add(down)
        }
    }

    private static func blocks(_ body: [UInt8]) -> [[UInt8]] {
        guard body.count > blockSize else { return [body] }
        return stride(from: 0, to: body.count, by: blockSize).map { Array(body[$0..<min($0 + blockSize, body.count)]) }
    }
}
