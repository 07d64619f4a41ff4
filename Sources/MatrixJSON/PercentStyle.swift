/// Which characters a client leaves as they are in paths and queries. The same path comes in several spellings, and a
/// signature of the federation covers the spelling.
enum PercentStyle: Int, CaseIterable, Sendable {
    /// All that RFC 3986 allows in a segment.
    case segment
    /// encodeURIComponent of JavaScript.
    case javaScript
    /// urllib.parse.quote(..., safe="") of Python, and all that encode the reserved characters.
    case unreserved

    private func keeps(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            return true
        default: break
        }
        let others: StaticString =
            switch self {
            case .segment: "-._~!$&'()*+,;=:@"
            case .javaScript: "-._~!'()*"
            case .unreserved: "-._~"
            }
        return others.withUTF8Buffer { $0.contains(byte) }
    }

    /// - Parameter isQuery: `&`, `=` and `+` have a meaning of their own there.
    func encode(_ text: String, isQuery: Bool) -> String {
        var utf8: [UInt8] = []
        for byte in text.utf8 {
            let separates = byte == UInt8(ascii: "&") || byte == UInt8(ascii: "=") || byte == UInt8(ascii: "+")
            if keeps(byte), !(isQuery && separates) {
                utf8.append(byte)
            } else {
                utf8.append(UInt8(ascii: "%"))
                for digit in [byte >> 4, byte & 0xF] {
                    utf8.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "A") + digit - 10)
                }
            }
        }
        return String(decoding: utf8, as: UTF8.self)
    }

    /// nil where an escape is cut or what comes out is no UTF-8.
    static func decode(_ text: Substring) -> String? {
        var utf8: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                utf8.append(byte)
                continue
            }
            guard let high = rest.popFirst(), let low = rest.popFirst(), let first = digit(high),
                let second = digit(low)
            else { return nil }
            utf8.append(first << 4 | second)
        }
        return String(validating: utf8, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
