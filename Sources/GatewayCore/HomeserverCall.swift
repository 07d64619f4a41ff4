/// What the gateway wants of the homeserver. Each is safe to repeat.
public enum HomeserverCall: Equatable, Sendable {
    /// The homeserver shall push now what it held back while we were away.
    case ping
    /// Make the device's user, with one Matrix device, so that its transaction ids are remembered.
    case register(localpart: String, displayName: String)
    /// Join as the user; answered by the room's id.
    case join(room: String, userID: String)
    /// The room's whole state, as the user sees it.
    case state(roomID: String, userID: String)
    case send(Send)

    public struct Send: Equatable, Sendable {
        public var roomID: String
        public var userID: String
        public var eventType: String
        public var transactionID: String
        /// JSON.
        public var content: [UInt8]
        public var unixMilliseconds: Int64
    }
}

public enum HomeserverReply: Sendable {
    case done
    case joined(roomID: String)
    case state([RoomEvent])
    case sent(eventID: String)
}

public enum HomeserverFailure: Error, Sendable {
    /// May go better next time: no connection, a timeout, 5xx, a rate limit.
    case temporary(String, retryAfterMilliseconds: Int64?)
    /// Final: the Matrix error code and its text.
    case refused(errcode: String, message: String)
}
