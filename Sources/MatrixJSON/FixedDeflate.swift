/// Raw deflate (RFC 1951) in one final block of fixed Huffman codes, after a preset dictionary.
///
/// For messages of this size zlib spends its time on setting itself up, and its search knows nothing of what a match costs.
/// Here the dictionary is indexed once, and the cheapest way through the message is found among all its matches: each byte,
/// or each match of each length at its nearest distance, with the bits that the fixed codes take for it.
struct FixedDeflate: Sendable {
    private static let shortest = 3
    private static let longest = 258
    private static let furthest = 32_768
    /// Candidates looked at for a place: bounds the time for input that repeats itself.
    private static let mostCandidates = 96
    private static let hashBits: UInt32 = 12

    private let dictionary: [UInt8]
    /// For each hash of three bytes the last place of the dictionary that has it; -1: none.
    private let heads: [Int32]
    /// For each place the one before it with the same hash.
    private let links: [Int32]

    init(dictionary: [UInt8]) {
        self.dictionary = dictionary
        var heads = [Int32](repeating: -1, count: 1 << Int(Self.hashBits))
        var links = [Int32](repeating: -1, count: dictionary.count)
        for place in dictionary.indices.dropLast(2) {
            let hash = Self.hash(dictionary, place)
            links[place] = heads[hash]
            heads[hash] = Int32(place)
        }
        self.heads = heads
        self.links = links
    }

    private static func hash(_ bytes: [UInt8], _ place: Int) -> Int {
        let three = UInt32(bytes[place]) << 16 | UInt32(bytes[place + 1]) << 8 | UInt32(bytes[place + 2])
        return Int((three &* 0x9E37_79B1) >> (32 - hashBits))
    }

    /// BFINAL, and BTYPE 01: the first three bits.
    static let header: UInt32 = 0b011

    /// - Parameters:
    ///   - context: what the other end has behind the dictionary.
    ///   - hasHeader: without it the first three bits are left out, which are always the same.
    func compress(_ input: [UInt8], after context: [UInt8] = [], hasHeader: Bool = true) -> [UInt8] {
        let steps = cheapestSteps(input, after: context)
        var writer = BitWriter()
        if hasHeader { writer.write(Self.header, bits: 3) }
        var place = 0
        while place < input.count {
            let step = steps[place]
            if step.length == 1 {
                writer.literal(input[place])
            } else {
                writer.match(length: Int(step.length), distance: Int(step.distance))
            }
            place += Int(step.length)
        }
        writer.endOfBlock()
        return writer.finished()
    }

    private struct Step {
        var length: Int32 = 1
        var distance: Int32 = 0
    }

    /// What to do at each place that the cheapest way touches. Backwards: the cost of the rest is known before the choice.
    private func cheapestSteps(_ input: [UInt8], after context: [UInt8]) -> [Step] {
        let bytes = dictionary + context + input
        let start = dictionary.count + context.count
        var heads = heads
        var links = links
        links.append(contentsOf: repeatElement(-1, count: context.count + input.count))
        // The two places at the dictionary's end whose three bytes reach further belong to the index as well.
        for place in max(0, dictionary.count - 2)..<max(dictionary.count, bytes.count - 2) where place + 2 < bytes.count
        {
            let hash = Self.hash(bytes, place)
            links[place] = heads[hash]
            heads[hash] = Int32(place)
        }
        var costs = [Int32](repeating: 0, count: input.count + 1)
        var steps = [Step](repeating: Step(), count: input.count)
        for offset in input.indices.reversed() {
            let place = start + offset
            var cost = costs[offset + 1] + (bytes[place] < 144 ? 8 : 9)
            var step = Step()
            let most = min(Self.longest, bytes.count - place)
            if most >= Self.shortest {
                var candidate = Int(links[place])
                var known = Self.shortest - 1
                var looked = 0
                while candidate >= 0, place - candidate <= Self.furthest, looked < Self.mostCandidates, known < most {
                    looked += 1
                    // A farther place is worth it only for a longer match.
                    if bytes[candidate + known] == bytes[place + known] {
                        var length = 0
                        while length < most, bytes[candidate + length] == bytes[place + length] { length += 1 }
                        let distanceBits = FixedCodes.bits(distance: place - candidate)
                        while known < length {
                            known += 1
                            let total = costs[offset + known] + FixedCodes.bits(length: known) + distanceBits
                            if total < cost {
                                cost = total
                                step = Step(length: Int32(known), distance: Int32(place - candidate))
                            }
                        }
                    }
                    candidate = Int(links[candidate])
                }
            }
            costs[offset] = cost
            steps[offset] = step
        }
        return steps
    }
}
