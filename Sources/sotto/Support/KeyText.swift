internal import Foundation
internal import NoiseSodium

/// X25519 keys as text: base64 of 32 bytes on one line.
enum KeyText {
    static func parse(_ text: String, _ what: String) throws -> [UInt8] {
        let line = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard let data = Data(base64Encoded: line), data.count == 32 else {
            throw Failure(.key, "\(what) is not a key: base64 of 32 bytes is expected, 44 characters on one line")
        }
        return [UInt8](data)
    }

    static func parsePublic(_ text: String, _ what: String) throws -> [UInt8] {
        let key = try parse(text, what)
        guard Sodium.isUsablePublicKey(key) else {
            throw Failure(.key, "\(what) cannot be used as a public key: every secret derived from it would be zero")
        }
        return key
    }

    static func render(_ key: [UInt8]) -> String { Data(key).base64EncodedString() }

    static func generate() -> [UInt8] { Sodium.randomBytes(32) }

    /// Reads a private key from a file that nobody else may read.
    static func load(_ path: String) throws -> [UInt8] {
        let attributes: [FileAttributeKey: Any]
        let text: String
        do {
            attributes = try FileManager.default.attributesOfItem(atPath: path)
            text = try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw Failure(.key, "\(path): cannot be read: \(error.localizedDescription)")
        }
        if let mode = attributes[.posixPermissions] as? NSNumber, mode.intValue & 0o077 != 0 {
            throw Failure(.key, "\(path): others may read this private key; chmod 600 \(path)")
        }
        return try parse(text, path)
    }
}
