internal import GatewayCore
internal import MatrixJSON

/// A homeserver as far as a gateway sees it: it makes users, lets them into rooms, takes what they send once for each
/// transaction id, and pushes what others say until that is taken. It answers at once; the simulation adds the time.
struct ModelledHomeserver {
    struct Transaction {
        var id: String
        var events: [RoomEvent]
    }

    private var sent: [String: String] = [:]
    private var nextEvent = 1
    private var nextTransaction = 1
    private var waiting: [RoomEvent] = []
    private var pushed: Transaction?

    static let serverName = "example.org"
    static let userPrefix = "sotto_"
    static let operatorUser = "@operator:example.org"

    /// - Parameter isNew: false for a transaction id that it knows already.
    mutating func carryOut(
        _ call: HomeserverCall
    ) -> (result: Result<HomeserverReply, HomeserverFailure>, isNew: Bool) {
        switch call {
        case .ping, .register: return (.success(.done), true)
        case .join(let room, _): return (.success(.joined(roomID: room)), true)
        case .state(let room, _):
            return (
                .success(
                    .state([
                        stateEvent(room, "m.room.create", ["room_version": "10"]),
                        stateEvent(
                            room, "m.room.power_levels", ["users": .object([Self.operatorUser: 100])]),
                    ])), true
            )
        case .send(let send):
            if let known = sent[send.transactionID] { return (.success(.sent(eventID: known)), false) }
            let id = "$e\(nextEvent)"
            nextEvent += 1
            sent[send.transactionID] = id
            return (.success(.sent(eventID: id)), true)
        }
    }

    private func stateEvent(_ room: String, _ type: String, _ content: JSONValue) -> RoomEvent {
        RoomEvent(
            eventID: "$\(type)", roomID: room, sender: Self.operatorUser, type: type, stateKey: "",
            unixMilliseconds: 0, content: content)
    }

    mutating func say(_ text: String, in room: String, unixMilliseconds: Int64) {
        waiting.append(
            RoomEvent(
                eventID: "$e\(nextEvent)", roomID: room, sender: Self.operatorUser, type: "m.room.message",
                stateKey: nil, unixMilliseconds: unixMilliseconds,
                content: ["msgtype": "m.text", "body": .string(text)]))
        nextEvent += 1
    }

    mutating func transactionToPush() -> Transaction? {
        if let pushed { return pushed }
        guard !waiting.isEmpty else { return nil }
        pushed = Transaction(id: "t\(nextTransaction)", events: waiting)
        nextTransaction += 1
        waiting = []
        return pushed
    }

    mutating func taken(_ id: String) {
        if pushed?.id == id { pushed = nil }
    }

    var hasNothingToPush: Bool { pushed == nil && waiting.isEmpty }
}
