internal import Foundation
internal import Yams

/// One mapping of a configuration file, read key by key. Every error names file, line, key and what is allowed; a key that
/// nobody asked for is an error too, since a misspelt one would be silently without effect.
final class YAMLSection {
    let file: String
    /// `homeserver` for the keys below it; empty at the top.
    let path: String
    private let mapping: Node.Mapping
    private var known: [String] = []
    private let environment: [String: String]

    /// Reads a whole file.
    ///
    /// - Parameter environment: variables that override the file: `SOTTO_HOMESERVER__URL` the key `homeserver.url`, and
    ///   `SOTTO_HOMESERVER__URL_FILE` names a file that holds its value.
    static func load(_ file: String, environment: [String: String] = [:]) throws -> YAMLSection {
        let text: String
        do {
            text = try String(contentsOfFile: file, encoding: .utf8)
        } catch {
            throw Failure(.badConfiguration, "\(file): cannot be read: \(error.localizedDescription)")
        }
        do {
            guard let node = try Yams.compose(yaml: text) else {
                return YAMLSection(file: file, path: "", mapping: Node.Mapping([]), environment: environment)
            }
            guard let mapping = node.mapping else {
                throw Failure(.badConfiguration, "\(file):1: keys and values are expected")
            }
            return YAMLSection(file: file, path: "", mapping: mapping, environment: environment)
        } catch let error as YamlError {
            throw Failure(.badConfiguration, "\(file): \(error)")
        }
    }

    private init(file: String, path: String, mapping: Node.Mapping, environment: [String: String]) {
        self.file = file
        self.path = path
        self.mapping = mapping
        self.environment = environment
    }

    // MARK: Values

    func string(_ key: String) throws -> String? {
        known.append(key)
        if let value = try override(key) { return value }
        guard let node = mapping[Node(key)] else { return nil }
        guard let text = node.scalar?.string else { throw failure(key, "a text is expected") }
        return node.tag.description.hasSuffix(":null") || text.isEmpty ? nil : text
    }

    func required(_ key: String, _ what: String) throws -> String {
        guard let value = try string(key) else { throw failure(key, "is missing: \(what)") }
        return value
    }

    func bool(_ key: String) throws -> Bool? {
        guard let text = try string(key) else { return nil }
        switch text.lowercased() {
        case "true", "yes": return true
        case "false", "no": return false
        default: throw failure(key, "\"\(text)\" is neither true nor false")
        }
    }

    func integer(_ key: String, _ range: ClosedRange<Int64>) throws -> Int64? {
        guard let text = try string(key) else { return nil }
        guard let value = Int64(text), range.contains(value) else {
            throw failure(key, "\"\(text)\" is not a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    func number(_ key: String, _ range: ClosedRange<Double>) throws -> Double? {
        guard let text = try string(key) else { return nil }
        guard let value = Double(text), value.isFinite, range.contains(value) else {
            throw failure(key, "\"\(text)\" is not a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    /// A list of texts; a single text is a list of one.
    func strings(_ key: String) throws -> [String]? {
        known.append(key)
        if let value = try override(key) {
            return value.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
        }
        guard let node = mapping[Node(key)] else { return nil }
        if let text = node.scalar?.string { return text.isEmpty ? nil : [text] }
        guard let sequence = node.sequence else { throw failure(key, "a list of texts is expected") }
        return try sequence.map { item in
            guard let text = item.scalar?.string else { throw failure(key, "a list of texts is expected") }
            return text
        }
    }

    /// The mapping below a key; an empty one where it is absent.
    func section(_ key: String) throws -> YAMLSection {
        known.append(key)
        let inner = path.isEmpty ? key : "\(path).\(key)"
        guard let node = mapping[Node(key)], !node.tag.description.hasSuffix(":null") else {
            return YAMLSection(file: file, path: inner, mapping: Node.Mapping([]), environment: environment)
        }
        guard let mapping = node.mapping else { throw failure(key, "keys and values are expected below it") }
        return YAMLSection(file: file, path: inner, mapping: mapping, environment: environment)
    }

    func isMapping(_ key: String) -> Bool { mapping[Node(key)]?.mapping != nil }

    /// A path in the file is relative to the file.
    func filePath(_ key: String) throws -> String? {
        try string(key).map { resolve($0) }
    }

    func resolve(_ path: String) -> String {
        path.hasPrefix("/")
            ? path : URL(fileURLWithPath: file).deletingLastPathComponent().appendingPathComponent(path).path
    }

    /// To be called when every key has been asked for.
    func finish() throws {
        for (node, _) in mapping {
            guard let key = node.scalar?.string, !known.contains(key) else { continue }
            let near = known.min { distance($0, key) < distance($1, key) }
            let hint = near.flatMap { distance($0, key) <= 2 ? "; is \"\($0)\" meant?" : nil } ?? ""
            throw failure(key, "is not a key here\(hint) Known are: \(known.sorted().joined(separator: ", "))")
        }
    }

    func failure(_ key: String, _ what: String) -> Failure {
        let full = path.isEmpty ? key : "\(path).\(key)"
        let line = mapping.first { $0.key.scalar?.string == key }?.key.mark?.line ?? mapping.mark?.line ?? 1
        return Failure(.badConfiguration, "\(file):\(line): \(full): \(what)")
    }

    // MARK: Pieces

    private func override(_ key: String) throws -> String? {
        let full = path.isEmpty ? key : "\(path)__\(key)"
        let name = "SOTTO_" + full.replacingOccurrences(of: ".", with: "__").uppercased()
        if let value = environment[name] { return value }
        guard let path = environment[name + "_FILE"] else { return nil }
        do {
            return try String(contentsOfFile: path, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
        } catch {
            throw Failure(.badConfiguration, "\(name)_FILE: \(path): \(error.localizedDescription)")
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
