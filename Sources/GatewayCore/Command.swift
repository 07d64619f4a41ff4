/// `!DEVICE VERB [KEY=VALUE ...]` as somebody writes it in a room.
struct Command: Equatable {
    var device: String
    var verb: String
    var arguments: [Argument]

    struct Argument: Equatable {
        var key: String
        var value: String
    }

    /// nil: not a command at all. An argument without `=` has an empty value; of one that comes twice the last
    /// counts.
    init?(_ text: String) {
        guard text.hasPrefix("!") else { return nil }
        let words = text.dropFirst().split(whereSeparator: { $0 == " " || $0 == "\t" || $0 == "\n" })
        guard let device = words.first, text.dropFirst().first?.isWhitespace == false else { return nil }
        self.device = String(device)
        verb = words.count > 1 ? String(words[1]) : ""
        arguments = []
        for word in words.dropFirst(2) {
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let argument = Argument(key: String(parts[0]), value: parts.count > 1 ? String(parts[1]) : "")
            arguments.removeAll { $0.key == argument.key }
            arguments.append(argument)
        }
    }
}
