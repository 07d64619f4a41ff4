/// A value that only its maker reads (a sync or pagination token, a transaction id, an access token), by what both ends know:
/// the frame that it came in, and its number there. Such a value costs nothing on the air, and the end beside the client gives
/// the client this name instead.
public struct OpaqueName: Hashable, Sendable {
    /// Tells the names of a session from those of another, and says that it is one.
    public static let prefix = "~"

    public var session: String
    public var frame: UInt64
    public var place: Int

    static let places: Int64 = 16

    public init(session: String, frame: UInt64, place: Int) {
        self.session = session
        self.frame = frame
        self.place = place
    }

    /// What a client gets to see.
    public var text: String { Self.prefix + "\(session).\(frame).\(place)" }

    /// nil: something else.
    public init?(_ text: String, session: String) {
        guard text.hasPrefix(Self.prefix) else { return nil }
        let parts = text.dropFirst(Self.prefix.count).split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == session, let frame = UInt64(parts[1]), let place = Int(parts[2]),
            place >= 0, place < Int(Self.places), frame < 1 << 48
        else { return nil }
        self.init(session: session, frame: frame, place: place)
        guard self.text.hasSameUTF8(as: text) else { return nil }
    }

    /// - Parameter isNew: whether this message makes it: then from 0 on. Otherwise below, for one that came in a frame of the
    ///   other end.
    func integer(isNew: Bool) -> Int64 {
        isNew ? Int64(place) : -1 - (Int64(frame) * Self.places + Int64(place))
    }

    init?(_ integer: Int64, in current: UInt64, session: String) {
        if integer >= 0 {
            guard integer < Self.places else { return nil }
            self.init(session: session, frame: current, place: Int(integer))
        } else {
            let value = -1 - integer
            guard value / Self.places < 1 << 48 else { return nil }
            self.init(session: session, frame: UInt64(value / Self.places), place: Int(value % Self.places))
        }
    }
}
