internal import Noise

/// The datagram by which a gateway under load asks for message 1 once more, with a cookie: kind, 4 bytes of the hash of the
/// Noise message that it answers, the cookie. 13 bytes, fewer than any message 1.
public enum Retry {
    static var echoLength: Int { 4 }
    static var cookieLength: Int { 8 }

    static func write(answering hash: [UInt8], cookie: [UInt8]) -> [UInt8] {
        [FrameHeader.retryForm] + hash.prefix(echoLength) + cookie
    }

    /// The echo and the cookie of a retry; nil where its length is another.
    static func read(_ datagram: [UInt8]) -> (echo: ArraySlice<UInt8>, cookie: ArraySlice<UInt8>)? {
        guard datagram.count == 1 + echoLength + cookieLength else { return nil }
        return (datagram[1..<1 + echoLength], datagram[(1 + echoLength)...])
    }

    /// Requests for a cookie that are followed in one handshake: anybody may send one.
    static var mostFollowed: Int { 2 }

    /// Message 1 with the cookie of a retry; nil where the retry answers another message.
    ///
    /// - Parameter header: bytes of message 1 before its Noise message.
    static func message1<Suite: NoiseSuite>(
        _ message: [UInt8], header: Int, _ kind: HandshakeKind, following retry: [UInt8], _ suite: Suite.Type
    ) -> [UInt8]? {
        guard let (echo, cookie) = read(retry), Suite.hash(Array(message[header...])).prefix(echoLength) == echo else {
            return nil
        }
        return [FrameHeader.HandshakeMessage(kind, .message1WithCookie).rawValue] + message.dropFirst() + cookie
    }
}
