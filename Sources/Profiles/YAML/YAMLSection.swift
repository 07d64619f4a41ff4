internal import Foundation
internal import Yams

/// One mapping of a file that a person wrote, read key by key. Every error names file, line, key and what is allowed; a key
/// that nobody asked for is an error too, since a misspelt one would be silently without effect.
public final class YAMLSection {
    public let file: String
    /// `homeserver` for the keys below it, `bands[1]` for those of the second item of a list; empty at the top.
    public let path: String
    /// `bands[]` for every item of a list.
    private let logPath: String
    private let mapping: Node.Mapping
    /// The place of each key.
    private let places: [String: Int]
    private let line: Int
    private var known: [String] = []
    private let environment: [String: String]
    private let log: KeyLog

    /// All keys that were asked for in one file.
    private final class KeyLog {
        var keys: [String] = []
    }

    /// Reads a whole file.
    ///
    /// - Parameter environment: variables that override the file: `SOTTO_HOMESERVER__URL` the key `homeserver.url`, and
    ///   `SOTTO_HOMESERVER__URL_FILE` names a file that holds its value.
    public static func load(_ file: String, environment: [String: String] = [:]) throws(FieldError) -> YAMLSection {
        try parse(try YAMLText.read(file), file: file, environment: environment)
    }

    /// - Parameter file: what errors name.
    public static func parse(
        _ text: String, file: String, environment: [String: String] = [:]
    ) throws(FieldError) -> YAMLSection {
        let mapping = try YAMLText.mapping(text, file: file) ?? Node.Mapping([])
        return YAMLSection(
            file: file, path: "", logPath: "", mapping: mapping, line: 1, environment: environment, log: KeyLog())
    }

    private init(
        file: String, path: String, logPath: String, mapping: Node.Mapping, line: Int, environment: [String: String],
        log: KeyLog
    ) {
        self.file = file
        self.path = path
        self.logPath = logPath
        self.mapping = mapping
        places = Dictionary(
            mapping.enumerated().compactMap { index, pair in pair.key.scalar.map { ($0.string, index) } },
            uniquingKeysWith: { first, _ in first })
        self.line = mapping.mark?.line ?? line
        self.environment = environment
        self.log = log
    }

    /// A file in which nothing stands.
    static var empty: YAMLSection {
        YAMLSection(
            file: "", path: "", logPath: "", mapping: Node.Mapping([]), line: 1, environment: [:], log: KeyLog())
    }

    // MARK: Values

    /// nil: the key is absent, or nothing stands behind it.
    public func string(_ key: String) throws(FieldError) -> String? {
        note(key)
        if let value = try override(key) { return value }
        guard let node = node(key) else { return nil }
        guard let text = node.scalar?.string else { throw failure(key, "a text is expected") }
        return node.isNull ? nil : text
    }

    public func required(_ key: String, _ what: String) throws(FieldError) -> String {
        guard let value = try string(key) else { throw failure(key, "is missing: \(what)") }
        return value
    }

    public func bool(_ key: String) throws(FieldError) -> Bool? {
        guard let text = try string(key) else { return nil }
        switch text.lowercased() {
        case "true", "yes": return true
        case "false", "no": return false
        default: throw failure(key, "\(shown(text)) is neither true nor false")
        }
    }

    public func integer(_ key: String, _ range: ClosedRange<Int64>) throws(FieldError) -> Int64? {
        guard let text = try string(key) else { return nil }
        guard let value = Int64(text), range.contains(value) else {
            throw failure(
                key,
                "\(shown(text)) is not a whole number from \(range.lowerBound) to \(range.upperBound)\(YAMLNumber.unit(of: key))"
            )
        }
        return value
    }

    public func number(_ key: String, _ range: ClosedRange<Double>) throws(FieldError) -> Double? {
        guard let text = try string(key) else { return nil }
        return try number(text, key, range)
    }

