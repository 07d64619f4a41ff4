internal import Glibc

/// An exclusive lock on a file, held as long as this lives; the kernel drops it with the process.
final class FileLock: Sendable {
    private let descriptor: Int32

    /// - Parameter busy: what to say when another process holds it; is given that process's id where it is known.
    init(_ path: String, busy: (Int32?) -> String) throws {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw Failure(.storage, "\(path): cannot be opened: \(String(cString: strerror(errno)))")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let holder = Self.read(descriptor)
            close(descriptor)
            throw Failure(.locked, busy(holder))
        }
        ftruncate(descriptor, 0)
        let text = Array("\(getpid())\n".utf8)
        _ = pwrite(descriptor, text, text.count, 0)
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    private static func read(_ descriptor: Int32) -> Int32? {
        var buffer = [UInt8](repeating: 0, count: 16)
        let count = pread(descriptor, &buffer, buffer.count, 0)
        guard count > 0 else { return nil }
        return Int32(String(decoding: buffer[0..<count].prefix { $0 != 0x0A }, as: UTF8.self))
    }
}
