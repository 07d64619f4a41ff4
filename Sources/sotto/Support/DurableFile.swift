internal import Foundation
internal import Glibc

/// Files that are there whole or not at all, also after the power has failed.
enum DurableFile {
    /// Replaces a file: the new content is on disk under its name when this returns. Readable by the owner only.
    static func write(_ bytes: [UInt8], to path: String) throws {
        let temporary = path + ".new"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure("cannot be written", path) }
        var offset = 0
        while offset < bytes.count {
            let written = bytes.withUnsafeBytes { buffer in
                Glibc.write(descriptor, buffer.baseAddress.map { $0 + offset }, bytes.count - offset)
            }
            guard written > 0 || errno == EINTR else {
                let error = failure("cannot be written", path)
                close(descriptor)
                throw error
            }
            offset += max(0, written)
        }
        guard fsync(descriptor) == 0 else {
            let error = failure("cannot be written", path)
            close(descriptor)
            throw error
        }
        close(descriptor)
        guard rename(temporary, path) == 0 else { throw failure("cannot be replaced", path) }
        let folder = open(
            URL(fileURLWithPath: path).deletingLastPathComponent().path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw failure("cannot be synchronised", path) }
        defer { close(folder) }
        guard fsync(folder) == 0 else { throw failure("cannot be synchronised", path) }
    }

    private static func failure(_ what: String, _ path: String) -> Failure {
        Failure(.storage, "\(path): \(what): \(String(cString: strerror(errno)))")
    }
}
