import GatewayCore

/// The gateway's store without a disk: the writes of one transaction, all or none, as the tables of the real one take them.
struct MemoryStore: Equatable {
    private(set) var devices: [UInt32: DeviceRecord] = [:]
    private(set) var sessions: [[Int]: SessionRecord] = [:]
    private(set) var answers: [AnswerRecord] = []
    private(set) var uplinks: [Int64: UplinkRecord] = [:]
    private(set) var inbox: [Int64: InboxRecord] = [:]
    private(set) var bodies: [UInt32: BodyRecord] = [:]
    private(set) var enrolments: [String: EnrolmentRecord] = [:]
    private(set) var taken: [TakenEvent] = []
    private(set) var activities: [UInt32: DeviceActivity] = [:]
    /// Transactions, and single writes in them.
    private(set) var commits = 0
    private(set) var writes = 0
    /// Ids of what was taken out of the inbox.
    private(set) var removedFromInbox: [InboxRecord] = []
    private(set) var problems: [String] = []

    mutating func commit(_ writes: [StoreWrite]) {
        guard !writes.isEmpty else { return }
        commits += 1
        self.writes += writes.count
        for write in writes { apply(write) }
    }

    private mutating func apply(_ write: StoreWrite) {
        switch write {
        case .device(let record): devices[record.number] = record
        case .session(let record): sessions[[Int(record.device), record.slot]] = record
        case .removeSession(let device, let slot): sessions[[Int(device), slot]] = nil
        case .answer(let record): answers.append(record)
        case .removeAnswers(let device, let time):
            answers.removeAll { $0.device == device && $0.expiresUnixMilliseconds < time }
        case .uplink(let record):
            if let known = uplinks[record.id], known.requestID == record.requestID {
                uplinks[record.id]?.refusal = record.refusal
            } else {
                // A row in the way of the id or of the request would make the real transaction fail, or hide a message.
                if uplinks[record.id] != nil || uplinks.values.contains(where: { $0.requestID == record.requestID }) {
                    problems.append("the row of the message \(record.requestID) is taken")
                }
                uplinks[record.id] = record
            }
        case .removeUplink(let id): uplinks[id] = nil
        case .inbox(let record): inbox[record.id] = record
        case .removeInbox(let id):
            if let record = inbox.removeValue(forKey: id) { removedFromInbox.append(record) }
        case .body(let record): bodies[record.device] = record
        case .removeBody(let device): bodies[device] = nil
        case .activity(let activity): activities[activity.device] = activity
        case .taken(let event): taken.append(event)
        case .forgetTaken(let position): taken.removeAll { $0.position <= position }
        case .enrolment(let record): enrolments[record.name] = record
        case .removeEnrolment(let name): enrolments[name] = nil
        }
    }

    /// What a gateway starts from.
    var state: StoredState {
        var state = StoredState()
        state.devices = devices.values.sorted { $0.number < $1.number }
        state.sessions = sessions.values.sorted { ($0.device, $0.slot) < ($1.device, $1.slot) }
        state.answers = answers
        for device in devices.keys {
            let waiting = queued.filter { $0.device == device }
            state.uplinks += waiting.prefix(Self.uplinksAtStart)
            state.queued[device] = waiting.count
        }
        state.newestUplinkID = uplinks.keys.max() ?? 0
        state.enrolments = enrolments.values.sorted { $0.name < $1.name }
        state.inbox = inbox.values.sorted { $0.id < $1.id }
        state.bodies = bodies.values.sorted { $0.device < $1.device }
        state.taken = taken
        state.activities = activities.values.sorted { $0.device < $1.device }
        return state
    }

    /// Few, so that most of a queue is always fetched.
    static var uplinksAtStart: Int { 2 }

    func uplinks(for fetch: Actions.Fetch) -> [UplinkRecord] {
        Array(queued.filter { $0.device == fetch.device && $0.id > fetch.after }.prefix(fetch.most))
    }

    /// Messages on their way to the room.
    var queued: [UplinkRecord] { uplinks.values.filter { $0.refusal == nil }.sorted { $0.id < $1.id } }
    /// Messages that the homeserver refused for good.
    var deadLetters: [UplinkRecord] { uplinks.values.filter { $0.refusal != nil }.sorted { $0.id < $1.id } }
}
