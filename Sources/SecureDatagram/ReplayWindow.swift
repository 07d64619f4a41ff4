/// Which frame numbers were accepted: a ring of bits that never shifts (RFC 6479).
///
/// The highest 128 numbers are remembered exactly; everything older is too old.
public struct ReplayWindow: Equatable, Sendable {
    public enum Verdict: Equatable, Sendable {
        case fresh
        case seen
        case tooOld
    }

    static let words = 3
    /// Numbers that are always covered: the ring less the word that is being filled.
    public static let size: UInt64 = UInt64(words - 1) * 64

    /// The highest accepted number; nil before the first.
    public private(set) var highest: UInt64?
    var bits: (UInt64, UInt64, UInt64) = (0, 0, 0)

    public init() {}

    init(highest: UInt64?, bits: (UInt64, UInt64, UInt64)) {
        self.highest = highest
        self.bits = bits
    }

    /// Every number below is too old.
    var lowest: UInt64 {
        guard let highest, highest >= Self.size else { return 0 }
        return highest - Self.size + 1
    }

    public func verdict(on number: UInt64) -> Verdict {
        guard let highest else { return .fresh }
        if number > highest { return .fresh }
        if highest - number >= Self.size { return .tooOld }
        return self[word: number >> 6] >> (number & 63) & 1 == 1 ? .seen : .fresh
    }

    /// Notes a number whose frame has been authenticated. Not to be called for one that is not fresh.
    public mutating func accept(_ number: UInt64) {
        if let highest, number <= highest {
            self[word: number >> 6] |= 1 << (number & 63)
            return
        }
        let first = highest.map { ($0 >> 6) + 1 } ?? 0
        let last = number >> 6
        if first <= last {
            var word = last - first >= UInt64(Self.words) ? last - UInt64(Self.words) + 1 : first
            while word <= last {
                self[word: word] = 0
                word += 1
            }
        }
        highest = number
        self[word: number >> 6] |= 1 << (number & 63)
    }

    private subscript(word word: UInt64) -> UInt64 {
        get {
            switch word % UInt64(Self.words) {
            case 0: bits.0
            case 1: bits.1
            default: bits.2
            }
        }
        set {
            switch word % UInt64(Self.words) {
            case 0: bits.0 = newValue
            case 1: bits.1 = newValue
            default: bits.2 = newValue
            }
        }
    }

    public static func == (a: Self, b: Self) -> Bool { a.highest == b.highest && a.bits == b.bits }
}
