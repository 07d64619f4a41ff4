internal import Foundation
internal import Glibc

/// The data folder: modes, and room.
enum DataFolderChecks {
    /// A full disk refuses every message.
    private static let leastFree: UInt64 = 64 << 20

    static func all(_ configuration: GatewayConfiguration) -> [Finding] {
        let folder = configuration.dataDirectory
        guard let mode = ConfigurationChecks.mode(folder) else {
            return [.note("data folder", "\(folder) is not there yet: the gateway makes it at its first start")]
        }
        return [modes(folder, mode, configuration), space(folder)]
    }

    private static func modes(_ folder: String, _ mode: Int, _ configuration: GatewayConfiguration) -> Finding {
        let name = "data folder"
        guard mode & 0o077 == 0 else {
            return .wrong(name, "others may look into \(folder)", "chmod 700 \(folder)")
        }
        guard access(folder, R_OK | W_OK | X_OK) == 0 else {
            return .wrong(
                name, "this user may not write to \(folder)", "run as the gateway's user, or give the folder to it")
        }
        for path in [configuration.storeFile, configuration.generationFile, configuration.anchorFile]
        where FileManager.default.fileExists(atPath: path) && access(path, R_OK | W_OK) != 0 {
            return .wrong(
                name, "this user may not write to \(path)", "run as the gateway's user, or give the file to it")
        }
        return .ok(name, "\(folder) belongs to its owner only")
    }

    private static func space(_ folder: String) -> Finding {
        let name = "disk space"
        var status = statvfs()
        guard statvfs(folder, &status) == 0 else {
            return .wrong(name, "\(folder): \(String(cString: strerror(errno)))", "look at the disk")
        }
        let free = UInt64(status.f_bavail) * UInt64(status.f_frsize)
        guard free >= leastFree else {
            return .wrong(
                name, "\(free >> 20) MiB are free for \(folder)", "make room: a full disk refuses every message")
        }
        guard status.f_files == 0 || status.f_favail > 16 else {
            return .wrong(name, "the file system of \(folder) has no inodes left", "delete files")
        }
        return .ok(name, "\(free >> 20) MiB are free for \(folder)")
    }
}
