internal import ArgumentParser
internal import Foundation
internal import GatewayStore

struct BackupCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Writes a copy of the gateway's store into a file, also while the gateway runs.",
        discussion: """
            The configuration and the keys beside it are not in it: keep them elsewhere, and the storage key apart from the \
            backups, which cannot be read without it. sotto restore puts a backup back.
            """)

    @OptionGroup var options: ConfigurationOptions

    @Argument(help: "The file to make.")
    var file: String

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let configuration = try options.load()
        do {
            try StoreBackup.write(configuration.storeFile, to: file)
        } catch {
            throw Administration.describe(error)
        }
        let size = (try? FileManager.default.attributesOfItem(atPath: file)[.size] as? NSNumber)?.intValue ?? 0
        if json { try printJSON(Report(file: file, bytes: size)) } else { print("\(file): \(size) bytes") }
    }

    private struct Report: Encodable {
        var file: String
        var bytes: Int
    }
}

struct RestoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Puts a backup in the place of the gateway's store.",
        discussion: """
            The gateway must not run. The store of before is kept beside the new one. Sessions go on from numbers that a backup \
            does not know: they are dropped, and each device shakes hands again after one message without an answer; devices \
            with provisioned sessions must be provisioned again (sotto doctor names them).
            """)

    @OptionGroup var options: ConfigurationOptions

    @Argument(help: "The backup.")
    var file: String

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let configuration = try options.load()
        let report = try put(configuration)
        if json {
            try printJSON(report)
            return
        }
        if let replaced = report.replaced { print("the store of before is \(replaced)") }
        print(report.restore ?? "nothing had changed since the backup")
    }

    private struct Report: Encodable {
        /// Where the store of before is.
        var replaced: String?
        /// What the restore means; absent: nothing had changed since the backup.
        var restore: String?
    }

    private func put(_ configuration: GatewayConfiguration) throws -> Report {
        let replaced: String?
        do {
            try FileManager.default.createDirectory(
                atPath: configuration.dataDirectory, withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
            let lock = try FileLock(configuration.lockFile) { holder in
                "\(configuration.dataDirectory) is in use by a gateway\(holder.map { " (process \($0))" } ?? ""): stop it first"
            }
            defer { withExtendedLifetime(lock) {} }
            replaced = try StoreBackup.restore(file, to: configuration.storeFile)
        } catch {
            throw Administration.describe(error)
        }
        // Opened once here: what it detects is said now, and a wrong storage key too.
        let directory = try DataDirectory(configuration)
        defer { withExtendedLifetime(directory.lock) {} }
        let restore = directory.store.restore.map(DataDirectory.explain)
        try directory.store.close()
        return Report(replaced: replaced, restore: restore)
    }
}
