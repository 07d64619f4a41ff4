/// Why bytes are no compact CoAP message.
public enum CompactMessageError: Error, Equatable, Sendable {
    case empty
    case truncated
    /// An answer to a number that waits for none, or for which two wait.
    case answersNothing
    /// A shape, a notification or flags that this session does not have.
    case undefined
    /// The message that comes out is none of RFC 7252, or has a shorter form: each message has one.
    case malformed
}
