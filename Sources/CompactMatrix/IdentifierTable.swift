/// The identifiers that one end of a session wrote, frame by frame, as both ends remember them.
///
/// The sender refers only to frames that it knows to have arrived. Both ends forget the oldest frames first as the agreed size
/// is used up. The sender counts every frame, the receiver only those that came, so it forgets no sooner unless frames
/// overtake one another; a reference to what it has not is refused, and the message repeated in words.
public struct IdentifierTable: Sendable {
    private struct Frame: Sendable {
        let number: UInt64
        let identifiers: [[UInt8]]
        var hasArrived: Bool
    }

    /// Bytes that an identifier takes besides its own: for both ends to count alike.
    public static let overhead = 4

    /// Of identifiers and their overhead.
    public let capacity: Int
    public private(set) var used = 0
    /// By number.
    private var frames: [Frame] = []

    public init(capacity: Int) {
        self.capacity = max(0, capacity)
    }

    /// What a frame holds, in its order. For the sender when it has made it, for the receiver when it has accepted it.
    public mutating func record(_ identifiers: [[UInt8]], in number: UInt64) {
        var place = frames.count
        while place > 0, frames[place - 1].number >= number { place -= 1 }
        if place < frames.count, frames[place].number == number {
            used -= Self.cost(frames[place].identifiers)
            frames.remove(at: place)
        }
        guard !identifiers.isEmpty else { return }
        let named = Array(identifiers.prefix(IdentifierReference.places))
        frames.insert(Frame(number: number, identifiers: named, hasArrived: false), at: place)
        used += Self.cost(named)
        var oldest = 0
        while used > capacity, oldest < frames.count {
            used -= Self.cost(frames[oldest].identifiers)
            oldest += 1
        }
        frames.removeSubrange(0..<oldest)
    }

    /// The peer has shown that it accepted this frame.
    public mutating func acknowledged(_ number: UInt64) {
        guard let place = place(of: number) else { return }
        frames[place].hasArrived = true
    }

    /// The peer has not what this frame held: then neither what older ones did.
    public mutating func forget(through number: UInt64) {
        var count = 0
        while count < frames.count, frames[count].number <= number {
            used -= Self.cost(frames[count].identifiers)
            count += 1
        }
        frames.removeSubrange(0..<count)
    }

    public mutating func forgetAll() {
        frames = []
        used = 0
    }

    /// nil: forgotten, or never there.
    public func identifier(in number: UInt64, at place: Int) -> [UInt8]? {
        guard let frame = self.place(of: number), place >= 0, place < frames[frame].identifiers.count else {
            return nil
        }
        return frames[frame].identifiers[place]
    }

    /// The newest place of an identifier, for the sender in a frame that has arrived.
    func find(_ identifier: [UInt8], arrivedOnly: Bool) -> (frame: UInt64, place: Int)? {
        var index = frames.count
        while index > 0 {
            index -= 1
            if arrivedOnly, !frames[index].hasArrived { continue }
            var place = 0
            for candidate in frames[index].identifiers {
                if candidate == identifier { return (frames[index].number, place) }
                place += 1
            }
        }
        return nil
    }

    /// Its place in this frame, where that has arrived.
    func find(_ identifier: [UInt8], in number: UInt64) -> (frame: UInt64, place: Int)? {
        guard let frame = place(of: number), frames[frame].hasArrived else { return nil }
        var place = 0
        for candidate in frames[frame].identifiers {
            if candidate == identifier { return (number, place) }
            place += 1
        }
        return nil
    }

    private func place(of number: UInt64) -> Int? {
        var low = 0
        var high = frames.count
        while low < high {
            let middle = (low + high) / 2
            if frames[middle].number < number { low = middle + 1 } else { high = middle }
        }
        return low < frames.count && frames[low].number == number ? low : nil
    }

    private static func cost(_ identifiers: [[UInt8]]) -> Int {
        var cost = 0
        for identifier in identifiers { cost += identifier.count + overhead }
        return cost
    }
}
