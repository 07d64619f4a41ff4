/// The events that were taken last, by which one that is pushed again is known.
///
/// The number of an application service transaction does not tell: Synapse on SQLite begins again with 1 when it starts, and
/// one that dies between a transaction and its note of how far it has come pushes the same events under another number.
struct TakenEvents {
    /// More than what one transaction (100 events) and one reading of Synapse's event stream (100) may repeat.
    static var kept: Int { 256 }

    private var events: [TakenEvent]
    private var ids: Set<String>

    init(_ stored: [TakenEvent]) {
        events = stored
        ids = Set(stored.map(\.eventID))
    }

    /// What is to be stored of a new event; nil: it was taken before.
    mutating func take(_ eventID: String) -> [StoreWrite]? {
        guard ids.insert(eventID).inserted else { return nil }
        let event = TakenEvent(position: (events.last?.position ?? 0) + 1, eventID: eventID)
        events.append(event)
        guard events.count > Self.kept else { return [.taken(event)] }
        let oldest = events.removeFirst()
        ids.remove(oldest.eventID)
        return [.taken(event), .forgetTaken(upTo: oldest.position)]
    }
}
