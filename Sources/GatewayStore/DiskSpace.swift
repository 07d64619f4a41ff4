internal import GRDB
internal import Glibc

/// Whether a full disk is behind what SQLite calls an input/output error: it says "full" for some of its files only.
enum DiskSpace {
    static func explain(_ error: any Error, besides path: String) -> String {
        guard let error = error as? DatabaseError, error.resultCode == .SQLITE_IOERR,
            let reason = probe(path + ".probe")
        else { return "\(error)" }
        return "\(reason) (\(error))"
    }

    /// Writes a block, and takes it back. nil: it could be written.
    private static func probe(_ path: String) -> String? {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return String(cString: strerror(errno)) }
        defer {
            close(descriptor)
            unlink(path)
        }
        let block = [UInt8](repeating: 0, count: 4096)
        return write(descriptor, block, block.count) == block.count ? nil : String(cString: strerror(errno))
    }
}
