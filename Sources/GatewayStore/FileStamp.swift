internal import Foundation
internal import Glibc

/// When a file that nobody writes was last touched: its inode's change time, which cannot be set.
///
/// Every way of copying or restoring a folder file by file makes that time anew, on the same machine too; moving the folder
/// as a whole, a restart or another mount do not. Only a copy of the file system itself keeps it.
public struct FileStamp: Equatable, Sendable {
    public var seconds: Int64
    public var nanoseconds: Int64

    public init(seconds: Int64, nanoseconds: Int64) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    init?(_ text: String) {
        let parts = text.split(separator: ".")
        guard parts.count == 2, let seconds = Int64(parts[0]), let nanoseconds = Int64(parts[1]) else { return nil }
        self.init(seconds: seconds, nanoseconds: nanoseconds)
    }

    var text: String { "\(seconds).\(nanoseconds)" }

    /// Some file systems keep whole seconds only, once the file has left the cache.
    public func isSame(as other: FileStamp) -> Bool {
        seconds == other.seconds
            && (nanoseconds == other.nanoseconds || nanoseconds == 0 || other.nanoseconds == 0)
    }

    /// nil: there is no such file.
    public static func read(_ path: String) -> FileStamp? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return FileStamp(seconds: Int64(status.st_ctim.tv_sec), nanoseconds: Int64(status.st_ctim.tv_nsec))
    }

    /// Makes the file anew.
    static func make(_ path: String) throws(StoreError) -> FileStamp {
        try DurableFile.replace(
            path,
            with: Array("Sotto tells by when this file was touched that its folder is no copy. Leave it alone.\n".utf8))
        guard let stamp = read(path) else {
            throw .unusable(path: path, reason: String(cString: strerror(errno)))
        }
        return stamp
    }
}
