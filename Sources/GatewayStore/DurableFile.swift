internal import Foundation
internal import Glibc

/// A small file that is there whole or not at all, also after the power has failed.
enum DurableFile {
    /// Replaces the file, whose inode is new; on disk under its name when this returns. For its owner only.
    static func replace(_ path: String, with bytes: [UInt8]) throws(StoreError) {
        func failure() -> StoreError { .unusable(path: path, reason: String(cString: strerror(errno))) }
        let temporary = path + ".new"
        unlink(temporary)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure() }
        guard write(descriptor, bytes, bytes.count) == bytes.count, fsync(descriptor) == 0 else {
            let error = failure()
            close(descriptor)
            throw error
        }
        close(descriptor)
        guard rename(temporary, path) == 0 else { throw failure() }
        let folder = open(
            URL(fileURLWithPath: path).deletingLastPathComponent().path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw failure() }
        defer { close(folder) }
        guard fsync(folder) == 0 else { throw failure() }
    }
}
