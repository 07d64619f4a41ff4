/// Which opaque values one message may leave out.
struct OpaqueScope: Sendable {
    let session: String
    let frame: UInt64
    /// Whether the message's sender makes such values; otherwise it has them from the other end.
    let makes: Bool
}
