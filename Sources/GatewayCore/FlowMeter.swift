/// How many messages came and went within the last minute, in slots of five seconds.
struct FlowMeter {
    private struct Slot {
        var number: Int64 = .min
        var accepted = 0
        var delivered = 0
    }

    /// Nanoseconds.
    private static let slotLength: Int64 = 5_000_000_000
    private static let slotCount: Int64 = 12

    private var slots = [Slot](repeating: Slot(), count: Int(slotCount))
    private let start: Int64

    init(now: Int64) { start = now }

    mutating func accept(now: Int64) { slots[slot(now)].accepted += 1 }
    mutating func deliver(now: Int64) { slots[slot(now)].delivered += 1 }

    /// Messages a second.
    func rates(now: Int64) -> (accepted: Double, delivered: Double) {
        let current = number(now)
        var sum = (accepted: 0, delivered: 0)
        for slot in slots where slot.number > current - Self.slotCount && slot.number <= current {
            sum.accepted += slot.accepted
            sum.delivered += slot.delivered
        }
        let oldest = max(start, (current - Self.slotCount + 1) * Self.slotLength)
        let seconds = Double(max(now - oldest, 1_000_000_000)) / 1e9
        return (Double(sum.accepted) / seconds, Double(sum.delivered) / seconds)
    }

    /// Rounded down, also before the clock's origin.
    private func number(_ now: Int64) -> Int64 { now >= 0 ? now / Self.slotLength : (now + 1) / Self.slotLength - 1 }

    private mutating func slot(_ now: Int64) -> Int {
        let number = number(now)
        let index = Int(((number % Self.slotCount) + Self.slotCount) % Self.slotCount)
        if slots[index].number != number { slots[index] = Slot(number: number) }
        return index
    }
}
