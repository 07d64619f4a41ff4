/// Why a text is not JSON that can be carried, and where.
public struct JSONError: Error, Equatable, Sendable {
    public enum Reason: Equatable, Sendable {
        case unexpectedEnd
        /// A byte that cannot stand there: bad syntax, a leading zero, `NaN`, a byte order mark.
        case unexpectedByte(UInt8)
        /// Something follows the document.
        case trailingBytes
        case invalidUTF8
        /// A backslash with a letter that JSON does not know, or `\u` without four hexadecimal digits.
        case invalidEscape
        /// Half of a surrogate pair: no Unicode text contains it, and no UTF-8 can.
        case loneSurrogate
        /// A control character below U+0020 in a string that is not escaped.
        case controlCharacter
        /// An integer beyond 64 bits, or a float beyond the range of a double.
        case numberOutOfRange
        case tooLong
        case tooDeep
        case tooManyValues
    }

    public let reason: Reason
    /// Bytes before the fault.
    public let offset: Int
    /// Counted from 1; lines end with a line feed.
    public let line: Int
    /// Counted from 1 in code points.
    public let column: Int

    init(_ reason: Reason, in bytes: [UInt8], at offset: Int) {
        self.reason = reason
        self.offset = offset
        var line = 1
        var column = 1
        for byte in bytes.prefix(offset) {
            if byte == 0x0A {
                line += 1
                column = 1
            } else if byte & 0xC0 != 0x80 {
                column += 1
            }
        }
        self.line = line
        self.column = column
    }
}

extension JSONError: CustomStringConvertible {
    public var description: String {
        let what =
            switch reason {
            case .unexpectedEnd: "the text ends too early"
            case .unexpectedByte(let byte):
                byte > 0x20 && byte < 0x7F
                    ? "unexpected \"\(Character(Unicode.Scalar(byte)))\"" : "unexpected byte \(byte)"
            case .trailingBytes: "more text after the document"
            case .invalidUTF8: "not UTF-8"
            case .invalidEscape: "unknown escape"
            case .loneSurrogate: "half of a surrogate pair"
            case .controlCharacter: "control character that is not escaped"
            case .numberOutOfRange: "number out of range"
            case .tooLong: "text too long"
            case .tooDeep: "nested too deep"
            case .tooManyValues: "too many values"
            }
        return "line \(line), column \(column): \(what)"
    }
}
