internal import Foundation
internal import GatewayStore

/// The gateway's data directory, locked: one process at a time has it.
struct DataDirectory {
    let lock: FileLock
    let store: Store

    init(_ configuration: GatewayConfiguration) throws {
        let path = configuration.dataDirectory
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw Failure(.storage, "\(path): cannot be made: \(error.localizedDescription)")
        }
        lock = try FileLock(configuration.lockFile) { holder in
            "\(path) is in use by another gateway\(holder.map { " (process \($0))" } ?? "")"
        }
        do {
            store = try Store(path: configuration.storeFile)
        } catch {
            throw Administration.describe(error)
        }
    }
}
