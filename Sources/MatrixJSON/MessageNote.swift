/// A part of a message and the bytes that say it.
public struct MessageNote: Equatable, Sendable {
    public var text: String
    /// In the structure, before compression.
    public var structure: [UInt8]
    /// Behind it.
    public var tail: [UInt8]
}

/// A message of a session with every byte named.
public struct ExplainedMessage: Equatable, Sendable {
    /// The form of its structure.
    public var form: String
    /// Bytes of the form and the compressed structure.
    public var head: [UInt8]
    /// The structure's parts in order; their `structure` bytes together are the whole of it, their `tail` bytes all that
    /// follows `head`.
    public var parts: [MessageNote]
}

extension SessionMemory {
    /// What a received message says with which bytes; to be asked before it is decoded.
    ///
    /// - Parameter isRequest: whether a target comes first.
    public func explain(
        _ bytes: [UInt8], isRequest: Bool, frame: UInt64
    ) throws(CBORCodecError) -> ExplainedMessage {
        var decoder = try decoder(bytes, frame: frame, limits: .standard)
        decoder.notes = []
        if isRequest {
            let mark = decoder.mark
            let target = try RequestTarget(from: &decoder)
            decoder.note(mark, "\(target.method) \(target.target)", 0)
        }
        if !decoder.isAtEnd { _ = try decoder.value() }
        var parts = decoder.notes ?? []
        let spare = decoder.rest
        if !spare.isEmpty {
            parts.append(MessageNote(text: "spare bits of base64", structure: [], tail: spare))
        }
        let tail = parts.reduce(0) { $0 + $1.tail.count }
        let head = Array(bytes.dropLast(tail))
        let form =
            switch bytes.first.map({ $0 & 0b111 }) {
            case CompactForm.sameAsContext: "the shape of an earlier message"
            case CompactForm.sameAsContextWithSpare: "the shape of an earlier message; spare bits at the end"
            case CompactForm.afterContext: "deflate after the dictionary and the shape of an earlier message"
            case CompactForm.afterContextWithSpare:
                "deflate after the dictionary and the shape of an earlier message; spare bits at the end"
            case CompactForm.deflateWithSpare: "deflate after the dictionary; spare bits at the end"
            case CompactForm.plain: "not compressed"
            default: "deflate after the dictionary"
            }
        return ExplainedMessage(form: form, head: head, parts: parts)
    }
}
