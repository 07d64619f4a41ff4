/// Why the store cannot be used.
public enum StoreError: Error, Equatable, Sendable {
    /// Written by a newer version of this program.
    case newerVersion(path: String, found: Int, supported: Int)
    /// SQLite's own words: no room, no permission, a damaged file.
    case unusable(path: String, reason: String)
    /// It is sealed, and no storage key was given.
    case storageKeyMissing(path: String)
    /// It is sealed under another storage key.
    case wrongStorageKey(path: String)
}