    private func number(_ text: String, _ key: String, _ range: ClosedRange<Double>) throws(FieldError) -> Double {
        guard let value = YAMLNumber.parse(text), range.contains(value) else {
            let allowed = "\(YAMLNumber.text(range.lowerBound)) to \(YAMLNumber.text(range.upperBound))"
            throw failure(key, "\(shown(text)) is not a number from \(allowed)\(YAMLNumber.unit(of: key))")
        }
        return value
    }

    /// One of some words, by the value that each stands for.
    public func choice<T>(_ key: String, _ words: [(word: String, value: T)]) throws(FieldError) -> T? {
        guard let text = try string(key) else { return nil }
        guard let found = words.first(where: { $0.word == text }) else {
            throw failure(key, "\(shown(text)) is not one of \(words.map { $0.word }.joined(separator: ", "))")
        }
        return found.value
    }

    /// A list of texts; a single text is a list of one.
    public func strings(_ key: String) throws(FieldError) -> [String]? {
        note(key)
        if let value = try override(key) {
            return value.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
        }
        guard let node = node(key) else { return nil }
        if let text = node.scalar?.string { return text.isEmpty ? nil : [text] }
        guard let sequence = node.sequence else { throw failure(key, "a list of texts is expected") }
        var texts: [String] = []
        for item in sequence {
            guard let text = item.scalar?.string else { throw failure(key, "a list of texts is expected") }
            texts.append(text)
        }
        return texts
    }

    /// A list of so many numbers, in rising order.
    public func numbers(_ key: String, count: Int, _ range: ClosedRange<Double>) throws(FieldError) -> [Double]? {
        guard let texts = try strings(key) else { return nil }
        guard texts.count == count else {
            throw failure(key, "\(count) numbers are expected, in brackets; there are \(texts.count)")
        }
        var numbers: [Double] = []
        for text in texts { numbers.append(try number(text, key, range)) }
        guard zip(numbers, numbers.dropFirst()).allSatisfy({ $0 <= $1 }) else {
            throw failure(key, "\(shown(texts.joined(separator: ", "))) does not rise: the smaller one comes first")
        }
        return numbers
    }

    /// The mapping below a key; an empty one where it is absent.
    public func section(_ key: String) throws(FieldError) -> YAMLSection {
        note(key)
        guard let node = node(key), !node.isNull else {
            return child(key, Node.Mapping([]), line(of: key))
        }
        guard let mapping = node.mapping else { throw failure(key, "keys and values are expected below it") }
        return child(key, mapping, node.mark?.line ?? line(of: key))
    }

    /// The mappings of a list; none where it is absent.
    public func sections(_ key: String) throws(FieldError) -> [YAMLSection] {
        note(key)
        guard let node = node(key), !node.isNull else { return [] }
        guard let sequence = node.sequence else { throw failure(key, "a list is expected, each item behind a dash") }
        var sections: [YAMLSection] = []
        for (index, item) in sequence.enumerated() {
            guard let mapping = item.mapping else {
                throw failure(key, "item \(index + 1): keys and values are expected")
            }
            sections.append(child("\(key)[\(index)]", mapping, item.mark?.line ?? line(of: key), logged: "\(key)[]"))
        }
        return sections
    }

    /// The keys of a mapping whose keys are free, with their values as texts, in the order of the file.
    public func entries() throws(FieldError) -> [(key: String, value: String)] {
        var entries: [(String, String)] = []
        for (node, value) in mapping {
            guard let key = node.scalar?.string else { throw failure("", "a name is expected before the colon") }
            guard let text = value.scalar?.string else { throw failure(key, "a text or a number is expected") }
            known.append(key)
            entries.append((key, text))
        }
        return entries
    }

    public func isMapping(_ key: String) -> Bool { node(key)?.mapping != nil }
    public var isEmpty: Bool { mapping.isEmpty }
    /// What stands in the file, asked for or not.
    public var keys: [String] { mapping.compactMap { $0.key.scalar?.string } }

