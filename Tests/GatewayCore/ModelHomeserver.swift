import GatewayCore
import MatrixJSON

/// A homeserver as far as a gateway sees it: users, rooms, their state, transaction ids, and transactions that are pushed
/// until they are taken. It answers at once; the world adds the time.
final class ModelHomeserver {
    struct Room {
        var id: String
        var alias: String?
        var isPublic = true
        var members: [String: String] = [:]
        var state: [RoomEvent] = []
        var timeline: [RoomEvent] = []
    }

    struct Transaction {
        var id: String
        var events: [RoomEvent]
    }

    private(set) var rooms: [String: Room] = [:]
    private(set) var users: Set<String> = []
    /// What was sent under a transaction id, per user's device: it is answered again, not sent again.
    private var sent: [String: String] = [:]
    private var nextEvent = 1
    private var nextTransaction = 1
    /// Events for the application service, not yet in a transaction; the transaction that is being pushed.
    private var waiting: [RoomEvent] = []
    private var pushed: Transaction?
    var unixMilliseconds: Int64 = 0
    /// Tells the world that there is something to push.
    var onEvent: () -> Void = {}
    /// Every call as it was carried out.
    private(set) var calls: [HomeserverCall] = []

    // MARK: Rooms and people

    func makeRoom(
        _ id: String, alias: String? = nil, isPublic: Bool = true, creator: String = "@admin:example.org",
        version: String = "10", powerLevels: JSONValue = ["users": ["@admin:example.org": 100]]
    ) {
        rooms[id] = Room(id: id, alias: alias, isPublic: isPublic)
        setState(id, "m.room.create", sender: creator, content: ["room_version": .string(version)])
        setMembership(id, creator, "join", by: creator)
        setState(id, "m.room.power_levels", sender: creator, content: powerLevels)
    }

    func setState(
        _ roomID: String, _ type: String, key: String = "", sender: String = "@admin:example.org", content: JSONValue
    ) {
        let event = makeEvent(roomID, sender, type, content, stateKey: key)
        rooms[roomID]?.state.removeAll { $0.type == type && $0.stateKey == key }
        rooms[roomID]?.state.append(event)
        append(event)
    }

    func setMembership(_ roomID: String, _ user: String, _ membership: String, by sender: String = "@admin:example.org")
    {
        rooms[roomID]?.members[user] = membership
        setState(roomID, "m.room.member", key: user, sender: sender, content: ["membership": .string(membership)])
    }

    /// Somebody writes something.
    func say(
        _ roomID: String, _ sender: String, _ body: String, type: String = "m.room.message",
        msgtype: String = "m.text", extra: [(String, JSONValue)] = []
    ) {
        var content: JSONValue = ["msgtype": .string(msgtype), "body": .string(body)]
        for (key, value) in extra { content[key] = value }
        append(makeEvent(roomID, sender, type, content, stateKey: nil))
    }

    /// What stands in a room from a sender, other than state.
    func messages(in roomID: String, from sender: String) -> [RoomEvent] {
        (rooms[roomID]?.timeline ?? []).filter { $0.sender == sender && $0.stateKey == nil }
    }

    private func makeEvent(
        _ roomID: String, _ sender: String, _ type: String, _ content: JSONValue, stateKey: String?
    ) -> RoomEvent {
        defer { nextEvent += 1 }
        return RoomEvent(
            eventID: "$event\(nextEvent)", roomID: roomID, sender: sender, type: type, stateKey: stateKey,
            unixMilliseconds: unixMilliseconds, content: content)
    }

    private func append(_ event: RoomEvent) {
        rooms[event.roomID]?.timeline.append(event)
        // An application service sees the rooms that its users are in, and what concerns its users.
        let members = rooms[event.roomID]?.members ?? [:]
        guard
            members.contains(where: { $0.key.hasPrefix("@sotto_") && $0.value == "join" })
                || event.stateKey?.hasPrefix("@sotto_") == true
        else { return }
        waiting.append(event)
        onEvent()
    }

    // MARK: Transactions

    /// What is to be pushed now: the transaction that was not taken, or a new one.
    func transactionToPush() -> Transaction? {
        if let pushed { return pushed }
        guard !waiting.isEmpty else { return nil }
        pushed = Transaction(id: "t\(nextTransaction)", events: waiting)
        nextTransaction += 1
        waiting = []
        return pushed
    }

    func taken(_ id: String) {
        if pushed?.id == id { pushed = nil }
    }

    var hasNothingToPush: Bool { pushed == nil && waiting.isEmpty }

    // MARK: Calls

    func carryOut(_ call: HomeserverCall) -> Result<HomeserverReply, HomeserverFailure> {
        calls.append(call)
        switch call {
        case .ping:
            return .success(.done)
        case .register(let localpart, _):
            users.insert("@\(localpart):example.org")
            return .success(.done)
        case .join(let name, let user):
            guard let room = rooms[name] ?? rooms.values.first(where: { $0.alias == name }) else {
                return .failure(.refused(errcode: "M_NOT_FOUND", message: "No known servers"))
            }
            switch room.members[user] {
            case "join": return .success(.joined(roomID: room.id))
            case "ban":
                return .failure(.refused(errcode: "M_FORBIDDEN", message: "You have been banned from this room"))
            case "invite": break
            default:
                guard room.isPublic, users.contains(user) else {
                    return .failure(.refused(errcode: "M_FORBIDDEN", message: "You are not invited to this room."))
                }
            }
            setMembership(room.id, user, "join", by: user)
            return .success(.joined(roomID: room.id))
        case .state(let roomID, let user):
            guard let room = rooms[roomID], room.members[user] == "join" else { return .failure(Self.notInRoom) }
            return .success(.state(room.state))
        case .send(let send):
            return carryOut(send)
        }
    }

    private func carryOut(_ send: HomeserverCall.Send) -> Result<HomeserverReply, HomeserverFailure> {
        let memory = "\(send.userID) \(send.roomID) \(send.transactionID)"
        if let known = sent[memory] { return .success(.sent(eventID: known)) }
        guard rooms[send.roomID]?.members[send.userID] == "join" else { return .failure(Self.notInRoom) }
        guard let content = try? JSONValue(parsing: send.content) else {
            return .failure(.refused(errcode: "M_NOT_JSON", message: "Content not JSON."))
        }
        var event = makeEvent(send.roomID, send.userID, send.eventType, content, stateKey: nil)
        event.unixMilliseconds = send.unixMilliseconds
        sent[memory] = event.eventID
        append(event)
        return .success(.sent(eventID: event.eventID))
    }

    private static let notInRoom = HomeserverFailure.refused(errcode: "M_FORBIDDEN", message: "User not in room")
}

extension HomeserverCall {
    /// The body of the message that it sends.
    var text: String? {
        guard case .send(let send) = self else { return nil }
        return (try? JSONValue(parsing: send.content))?["body"]?.stringValue
    }
}
