import Foundation
import MatrixJSON
import TestSupport
import Testing

/// Two ends with a memory, and a link that loses, doubles and overtakes; both are killed now and then and come back with an
/// old copy of their memory, or with none, or begin a new session.
@Suite("Schedules of a session's memory")
struct SessionScheduleTests {
    @Test("random schedules: what comes out is what went in, or a refusal that one repeat heals")
    func schedules() throws {
        // Those of Tests/CompactMatrix/IdentifierScheduleTests.swift are many more: here each message is compressed as well.
        let rounds = ProcessInfo.processInfo.environment["SOTTO_LONG"] == nil ? 150 : 10_000
        var total = Counts()
        for seed in 0..<UInt64(rounds) {
            var schedule = Schedule(seed: seed)
            try schedule.run()
            total.add(schedule.counts)
        }
        print("\(rounds) schedules: \(total)")
        #expect(total.delivered > 10 * rounds)
        #expect(total.unknown > rounds / 2)
        #expect(total.kills > rounds)
        #expect(total.referring > 3 * rounds)
    }

    struct Counts {
        var delivered = 0
        var unknown = 0
        var kills = 0
        /// Messages that were shorter than without a memory.
        var referring = 0

        mutating func add(_ other: Counts) {
            delivered += other.delivered
            unknown += other.unknown
            kills += other.kills
            referring += other.referring
        }
    }

    struct Schedule {
        struct Frame {
            let number: UInt64
            let bytes: [UInt8]
            let request: CompactRequest
            /// nil: a request.
            let answer: JSONValue?
            let remembers: Bool
        }

        struct End {
            var memory: SessionMemory
            var copy: SessionMemory
            /// A frame number is never used twice, whatever happens.
            var next: UInt64 = 0
            /// As the channel's replay window: a frame is accepted once.
            var accepted: Set<UInt64> = []
            var flying: [Frame] = []
        }

        let seed: UInt64
        var random: SplitMix64
        var ends: [End] = []
        var counts = Counts()
        let rooms: [String]
        let users = ["@alice:example.org", "@bob:example.org", "@carol:elsewhere.example"]

        init(seed: UInt64) {
            self.seed = seed
            random = SplitMix64(seed: seed)
            rooms = (0..<4).map { "!room\($0)\(seed):example.org" }
            begin()
        }

        mutating func begin() {
            let sizes =
                random.chance(50)
                ? SessionMemory.Sizes(identifiers: 64 + random.below(400), contexts: random.below(300))
                : SessionMemory.Sizes.edge
            ends = [false, true].map { isGateway in
                let memory = SessionMemory(sizes: sizes, isGateway: isGateway, session: "s")
                return End(memory: memory, copy: memory)
            }
        }

        mutating func run() throws {
            for _ in 0..<60 {
                switch random.below(100) {
                case 0..<45: send(from: random.below(2))
                case 45..<90: try deliver(to: random.below(2))
                case 90..<93: let end = random.below(2); ends[end].copy = ends[end].memory
                case 93..<98: kill(random.below(2))
                case 98: begin()
                default: break
                }
            }
        }

        private mutating func message() -> (request: CompactRequest, answer: JSONValue?) {
            let room = rooms[random.below(rooms.count)]
            let user = users[random.below(users.count)]
            let event = "$" + String((0..<43).map { _ in "ABCDEFGHijklmnop0123"[random.below(20)] })
            var request = CompactRequest(
                method: "PUT", target: "/_matrix/client/v3/rooms/\(room)/state/m.room.member/\(user)",
                body: ["membership": "join", "displayname": .string("n\(random.below(1_000))")])
            if random.chance(50) {
                request = CompactRequest(
                    method: "POST", target: "/_matrix/client/v3/rooms/\(room)/receipt/m.read/\(event)",
                    body: [:])
            }
            return (request, ["event_id": .string(event), "sender": .string(user), "n": .integer(random64())])
        }

        private mutating func random64() -> Int64 { Int64(random.below(1 << 30)) << Int64(random.below(14)) }

        private mutating func send(from end: Int) {
            var (request, answer) = message()
            if end == 0 { answer = nil }
            post(request, answer, from: end, remembers: true)
        }

        private mutating func post(_ request: CompactRequest, _ answer: JSONValue?, from end: Int, remembers: Bool) {
            let number = ends[end].next
            ends[end].next += 1
            var stranger = SessionMemory(sizes: .edge, isGateway: end == 1, session: "s")
            let bytes: [UInt8]
            let plain: [UInt8]
            if let answer {
                bytes = ends[end].memory.encode(answer, to: request, frame: number, remembers: remembers)
                plain = stranger.encode(answer, to: request, frame: number)
            } else {
                bytes = ends[end].memory.encode(request, frame: number, remembers: remembers)
                plain = stranger.encode(request, frame: number)
            }
            if bytes.count < plain.count { counts.referring += 1 }
            ends[end].flying.append(
                Frame(number: number, bytes: bytes, request: request, answer: answer, remembers: remembers))
        }

        /// One of the frames under way, in any order; it may be lost, stay to come again, or lose its acknowledgement.
        private mutating func deliver(to end: Int) throws {
            let sender = 1 - end
            guard !ends[sender].flying.isEmpty else { return }
            let place = random.chance(60) ? 0 : random.below(ends[sender].flying.count)
            let frame = ends[sender].flying[place]
            if !random.chance(15) { ends[sender].flying.remove(at: place) }
            if random.chance(10) { return }
            guard ends[end].accepted.insert(frame.number).inserted else { return }
            var isKnown = true
            do throws(CBORCodecError) {
                if let answer = frame.answer {
                    let read = try ends[end].memory.decodeAnswer(frame.bytes, to: frame.request, frame: frame.number)
                    #expect(read == answer, "seed \(seed)")
                } else {
                    let read = try ends[end].memory.decodeRequest(frame.bytes, frame: frame.number)
                    #expect(read == frame.request, "seed \(seed)")
                }
                counts.delivered += 1
            } catch {
                #expect(error.reason == .unknownReference, "seed \(seed)")
                // What stands for itself is always understood: one repeat heals.
                #expect(frame.remembers, "seed \(seed)")
                counts.unknown += 1
                isKnown = false
            }
            if random.chance(20) { return }
            if isKnown {
                ends[sender].memory.acknowledged(frame.number)
            } else {
                ends[sender].memory.unknown(frame.number)
                post(frame.request, frame.answer, from: sender, remembers: false)
            }
        }

        private mutating func kill(_ end: Int) {
            counts.kills += 1
            if random.chance(50) {
                ends[end].memory = ends[end].copy
            } else {
                ends[end].memory.discard()
                ends[end].copy = ends[end].memory
            }
            // The lease of numbers is skipped.
            ends[end].next += UInt64(random.below(16))
        }
    }
}

extension String {
    fileprivate subscript(place: Int) -> Character { self[index(startIndex, offsetBy: place)] }
}
