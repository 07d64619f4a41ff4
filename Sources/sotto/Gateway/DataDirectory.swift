internal import Foundation
internal import GatewayStore

/// The gateway's data directory, locked: one process at a time has it.
struct DataDirectory {
    let lock: FileLock
    let store: Store

    /// What a restore means for the operator.
    static func explain(_ restore: Restore) -> String {
        "the data folder was restored or copied: \(restore.reason). Its sessions are dropped, so that no frame number is "
            + "used twice; each device shakes hands again after one message without an answer. Queues are kept"
    }

    static func lock(_ configuration: GatewayConfiguration) throws -> FileLock {
        try FileLock(configuration.lockFile) { holder in
            "\(configuration.dataDirectory) is in use by another gateway\(holder.map { " (process \($0))" } ?? "")"
        }
    }

    init(_ configuration: GatewayConfiguration) throws {
        let path = configuration.dataDirectory
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw Failure(.storage, "\(path): cannot be made: \(error.localizedDescription)")
        }
        lock = try Self.lock(configuration)
        do {
            store = try Store(
                path: configuration.storeFile, cipher: try StorageKey.load(configuration),
                traces: configuration.traces)
        } catch {
            throw Administration.describe(error)
        }
    }
}
