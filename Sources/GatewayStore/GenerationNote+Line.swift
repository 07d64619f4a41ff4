/// A note as a line of text, for what is no database.
extension GenerationNote {
    public static var lineStart: String { "sotto note " }

    public var line: String {
        Self.lineStart
            + [
                hexadecimal(instance), String(sequence), machine.map(hexadecimal) ?? "-", anchor.text,
                String(seenUnixMilliseconds),
            ].joined(separator: " ")
    }

    public init?(line: String) {
        guard line.hasPrefix(Self.lineStart) else { return nil }
        let words = line.dropFirst(Self.lineStart.count).split(separator: " ")
        guard words.count == 5, let instance = bytes(hexadecimal: words[0]), let sequence = UInt64(words[1]),
            let anchor = FileStamp(String(words[3])), let seen = Int64(words[4])
        else { return nil }
        var machine: [UInt8]?
        if words[2] != "-" {
            guard let named = bytes(hexadecimal: words[2]) else { return nil }
            machine = named
        }
        self.init(
            instance: instance, sequence: sequence, machine: machine, anchor: anchor, seenUnixMilliseconds: seen)
    }
}

func hexadecimal(_ bytes: [UInt8]) -> String {
    bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
}

func bytes(hexadecimal text: Substring) -> [UInt8]? {
    guard text.utf8.count % 2 == 0 else { return nil }
    var bytes: [UInt8] = []
    var rest = text
    while !rest.isEmpty {
        guard let byte = UInt8(rest.prefix(2), radix: 16) else { return nil }
        bytes.append(byte)
        rest = rest.dropFirst(2)
    }
    return bytes
}
