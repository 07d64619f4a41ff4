import TestSupport
import Testing

@testable import SecureDatagram

@Suite("The replay window")
struct ReplayWindowTests {
    /// The same rule without a ring: every accepted number, and the highest.
    private struct Model {
        var seen: Set<UInt64> = []
        var highest: UInt64?

        func verdict(on number: UInt64) -> ReplayWindow.Verdict {
            guard let highest else { return .fresh }
            if number <= highest, highest - number >= 128 { return .tooOld }
            return seen.contains(number) ? .seen : .fresh
        }

        mutating func accept(_ number: UInt64) {
            seen.insert(number)
            highest = max(highest ?? 0, number)
        }
    }

    /// Judges `number`, and takes it where it is fresh, as a receiver does.
    private func step(_ window: inout ReplayWindow, _ number: UInt64) -> ReplayWindow.Verdict {
        let verdict = window.verdict(on: number)
        if verdict == .fresh { window.accept(number) }
        return verdict
    }

    @Test("step by step: the start, copies, both edges, jumps of a word, of the ring and of far more")
    func steps() {
        var window = ReplayWindow()
        let size = ReplayWindow.size
        #expect(size == 128)
        #expect(window.highest == nil)
        let steps: [(UInt64, ReplayWindow.Verdict)] = [
            (0, .fresh), (0, .seen), (1, .fresh), (1, .seen), (9, .fresh), (8, .fresh), (7, .fresh), (7, .seen),
            (8, .seen),
            (63, .fresh), (64, .fresh), (64, .seen), (63, .seen), (62, .fresh),
            // The lower edge: `size` numbers back is one too many.
            (size, .fresh), (0, .tooOld), (1, .seen), (2, .fresh), (2, .seen),
            (size + 2, .fresh), (2, .tooOld), (3, .fresh), (3, .seen),
            // One word on, then exactly to the edge of what is left.
            (size + 66, .fresh), (66, .tooOld), (67, .fresh), (67, .seen), (size + 2, .seen), (size + 3, .fresh),
            // The whole ring at once: nothing of the old numbers may shine through.
            (size + 66 + 192, .fresh), (size + 66 + 192, .seen), (size + 66 + 65, .fresh), (size + 66 + 64, .tooOld),
            (size + 67 + 66, .fresh), (size + 66 + 191, .fresh), (size + 66 + 191, .seen),
            // Jumps of four windows and far beyond.
            (10 * size, .fresh), (10 * size - 1, .fresh), (9 * size + 1, .fresh), (9 * size + 1, .seen),
            (9 * size, .tooOld),
            (1 << 40, .fresh), (10 * size, .tooOld), (1 << 40, .seen), ((1 << 40) - 127, .fresh),
            ((1 << 40) - 128, .tooOld),
            // The end of all numbers.
            (.max - 1, .fresh), (.max - 1, .seen), (.max - 128, .fresh), (.max - 129, .tooOld), (.max, .fresh),
            (.max, .seen), (.max - 128, .tooOld), (.max - 127, .fresh), (.max - 127, .seen), (.max - 64, .fresh),
            (.max - 1, .seen), (0, .tooOld),
        ]
        for (index, (number, verdict)) in steps.enumerated() {
            #expect(step(&window, number) == verdict, "step \(index), number \(number)")
        }
        #expect(window.highest == .max)
    }

    @Test("in order, in reverse and every second one, each number is taken once")
    func bulk() {
        var window = ReplayWindow()
        var wrong = 0
        for number in UInt64(0)..<1_000 where step(&window, number) != .fresh { wrong += 1 }
        for number in UInt64(0)..<1_000 where step(&window, number) != (number < 872 ? .tooOld : .seen) { wrong += 1 }
        window = ReplayWindow()
        for number in (UInt64(0)..<128).reversed() where step(&window, number) != .fresh { wrong += 1 }
        for number in (UInt64(0)..<128).reversed() where step(&window, number) != .seen { wrong += 1 }
        window = ReplayWindow()
        for number in stride(from: UInt64(0), to: 128, by: 2) where step(&window, number) != .fresh { wrong += 1 }
        for number in UInt64(0)..<128 where step(&window, number) != (number % 2 == 0 ? .seen : .fresh) { wrong += 1 }
        #expect(wrong == 0)
    }

    @Test("random sequences of steps, jumps and returns are judged as by a set of all numbers seen")
    func againstModel() {
        var wrong: [String] = []
        var verdicts: [ReplayWindow.Verdict: Int] = [:]
        for seed in 0..<400 {
            var random = SplitMix64(seed: UInt64(seed))
            var window = ReplayWindow()
            var model = Model()
            var base: UInt64 = [0, 60, 1_000_000, .max - 2_000][random.below(4)]
            for _ in 0..<300 {
                switch random.below(10) {
                case 0: base += min(UInt64(random.below(400)), .max - base)
                case 1...4: base += min(UInt64(random.below(3)), .max - base)
                default: break
                }
                let back = UInt64(random.chance(70) ? random.below(140) : random.below(300))
                let number = random.chance(40) ? base : base - min(back, base)
                let verdict = window.verdict(on: number)
                verdicts[verdict, default: 0] += 1
                if verdict != model.verdict(on: number) { wrong.append("seed \(seed), number \(number)") }
                // A judgement has no effect; only what was authenticated is noted.
                if verdict == .fresh, random.chance(90) {
                    window.accept(number)
                    model.accept(number)
                }
                if window.highest != model.highest { wrong.append("seed \(seed), highest") }
            }
        }
        #expect(wrong == [])
        #expect(verdicts.values.allSatisfy { $0 > 5_000 }, "\(verdicts)")
    }

    @Test("a window that is stored and read back goes on as it was")
    func stored() {
        var window = ReplayWindow()
        for number: UInt64 in [3, 5, 64, 130, 100] { window.accept(number) }
        var copy = ReplayWindow(highest: window.highest, bits: window.bits)
        #expect(copy == window)
        #expect(copy.verdict(on: 100) == .seen)
        #expect(copy.verdict(on: 101) == .fresh)
        copy.accept(101)
        #expect(copy != window)
    }
}
