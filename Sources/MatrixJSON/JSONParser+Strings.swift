extension JSONParser {
    /// The string whose opening quotation mark stands at `index`.
    mutating func string() throws(JSONError) -> String {
        index += 1
        let start = index
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\""):
                let text = try validated(bytes[start..<index], at: start)
                index += 1
                return text
            case UInt8(ascii: "\\"): return try escapedString(from: start)
            case 0..<0x20: throw fault(.controlCharacter, at: index)
            default: index += 1
            }
        }
        throw unexpected()
    }

    /// The rest of a string that has escapes, the first of them at `index`.
    private mutating func escapedString(from start: Int) throws(JSONError) -> String {
        var text: [UInt8] = []
        var run = start
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\""):
                // Between escapes stands raw text; each run is checked by itself, so that no escape completes a sequence.
                try appendRun(from: run, to: &text)
                index += 1
                return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"):
                try appendRun(from: run, to: &text)
                try appendEscape(to: &text)
                run = index
            case 0..<0x20: throw fault(.controlCharacter, at: index)
            default: index += 1
            }
        }
        throw unexpected()
    }

    private func appendRun(from start: Int, to text: inout [UInt8]) throws(JSONError) {
        guard start < index else { return }
        _ = try validated(bytes[start..<index], at: start)
        text.append(contentsOf: bytes[start..<index])
    }

    private func validated(_ run: ArraySlice<UInt8>, at start: Int) throws(JSONError) -> String {
        guard let text = run.withUnsafeBufferPointer({ String(validating: $0, as: UTF8.self) }) else {
            // Repairing puts U+FFFD where the fault is: what is before it tells the offset.
            let repaired = String(decoding: run, as: UTF8.self).utf8
            let same = zip(repaired, run).prefix { $0 == $1 }.count
            throw fault(.invalidUTF8, at: start + same)
        }
        return text
    }

    private mutating func appendEscape(to text: inout [UInt8]) throws(JSONError) {
        let start = index
        index += 1
        guard index < bytes.count else { throw unexpected() }
        let letter = bytes[index]
        index += 1
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(letter)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"): text.append(contentsOf: Array(String(try scalar(escapedAt: start)).utf8))
        default: throw fault(.invalidEscape, at: start)
        }
    }

    /// The code point of `\uXXXX`, or of two of them that are a surrogate pair.
    private mutating func scalar(escapedAt start: Int) throws(JSONError) -> Character {
        let first = try fourHexDigits(escapedAt: start)
        var code = UInt32(first)
        if UTF16.isLeadSurrogate(first) {
            let second = index
            guard taken(UInt8(ascii: "\\")), taken(UInt8(ascii: "u")) else { throw fault(.loneSurrogate, at: start) }
            let low = try fourHexDigits(escapedAt: second)
            guard UTF16.isTrailSurrogate(low) else { throw fault(.loneSurrogate, at: start) }
            code = 0x10000 + (code & 0x3FF) << 10 + UInt32(low & 0x3FF)
        }
        // Of all that four digits can say only a trail surrogate by itself is no scalar.
        guard let scalar = Unicode.Scalar(code) else { throw fault(.loneSurrogate, at: start) }
        return Character(scalar)
    }

    private mutating func fourHexDigits(escapedAt start: Int) throws(JSONError) -> UInt16 {
        var value: UInt16 = 0
        for _ in 0..<4 {
            guard index < bytes.count else { throw unexpected() }
            let byte = bytes[index]
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
            default: throw fault(.invalidEscape, at: start)
            }
            value = value << 4 | UInt16(digit)
            index += 1
        }
        return value
    }
}
