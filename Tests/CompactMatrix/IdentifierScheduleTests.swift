import CompactMatrix
import TestSupport
import Testing

@Suite("Identifiers by name, whatever the link does")
struct IdentifierScheduleTests {
    /// A message as far as identifiers go: words or the integers of references, in order.
    enum Item {
        case words([UInt8])
        case reference(Int64)
    }

    struct Frame {
        let number: UInt64
        let items: [Item]
        let meant: [[UInt8]]
        let refers: Bool
    }

    struct End {
        var sent: IdentifierTable
        var received: IdentifierTable
        var copy: (sent: IdentifierTable, received: IdentifierTable)
        var next: UInt64 = 0
        /// The channel accepts each frame once.
        var accepted: Set<UInt64> = []
        var flying: [Frame] = []

        init(capacity: Int) {
            sent = IdentifierTable(capacity: capacity)
            received = sent
            copy = (sent, received)
        }
    }

    struct Counts {
        var delivered = 0
        var references = 0
        var unknown = 0
        var kills = 0
        var rehandshakes = 0
    }

    struct Schedule {
        let seed: UInt64
        var random: SplitMix64
        let vocabulary: [[UInt8]]
        var ends: [End] = []
        var counts = Counts()

        init(seed: UInt64) {
            self.seed = seed
            random = SplitMix64(seed: seed)
            vocabulary = (0..<12).map { Array("!room\($0)of\(seed):example.org".utf8) }
            begin()
        }

        mutating func begin() {
            let capacity = random.chance(50) ? 64 + random.below(400) : 1 << 20
            ends = [End(capacity: capacity), End(capacity: capacity)]
        }

        mutating func run() {
            for _ in 0..<80 {
                switch random.below(100) {
                case 0..<40: post((0...random.below(4)).map { _ in word() }, from: random.below(2), refers: true)
                case 40..<91: deliver(to: random.below(2))
                case 91..<93:
                    let end = random.below(2)
                    ends[end].copy = (ends[end].sent, ends[end].received)
                case 93..<98: kill(random.below(2))
                case 98:
                    counts.rehandshakes += 1
                    begin()
                default: break
                }
            }
        }

        private mutating func word() -> [UInt8] {
            // Now and then one that never came before, as event ids do.
            random.chance(20) ? random.bytes(33) : vocabulary[random.below(random.chance(70) ? 3 : vocabulary.count)]
        }

        private mutating func post(_ words: [[UInt8]], from end: Int, refers: Bool) {
            let number = ends[end].next
            ends[end].next += 1
            let none = IdentifierTable(capacity: 0)
            var pass = IdentifierPass(
                frame: number, own: refers ? ends[end].sent : none, other: refers ? ends[end].received : none)
            let items = words.map { word in pass.write(word).map(Item.reference) ?? .words(word) }
            ends[end].sent.record(pass.mentions, in: number)
            ends[end].flying.append(Frame(number: number, items: items, meant: words, refers: refers))
        }

        private mutating func deliver(to end: Int) {
            let sender = 1 - end
            guard !ends[sender].flying.isEmpty else { return }
            let place = random.chance(60) ? 0 : random.below(ends[sender].flying.count)
            let frame = ends[sender].flying[place]
            if !random.chance(15) { ends[sender].flying.remove(at: place) }
            if random.chance(10) { return }
            guard ends[end].accepted.insert(frame.number).inserted else { return }
            var pass = IdentifierPass(frame: frame.number, own: ends[end].received, other: ends[end].sent)
            var read: [[UInt8]] = []
            for item in frame.items {
                switch item {
                case .words(let word):
                    pass.read(word)
                    read.append(word)
                case .reference(let integer):
                    counts.references += 1
                    guard let word = pass.read(reference: integer) else {
                        counts.unknown += 1
                        // What stands for itself is always understood, so one repeat is enough.
                        #expect(frame.refers, "seed \(seed)")
                        if random.chance(80) {
                            ends[sender].sent.forget(through: frame.number)
                            ends[sender].received.forgetAll()
                            post(frame.meant, from: sender, refers: false)
                        }
                        return
                    }
                    read.append(word)
                }
            }
            #expect(read == frame.meant, "seed \(seed)")
            counts.delivered += 1
            ends[end].received.record(pass.mentions, in: frame.number)
            if random.chance(80) { ends[sender].sent.acknowledged(frame.number) }
        }

