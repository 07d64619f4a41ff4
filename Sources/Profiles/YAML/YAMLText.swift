internal import Foundation
internal import Yams

/// YAML from outside, read with bounds. What a person writes needs neither anchors nor aliases, and with them a few lines
/// unfold into more than any memory holds.
enum YAMLText {
    /// The longest file, in bytes.
    static let mostBytes = 256 * 1024

    static func read(_ file: String) throws(FieldError) -> String {
        let bytes: Data
        do {
            guard let handle = FileHandle(forReadingAtPath: file) else {
                throw CocoaError(FileManager.default.fileExists(atPath: file) ? .fileReadNoPermission : .fileNoSuchFile)
            }
            defer { try? handle.close() }
            bytes = try handle.read(upToCount: mostBytes + 1) ?? Data()
        } catch {
            throw FieldError(file: file, problem: "cannot be read: \(error.localizedDescription)")
        }
        guard bytes.count <= mostBytes else {
            throw FieldError(file: file, problem: "is too long: at most \(mostBytes) bytes are read")
        }
        guard let text = String(bytes: bytes, encoding: .utf8) else {
            throw FieldError(file: file, problem: "is not UTF-8")
        }
        return text
    }

    /// The mapping that a text is; nil: nothing stands in it.
    static func mapping(_ text: String, file: String) throws(FieldError) -> Node.Mapping? {
        guard text.utf8.count <= mostBytes else {
            throw FieldError(file: file, problem: "is too long: at most \(mostBytes) bytes are read")
        }
        if let line = lineWithAnchor(text) {
            throw FieldError(
                file: file, line: line,
                problem: "anchors (&name) and aliases (*name) are not allowed; write the value out")
        }
        let node: Node?
        do {
            // Without rules for types: every value is read by the key that it stands behind.
            node = try Yams.compose(yaml: text, .basic)
        } catch {
            throw FieldError(file: file, error)
        }
        guard let node else { return nil }
        if node.isNull { return nil }
        guard let mapping = node.mapping else {
            throw FieldError(file: file, line: node.mark?.line ?? 1, problem: "keys and values are expected")
        }
        return mapping
    }

    /// The first line in which something stands that YAML could take for an anchor or an alias. Inside quotes it would be
    /// text: such a text needs its `&` or `*` directly behind the quote, or no blank before it.
    private static func lineWithAnchor(_ text: String) -> Int? {
        var line = 1
        var before: UInt8 = 0x0A
        var mark: UInt8 = 0
        for byte in text.utf8 {
            if mark != 0, !blanks.contains(byte) { return line }
            mark = (byte == 0x26 || byte == 0x2A) && opensToken(before) ? byte : 0
            if byte == 0x0A { line += 1 }
            before = byte
        }
        return nil
    }

    private static let blanks: [UInt8] = [0x20, 0x09, 0x0A, 0x0D]

    /// Whether a token may begin behind it: blanks, line ends (also those of Unicode, whose last byte this is), `[{,:` .
    private static func opensToken(_ byte: UInt8) -> Bool {
        blanks.contains(byte) || byte >= 0x80 || [0x5B, 0x7B, 0x2C, 0x3A].contains(byte)
    }
}

extension Node {
    /// Nothing stands behind the colon, or a word that says so.
    var isNull: Bool {
        guard let scalar else { return false }
        return scalar.string.isEmpty || scalar.style == .plain && ["~", "null", "Null", "NULL"].contains(scalar.string)
    }
}

extension FieldError {
    /// From an error of the parser.
    init(file: String, _ error: any Error) {
        switch error as? YamlError {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            self.init(file: file, line: mark.line, problem: "is not YAML: \(problem)")
        case .duplicatedKeysInMapping(let keys, let context):
            self.init(
                file: file, line: context.mark.line, field: keys.first, problem: "stands here more than once")
        case .reader(let problem, let offset, _, let text):
            let line = offset.map { text.prefix($0).reduce(1) { $1.isNewline ? $0 + 1 : $0 } }
            self.init(file: file, line: line, problem: "is not YAML: \(problem)")
        default:
            self.init(file: file, problem: "is not YAML")
        }
    }
}
