/// Names an identifier by where it stood: in a frame of this session, and at which place among the identifiers there.
///
/// What a frame holds never changes, and no number is used for two frames; so a reference means the same for ever. Whatever
/// is lost, comes twice, comes late or is forgotten, it finds the right identifier or none.
public struct IdentifierReference: Equatable, Sendable {
    /// Whether the frame is of the end that refers; otherwise it is one that came from the other end.
    public var isOwn: Bool
    public var frame: UInt64
    public var place: Int

    /// Identifiers that a frame can give names to; further ones have none.
    public static let places = 64
    /// Frames of own numbers that short integers reach back, and places that they reach.
    private static let near: UInt64 = 6
    private static let first: UInt64 = 4

    public init(isOwn: Bool, frame: UInt64, place: Int) {
        self.isOwn = isOwn
        self.frame = frame
        self.place = place
    }

    /// What stands for it in a frame of number `current`: from 0 on for own frames, below for the other end's. nil: too far.
    public func integer(in current: UInt64) -> Int64? {
        guard place >= 0, place < Self.places else { return nil }
        let place = UInt64(place)
        if isOwn {
            guard frame <= current, current - frame < 1 << 48 else { return nil }
            let distance = current - frame
            if distance < Self.near, place < Self.first { return Int64(distance * Self.first + place) }
            return Int64(Self.near * Self.first + distance * UInt64(Self.places) + place)
        }
        guard frame < 1 << 48 else { return nil }
        return -1 - Int64(frame * UInt64(Self.places) + place)
    }

    /// nil: an integer that stands for nothing, or for something that has a shorter one.
    public init?(_ integer: Int64, in current: UInt64) {
        let places = UInt64(Self.places)
        guard integer >= 0 else {
            let value = UInt64(-1 - integer)
            guard value / places < 1 << 48 else { return nil }
            self.init(isOwn: false, frame: value / places, place: Int(value % places))
            return
        }
        var value = UInt64(integer)
        let short = Self.near * Self.first
        var distance = value / Self.first
        var place = value % Self.first
        if value >= short {
            value -= short
            distance = value / places
            place = value % places
            guard distance >= Self.near || place >= Self.first, distance < 1 << 48 else { return nil }
        }
        guard distance <= current else { return nil }
        self.init(isOwn: true, frame: current - distance, place: Int(place))
    }
}
