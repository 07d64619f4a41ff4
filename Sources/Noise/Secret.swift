/// Bytes of a key, overwritten when the last state that holds them is gone.
///
/// A class because states are values: a trial copy shares the keys of its original, and only the last one to go may
/// overwrite them. An array that somebody else still holds cannot be overwritten from here, so keys that come from outside
/// and stay there (static keys, psks) are their owner's to wipe.
final class Secret<Suite: NoiseSuite>: @unchecked Sendable {
    // Sendable: written by `deinit` only, when nobody else can read it.
    private(set) var bytes: [UInt8]

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    deinit {
        Suite.wipe(&bytes)
    }
}
