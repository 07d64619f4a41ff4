internal import Foundation
public import GatewayStore
public import NoiseSodium

extension SealingKey: StorageCipher {}

/// The key that seals the store: from a file of the configuration, or a systemd credential.
enum StorageKey {
    static let credential = "sotto-storage-key"

    /// Where it is; nil: none was given.
    static func path(
        _ configuration: GatewayConfiguration, environment: [String: String] = ProcessInfo.processInfo.environment
    ) -> String? {
        if let path = configuration.storageKeyFile { return path }
        guard let folder = environment["CREDENTIALS_DIRECTORY"] else { return nil }
        let path = "\(folder)/\(credential)"
        return FileManager.default.fileExists(atPath: path) ? path : nil
    }

    static func load(_ configuration: GatewayConfiguration) throws -> SealingKey? {
        try path(configuration).map(load(from:))
    }

    static func load(from path: String) throws -> SealingKey {
        guard let key = SealingKey(try KeyText.load(path)) else {
            throw Failure(.key, "\(path): libsodium has no memory for the storage key (RLIMIT_MEMLOCK)")
        }
        return key
    }
}

extension GatewayConfiguration {
    /// What the store's own notes are compared with.
    var traces: Traces {
        Traces(
            generationFile: generationFile, anchorFile: anchorFile, machine: MachineID.read(machineIDFile),
            unixMilliseconds: Clock.unixMilliseconds, isClockSynchronised: Clock.isSynchronised)
    }
}
