internal import Foundation
internal import NoiseSodium

/// A name of this machine that a copy of files does not carry along.
enum MachineID {
    static let systemFile = "/etc/machine-id"

    /// A hash of it: machine-id(5) asks that the id itself be kept on the machine. nil: the machine has none, as in many
    /// containers.
    static func read(_ path: String = systemFile) -> [UInt8]? {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return nil }
        let name = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard !name.isEmpty, name != "uninitialized" else { return nil }
        return Array(WireSuite.hash(Array("sotto machine \(name)".utf8)).prefix(16))
    }
}
