internal import MatrixJSON

/// What the gateway knows of a room's state.
struct RoomState {
    var isEncrypted = false
    private var users: [String: Int64] = [:]
    private var usersDefault: Int64 = 0
    /// Above every power level, from room version 12 on.
    private var creators: [String] = []

    /// The whole state of a room, as read.
    init(_ events: [RoomEvent]) {
        for event in events { apply(event) }
    }

    /// Whether an event is of a kind that counts here.
    static func isMoved(by event: RoomEvent) -> Bool {
        event.stateKey == "" && ["m.room.encryption", "m.room.power_levels", "m.room.create"].contains(event.type)
    }

    mutating func apply(_ event: RoomEvent) {
        guard Self.isMoved(by: event) else { return }
        switch event.type {
        case "m.room.encryption":
            isEncrypted = true
        case "m.room.power_levels":
            users = [:]
            usersDefault = event.content["users_default"]?.integerValue ?? 0
            for member in event.content["users"]?.objectValue?.members ?? [] {
                if let level = member.value.integerValue { users[member.key] = level }
            }
        case "m.room.create":
            guard let version = event.content["room_version"]?.stringValue.flatMap({ Int($0) }), version >= 12 else {
                return
            }
            creators = [event.sender]
            for creator in event.content["additional_creators"]?.arrayValue ?? [] {
                if let name = creator.stringValue { creators.append(name) }
            }
        default:
            break
        }
    }

    /// Commands need the power that the specification gives to moderators.
    func mayCommand(_ user: String) -> Bool {
        creators.contains(user) || (users[user] ?? usersDefault) >= 50
    }
}
