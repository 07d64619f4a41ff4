internal import Foundation
internal import Glibc

/// The second place of the generation, beside what it guards: whose it is, and how far that had come.
///
/// It is written after each change, so that it is never ahead of what it guards unless that was put back to an earlier
/// state. A crash between the two leaves it behind, which means nothing.
public final class GenerationFile: Sendable {
    public struct Content: Equatable, Sendable {
        /// Random; made anew whenever the history may have forked.
        public var instance: [UInt8]
        public var sequence: UInt64

        public init(instance: [UInt8], sequence: UInt64) {
            self.instance = instance
            self.sequence = sequence
        }

        /// A line for people, of a length that never changes: it is overwritten in place.
        var line: [UInt8] {
            let digits = String(sequence)
            let number = String(repeating: "0", count: 20 - digits.count) + digits
            return Array("sotto generation \(hexadecimal(instance)) \(number)\n".utf8)
        }

        init?(_ line: [UInt8]) {
            let words = String(decoding: line, as: UTF8.self).split(whereSeparator: \.isWhitespace)
            guard words.count == 4, words[0] == "sotto", words[1] == "generation", words[2].utf8.count == 32,
                let instance = bytes(hexadecimal: words[2]), let sequence = UInt64(words[3])
            else { return nil }
            self.init(instance: instance, sequence: sequence)
        }
    }

    public enum Found: Equatable, Sendable {
        case nothing
        case damaged
        case content(Content)
    }

    private let path: String
    private let instance: [UInt8]
    private let descriptor: Int32

    public static func read(_ path: String) -> Found {
        guard FileManager.default.fileExists(atPath: path) else { return .nothing }
        guard let data = FileManager.default.contents(atPath: path), let content = Content([UInt8](data)) else {
            return .damaged
        }
        return .content(content)
    }

    /// Makes the file, on disk when this returns, or opens the one that says the same instance.
    public init(_ path: String, _ content: Content) throws(StoreError) {
        self.path = path
        instance = content.instance
        guard case .content(let found) = Self.read(path), found.instance == content.instance else {
            try DurableFile.replace(path, with: content.line)
            descriptor = try Self.open(path)
            return
        }
        descriptor = try Self.open(path)
        try advance(to: content.sequence)
    }

    deinit { close(descriptor) }

    private static func open(_ path: String) throws(StoreError) -> Int32 {
        let descriptor = Glibc.open(path, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { throw .unusable(path: path, reason: String(cString: strerror(errno))) }
        return descriptor
    }

    /// Says how far it has come. Survives a kill, and a power cut as soon as the kernel writes it or `synchronise` did.
    public func advance(to sequence: UInt64) throws(StoreError) {
        let line = Content(instance: instance, sequence: sequence).line
        guard pwrite(descriptor, line, line.count, 0) == line.count else {
            throw .unusable(path: path, reason: String(cString: strerror(errno)))
        }
    }

    public func synchronise() throws(StoreError) {
        guard fdatasync(descriptor) == 0 else {
            throw .unusable(path: path, reason: String(cString: strerror(errno)))
        }
    }
}
