public import MatrixJSON

/// An event as the APIs show it (client-server API, "ClientEvent").
public struct ClientEvent: Sendable {
    public var eventID: String
    public var roomID: String
    public var sender: String
    public var type: String
    /// Present on state events only.
    public var stateKey: String?
    /// Milliseconds of Unix time.
    public var originServerTS: Int64
    public var content: JSONValue

    /// nil where a field is missing or of the wrong kind.
    ///
    /// - Parameter roomID: for answers that leave it out.
    public init?(_ json: JSONValue, roomID: String? = nil) {
        guard let eventID = json["event_id"]?.stringValue, let room = json["room_id"]?.stringValue ?? roomID,
            let sender = json["sender"]?.stringValue, let type = json["type"]?.stringValue,
            let time = json["origin_server_ts"]?.integerValue, let content = json["content"], content.objectValue != nil
        else { return nil }
        self.eventID = eventID
        self.roomID = room
        self.sender = sender
        self.type = type
        stateKey = json["state_key"]?.stringValue
        originServerTS = time
        self.content = content
    }
}