    /// Whether something stands at `down.mtu_bytes`.
    public func has(path: String) -> Bool {
        let parts = path.split(separator: ".", omittingEmptySubsequences: false).map { String($0) }
        guard let first = parts.first, var node = node(first) else { return false }
        for part in parts.dropFirst() {
            guard let inner = node.mapping?.first(where: { $0.key.scalar?.string == part })?.value else { return false }
            node = inner
        }
        return !node.isNull
    }

    /// A path in the file is relative to the file.
    public func filePath(_ key: String) throws(FieldError) -> String? {
        try string(key).map { resolve($0) }
    }

    public func resolve(_ path: String) -> String {
        path.hasPrefix("/")
            ? path : URL(fileURLWithPath: file).deletingLastPathComponent().appendingPathComponent(path).path
    }

    // MARK: What is wrong

    /// To be called when every key has been asked for.
    public func finish() throws(FieldError) {
        for (node, _) in mapping {
            guard let key = node.scalar?.string else {
                throw FieldError(
                    file: file, line: node.mark?.line ?? line, field: path.isEmpty ? nil : path,
                    problem: "a name is expected before the colon")
            }
            if known.contains(key) { continue }
            // A long one is no slip of the finger, and comparing it would take long.
            let near = key.utf8.count > 64 ? nil : known.min { distance($0, key) < distance($1, key) }
            let hint = near.flatMap { distance($0, key) <= 2 ? "; is \"\($0)\" meant?" : nil } ?? "."
            let names = known.sorted().joined(separator: ", ")
            throw failure(key, "is not a key here\(hint) Known are: \(names)")
        }
    }

    public func failure(_ key: String, _ what: String) -> FieldError {
        let field = path.isEmpty ? key : key.isEmpty ? path : "\(path).\(key)"
        return FieldError(file: file, line: line(of: key), field: Self.shortened(field), problem: what)
    }

    /// Every key that was asked for anywhere in the file, with `[]` for the items of a list.
    public var keysAskedFor: [String] { log.keys }

    // MARK: Pieces

    private func node(_ key: String) -> Node? {
        places[key].map { mapping[mapping.index(mapping.startIndex, offsetBy: $0)].value }
    }

    private func note(_ key: String) {
        guard !known.contains(key) else { return }
        known.append(key)
        log.keys.append(logPath.isEmpty ? key : "\(logPath).\(key)")
    }

    private func line(of key: String) -> Int {
        places[key].flatMap { mapping[mapping.index(mapping.startIndex, offsetBy: $0)].key.mark?.line } ?? line
    }

    private func child(
        _ key: String, _ mapping: Node.Mapping, _ line: Int, logged: String? = nil
    ) -> YAMLSection {
        let logged = logged ?? key
        return YAMLSection(
            file: file, path: path.isEmpty ? key : "\(path).\(key)",
            logPath: logPath.isEmpty ? logged : "\(logPath).\(logged)", mapping: mapping, line: line,
            environment: environment, log: log)
    }

    /// A value in an error: in quotes, and not the whole of a book.
    public func shown(_ text: String) -> String { "\"\(Self.shortened(text))\"" }

    private static func shortened(_ text: String) -> String {
        text.utf8.count <= 120 ? text : text.prefix(120) + "..."
    }

    private func override(_ key: String) throws(FieldError) -> String? {
        guard !environment.isEmpty else { return nil }
        let full = path.isEmpty ? key : "\(path)__\(key)"
        let name = "SOTTO_" + full.replacingOccurrences(of: ".", with: "__").uppercased()
        if let value = environment[name] { return value }
        guard let path = environment[name + "_FILE"] else { return nil }
        do {
            return try String(contentsOfFile: path, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
        } catch {
            throw FieldError(file: "\(name)_FILE", problem: "\(path): \(error.localizedDescription)")
        }
    }

    /// Edits that lead from one word to the other (Levenshtein).
    private func distance(_ a: String, _ b: String) -> Int {
        var row = Array(0...b.count)
        for (i, x) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, y) in b.enumerated() {
                let above = row[j + 1]
                row[j + 1] = min(above + 1, row[j] + 1, diagonal + (x == y ? 0 : 1))
                diagonal = above
            }
        }
        return row[b.count]
    }
}
