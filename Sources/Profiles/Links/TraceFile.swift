internal import Foundation

/// Losses as they were recorded, in files of their own. Lines that are empty or begin with `#` are for the reader.
enum TraceFile {
    /// The longest, in bytes.
    static let mostBytes = 4 * 1024 * 1024

    /// Outages: a line for each, `FROM,TO` in seconds, in order and apart; a first line with names is left out.
    ///
    /// - Parameter place: the key that names the file.
    static func ranges(_ path: String, within period: Int64?, _ place: FieldError) throws(FieldError) -> [Range<Int64>]
    {
        var ranges: [Range<Int64>] = []
        for (index, line) in try lines(path, place).enumerated() {
            let fields = line.split(separator: ",", omittingEmptySubsequences: false).map {
                $0.trimmingCharacters(in: .whitespaces)
            }
            if fields == [""] || line.hasPrefix("#") { continue }
            func failure(_ problem: String) -> FieldError {
                FieldError(file: path, line: index + 1, problem: "\"\(line.prefix(80))\" \(problem)")
            }
            guard fields.count == 2, let from = YAMLNumber.parse(fields[0]), let to = YAMLNumber.parse(fields[1]),
                (0...31_536_000).contains(from), (0...31_536_000).contains(to)
            else {
                if index == 0, fields.allSatisfy({ YAMLNumber.parse($0) == nil }) { continue }
                throw failure("is not FROM,TO: two numbers from 0 to 31536000, in seconds")
            }
            let range = (YAMLSection.nanoseconds(from), YAMLSection.nanoseconds(to))
            guard range.0 < range.1 else { throw failure("does not end after it begins") }
            if let last = ranges.last, range.0 < last.upperBound {
                throw failure("begins before the end of the one before it")
            }
            if let period, range.1 > period { throw failure("ends after period_s") }
            ranges.append(range.0..<range.1)
        }
        return ranges
    }

    /// A sign for each datagram: 0 arrives, 1 does not.
    static func signs(_ path: String, _ place: FieldError) throws(FieldError) -> [Bool] {
        var signs: [Bool] = []
        for (index, line) in try lines(path, place).enumerated() where !line.hasPrefix("#") {
            for sign in line.utf8 {
                switch sign {
                case 0x30: signs.append(false)
                case 0x31: signs.append(true)
                case 0x20, 0x09, 0x0D, 0x2C: continue
                default:
                    throw FieldError(
                        file: path, line: index + 1,
                        problem: "\"\(line.prefix(80))\": 0 (arrives) and 1 (lost) are expected")
                }
            }
        }
        guard !signs.isEmpty else {
            throw FieldError(file: path, problem: "is empty: 0 (arrives) and 1 (lost) are expected")
        }
        return signs
    }

    private static func lines(_ path: String, _ place: FieldError) throws(FieldError) -> [Substring] {
        var place = place
        let bytes: Data
        do {
            guard let handle = FileHandle(forReadingAtPath: path) else { throw CocoaError(.fileNoSuchFile) }
            defer { try? handle.close() }
            bytes = try handle.read(upToCount: mostBytes + 1) ?? Data()
        } catch {
            place.problem = "\"\(path)\" cannot be read"
            throw place
        }
        guard bytes.count <= mostBytes, let text = String(bytes: bytes, encoding: .utf8) else {
            place.problem = "\"\(path)\" is not text of at most \(mostBytes) bytes"
            throw place
        }
        return text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    }
}
