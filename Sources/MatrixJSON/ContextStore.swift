/// Shapes of earlier messages of one direction, for those that come after them to be compressed with.
///
/// As with identifiers, a message names the frame that its context came in; both ends forget the oldest first.
struct ContextStore: Sendable {
    private struct Entry: Sendable {
        let frame: UInt64
        /// The sender's: what the context may be used for; nil at the receiver and for what may never be one.
        let key: String?
        let shape: MessageShape
        var hasArrived: Bool
    }

    /// Bytes of shapes.
    let capacity: Int
    private(set) var used = 0
    private var entries: [Entry] = []

    /// Longer ones are no context: what they could save is little beside what they are.
    static let longest = 4_096

    init(capacity: Int) {
        self.capacity = max(0, capacity)
    }

    mutating func record(_ shape: MessageShape, key: String?, in frame: UInt64) {
        var place = entries.count
        while place > 0, entries[place - 1].frame >= frame { place -= 1 }
        if place < entries.count, entries[place].frame == frame {
            used -= entries[place].shape.bytes.count
            entries.remove(at: place)
        }
        guard shape.bytes.count <= Self.longest, !shape.bytes.isEmpty, capacity > 0 else { return }
        entries.insert(Entry(frame: frame, key: key, shape: shape, hasArrived: false), at: place)
        used += shape.bytes.count
        var oldest = 0
        while used > capacity, oldest < entries.count {
            used -= entries[oldest].shape.bytes.count
            oldest += 1
        }
        entries.removeSubrange(0..<oldest)
    }

    mutating func acknowledged(_ frame: UInt64) {
        guard let place = entries.lastIndex(where: { $0.frame == frame }) else { return }
        entries[place].hasArrived = true
    }

    mutating func forget(through frame: UInt64) {
        entries.removeAll { $0.frame <= frame }
        used = entries.reduce(0) { $0 + $1.shape.bytes.count }
    }

    /// The sender's newest that has arrived.
    func newest(key: String, before frame: UInt64) -> UInt64? {
        entries.last { $0.hasArrived && $0.key == key && $0.frame < frame }?.frame
    }

    /// What a message in frame `current` has that repeats the one of `frame`; nil: that is not remembered.
    func structure(of frame: UInt64, in current: UInt64) -> [UInt8]? {
        entries.last { $0.frame == frame }?.shape.structure(of: frame, in: current)
    }
}