        private mutating func kill(_ end: Int) {
            counts.kills += 1
            if random.chance(50) {
                (ends[end].sent, ends[end].received) = ends[end].copy
            } else {
                ends[end].sent.forgetAll()
                ends[end].received.forgetAll()
                ends[end].copy = (ends[end].sent, ends[end].received)
            }
            ends[end].next += UInt64(random.below(16))
        }
    }

    @Test("10,000 random schedules: never a wrong identifier, and one repeat heals what is unknown")
    func schedules() {
        var total = Counts()
        for seed in UInt64(0)..<10_000 {
            var schedule = Schedule(seed: seed)
            schedule.run()
            total.delivered += schedule.counts.delivered
            total.references += schedule.counts.references
            total.unknown += schedule.counts.unknown
            total.kills += schedule.counts.kills
            total.rehandshakes += schedule.counts.rehandshakes
        }
        print("10,000 schedules: \(total)")
        #expect(total.delivered > 100_000)
        #expect(total.references > 100_000)
        #expect(total.unknown > 1_000)
        #expect(total.kills > 10_000)
        #expect(total.rehandshakes > 1_000)
    }

    @Test("the nearest frames have integers of a byte, and every reference its own")
    func integers() throws {
        var seen: Set<Int64> = []
        for current in [UInt64(0), 1, 5, 6, 100, 5_000] {
            seen = []
            for isOwn in [true, false] {
                for frame in Swift.stride(from: UInt64(0), through: current, by: current > 200 ? 97 : 1) {
                    for place in 0..<IdentifierReference.places {
                        let reference = IdentifierReference(isOwn: isOwn, frame: frame, place: place)
                        let integer = try #require(reference.integer(in: current))
                        #expect(seen.insert(integer).inserted)
                        #expect(IdentifierReference(integer, in: current) == reference)
                    }
                }
            }
        }
        #expect(IdentifierReference(isOwn: true, frame: 99, place: 0).integer(in: 100) == 4)
        #expect(IdentifierReference(isOwn: true, frame: 95, place: 3).integer(in: 100) == 23)
        #expect(IdentifierReference(isOwn: true, frame: 101, place: 0).integer(in: 100) == nil)
        #expect(IdentifierReference(isOwn: true, frame: 99, place: 64).integer(in: 100) == nil)
        for integer: Int64 in [.min, .max, 24, 1 << 60, -(1 << 60)] {
            #expect(IdentifierReference(integer, in: 100) == nil)
        }
    }

    @Test("a table never holds more than was agreed, and forgets the oldest first")
    func capacity() {
        var random = SplitMix64(seed: 3)
        var table = IdentifierTable(capacity: 256)
        for frame in UInt64(0)..<1_000 {
            table.record((0..<random.below(80)).map { _ in random.bytes(1 + random.below(60)) }, in: frame)
            #expect(table.used <= 256)
        }
        table.forgetAll()
        for frame in UInt64(0)..<10 { table.record([[UInt8](repeating: UInt8(frame), count: 28)], in: frame) }
        #expect(table.identifier(in: 1, at: 0) == nil)
        #expect(table.identifier(in: 2, at: 0)?.first == 2)
        #expect(table.identifier(in: 9, at: 1) == nil)
        #expect(table.identifier(in: 9, at: -1) == nil)
        // One that came late is older than all, and goes first.
        table.record([[1]], in: 0)
        #expect(table.identifier(in: 0, at: 0) == nil)
        #expect(table.used == 256)
    }
}
