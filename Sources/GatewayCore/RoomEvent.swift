public import MatrixJSON

/// An event of a room, as the homeserver shows it (client-server API, "ClientEvent").
public struct RoomEvent: Sendable {
    public var eventID: String
    public var roomID: String
    public var sender: String
    public var type: String
    /// Present on state events only.
    public var stateKey: String?
    public var unixMilliseconds: Int64
    public var content: JSONValue

    public init(
        eventID: String, roomID: String, sender: String, type: String, stateKey: String?, unixMilliseconds: Int64,
        content: JSONValue
    ) {
        self.eventID = eventID
        self.roomID = roomID
        self.sender = sender
        self.type = type
        self.stateKey = stateKey
        self.unixMilliseconds = unixMilliseconds
        self.content = content
    }
}
