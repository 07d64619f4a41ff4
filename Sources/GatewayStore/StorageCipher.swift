/// Seals single values of the store. The primitives are somebody else's.
public protocol StorageCipher: Sendable {
    func seal(_ plaintext: [UInt8], associatedData: [UInt8]) -> [UInt8]
    /// nil: it was not sealed by this cipher's key, or for another place.
    func open(_ sealed: [UInt8], associatedData: [UInt8]) -> [UInt8]?
}
