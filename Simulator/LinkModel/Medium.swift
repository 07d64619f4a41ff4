/// How several devices share a link.
public enum Medium: Equatable, Sendable {
    /// Each device has the link for itself.
    case dedicated
    /// All share one; somebody sees to it that they take turns.
    case scheduled
    /// All share one, and nobody does: who sends at the same time on the same channel may lose both frames.
    case shared(Access, Capture?)

    public enum Access: Equatable, Sendable {
        /// Everybody sends at once.
        case aloha
        /// Everybody sends at the next multiple of so many nanoseconds.
        case slottedAloha(slot: Int64)
        case listenBeforeTalk(ListenBeforeTalk)
    }

    /// Who hears somebody else waits for a random number of slots and listens again.
    public struct ListenBeforeTalk: Equatable, Sendable {
        /// In nanoseconds.
        public var slot: Int64
        /// Slots of the first wait: 0 to one less than this; it doubles with each busy channel up to `mostSlots`.
        public var leastSlots: Int
        public var mostSlots: Int
        /// Two who begin within this time of one another do not hear each other; nanoseconds.
        public var deafness: Int64

        public init(slot: Int64, leastSlots: Int = 8, mostSlots: Int = 256, deafness: Int64 = 0) {
            self.slot = slot
            self.leastSlots = leastSlots
            self.mostSlots = mostSlots
            self.deafness = deafness
        }
    }

    /// When a frame survives another.
    public struct Capture: Equatable, Sendable {
        /// It is that much stronger, in hundredths of a decibel; nil: strength does not help.
        public var margin: Int?
        /// Devices are received with strengths spread evenly over this range, in hundredths of a decibel.
        public var spread: Int
        /// What happens in this time from its begin does no harm (a receiver needs the end of the preamble only); ns.
        public var harmless: Int64

        public init(margin: Int? = 600, spread: Int = 0, harmless: Int64 = 0) {
            self.margin = margin
            self.spread = spread
            self.harmless = harmless
        }
    }
}
