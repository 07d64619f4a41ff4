import CBOR
import CoAP
import CompactMatrix
import MatrixJSON

/// Bytes of a message and what they are.
struct ByteNote {
    let bytes: [UInt8]
    let text: String

    init(_ bytes: [UInt8], _ text: String) {
        self.bytes = bytes
        self.text = text
    }

    /// A line: hexadecimal, then what it is.
    func line(_ indent: String) -> String {
        let hex = Self.hex(bytes)
        return indent + (hex.isEmpty ? "-" : hex) + "  " + text
    }

    static func hex(_ bytes: [UInt8]) -> String {
        bytes.map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
    }

    /// A datagram from the outside in.
    static func lines(_ carried: SessionPair.Carried, _ direction: SessionPair.Direction, body: [ByteNote]) -> [String]
    {
        let datagram = carried.datagram
        let isUp = direction == .up
        let tag = Array(datagram.suffix(16))
        let head = Array(datagram.prefix(datagram.count - 16 - carried.coap.count))
        let header = Array(carried.coap.prefix(carried.coap.count - carried.message.payload.count))
        var lines = ["\(isUp ? "up" : "down"): \(datagram.count) bytes, frame number \(carried.number)"]
        lines.append(ByteNote(Array(head.prefix(1)), "frame: transport, low bits of the number").line("  "))
        if isUp { lines.append(ByteNote(Array(head.suffix(1)), "frame: the device's number").line("  ")) }
        lines.append(ByteNote(tag, "frame: tag of ChaCha20-Poly1305").line("  "))
        lines.append(ByteNote(header, "CoAP: " + name(carried)).line("  "))
        lines += body.map { $0.line("  ") }
        if body.isEmpty, !carried.message.payload.isEmpty {
            lines.append(ByteNote(carried.message.payload, "payload").line("  "))
        }
        return lines
    }

    private static func name(_ carried: SessionPair.Carried) -> String {
        let message = carried.message
        let code = "\(message.code.codeClass).\(message.code.detail < 10 ? "0" : "")\(message.code.detail)"
        if message.code == .empty { return "acknowledgement of frame \(carried.answered ?? 0)" }
        if let answered = carried.answered { return "answer \(code) to frame \(answered)" }
        if message.code.isRequest {
            let path = message.options.filter { $0.number == .uriPath }
                .map { String(decoding: $0.value, as: UTF8.self) }.joined(separator: "/")
            return "confirmable request \(code) /\(path), message id and token from the frame's number"
        }
        return "confirmable notification \(code)"
    }

    /// Compact Matrix: the form, then what each byte of the structure says, and the contents outside it.
    static func message(_ explained: ExplainedMessage) -> [ByteNote] {
        let structure = explained.parts.flatMap(\.structure)
        var notes = [ByteNote(explained.head, "structure of \(structure.count) bytes: \(explained.form)")]
        for part in explained.parts {
            notes.append(ByteNote(part.structure, "  in the structure: \(part.text)"))
            if !part.tail.isEmpty { notes.append(ByteNote(part.tail, "content of it")) }
        }
        return notes
    }

    static func refusal(_ payload: [UInt8]) -> [ByteNote] {
        payload.isEmpty ? [] : [ByteNote(payload, "seconds to wait, and the error code where it is not the usual one")]
    }

    static func batch(_ bytes: [UInt8]) throws -> [ByteNote] {
        var reader = CBORReader(bytes)
        var notes: [ByteNote] = []
        let names = ["sender", "time", "what was said"]
        while !reader.isAtEnd {
            let start = reader.position
            try reader.skip()
            let item = Array(bytes[start..<reader.position])
            let isReference = notes.count % 3 == 0 && item[0] >> 5 < 2
            notes.append(ByteNote(item, names[notes.count % 3] + (isReference ? ", by reference" : "")))
        }
        return notes
    }
}
