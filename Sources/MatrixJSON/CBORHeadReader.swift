import CCBOR

/// One head after another from bytes that anybody may have made, by libcbor's stream decoder under rules of our own: libcbor
/// itself believes declared counts, accepts long heads, wrong UTF-8 and lone breaks, and refuses some tags as malformed.
struct CBORHeadReader {
    let bytes: [UInt8]
    var index = 0
    private var callbacks = CBORToken.callbacks

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    var isAtEnd: Bool { index == bytes.count }

    mutating func token() throws(CBORCodecError) -> CBORToken {
        let start = index
        guard start < bytes.count else { throw CBORCodecError(.truncated, at: start) }
        // libcbor 0.8 takes the tags 6 to 20 for malformed; none is wanted here anyway.
        if bytes[start] >> 5 == 6 { throw CBORCodecError(.tag, at: start) }
        var found: CBORToken?
        let result = bytes.withUnsafeBufferPointer { buffer in
            withUnsafeMutablePointer(to: &found) { context in
                cbor_stream_decode(buffer.baseAddress?.advanced(by: start), buffer.count - start, &callbacks, context)
            }
        }
        // `result.required` overflows with lengths near 2^64: never looked at.
        switch result.status {
        case CBOR_DECODER_FINISHED: break
        case CBOR_DECODER_NEDATA: throw CBORCodecError(.truncated, at: start)
        default: throw CBORCodecError(.unsupported, at: start)
        }
        guard let found, result.read > 0, result.read <= bytes.count - start else {
            throw CBORCodecError(.truncated, at: start)
        }
        try check(found, read: result.read, at: start)
        index = start + result.read
        return found
    }

    /// The text whose token was just taken: it ends at `index`.
    func text(length: UInt64, of start: Int) throws(CBORCodecError) -> String {
        guard let length = Int(exactly: length), length <= index - start else {
            throw CBORCodecError(.truncated, at: start)
        }
        let content = bytes[index - length..<index]
        guard let text = content.withUnsafeBufferPointer({ String(validating: $0, as: UTF8.self) }) else {
            throw CBORCodecError(.invalidUTF8, at: start)
        }
        return text
    }

    /// The argument of a head without its content. For what libcbor refuses (unassigned simple values, the tags 6 to 20)
    /// and for strings whose content stands elsewhere.
    mutating func bareArgument() throws(CBORCodecError) -> UInt64 {
        let start = index
        guard start < bytes.count else { throw CBORCodecError(.truncated, at: start) }
        let short = bytes[start] & 0x1F
        guard short >= 24 else {
            index += 1
            return UInt64(short)
        }
        guard short <= 27 else { throw CBORCodecError(.indefiniteLength, at: start) }
        let length = 1 << Int(short - 24)
        guard bytes.count - start > length else { throw CBORCodecError(.truncated, at: start) }
        var value: UInt64 = 0
        for byte in bytes[start + 1...start + length] { value = value << 8 | UInt64(byte) }
        guard value >= (length == 1 ? 24 : 1 << UInt64(length * 4)) else {
            throw CBORCodecError(.nonMinimal, at: start)
        }
        index = start + 1 + length
        return value
    }

    private func check(_ token: CBORToken, read: Int, at start: Int) throws(CBORCodecError) {
        guard var expected = token.shortestHead else { return }
        switch token {
        case .text(let length), .byteString(let length):
            guard let length = Int(exactly: length), length <= read else { throw CBORCodecError(.truncated, at: start) }
            expected += length
        default: break
        }
        guard read == expected else { throw CBORCodecError(.nonMinimal, at: start) }
    }
}
