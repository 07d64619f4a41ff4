extension String {
    /// The text as one line of a log or a terminal: whatever would end the line, move the cursor, or turn the direction of
    /// writing stands there as `\u{...}`. So nobody's words make a line of their own, or undo another.
    public var onOneLine: String {
        replacing(where: \.actsOnLine) { "\\u{\(String($0.value, radix: 16))}" }
    }

    /// The same for JSON, which stays the same value. Line feeds in it are its own, since those of a string are escaped.
    public var asPlainJSON: String {
        replacing(where: { $0.actsOnLine && $0 != "\n" }) {
            let digits = String($0.value, radix: 16)
            return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }
    }

    private func replacing(
        where acts: (Unicode.Scalar) -> Bool, _ replacement: (Unicode.Scalar) -> String
    ) -> String {
        guard unicodeScalars.contains(where: acts) else { return self }
        var text = String.UnicodeScalarView()
        for scalar in unicodeScalars {
            if acts(scalar) {
                text.append(contentsOf: replacement(scalar).unicodeScalars)
            } else {
                text.append(scalar)
            }
        }
        return String(text)
    }
}

extension Unicode.Scalar {
    /// All of them have four hexadecimal digits at most.
    fileprivate var actsOnLine: Bool {
        switch value {
        // A tab only moves on.
        case 0x09: false
        // C0 with escape, delete, and C1, whose 0x9B is escape and bracket in one.
        case 0...0x1F, 0x7F...0x9F: true
        // Separators of lines and paragraphs; marks, embeddings, overrides and isolates of direction.
        case 0x061C, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069: true
        default: false
        }
    }
}
