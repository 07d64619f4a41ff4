/// Strings with numbers, both ways, compared by their UTF-8.
struct StringTable: Sendable {
    private let strings: [String]
    /// All strings in UTF-8, one after another, and where each begins; one more tells where the last one ends.
    private let content: [UInt8]
    private let starts: [Int]
    /// Open addressing: a place counted from 1, or 0. At most half of them are taken.
    private let slots: [UInt16]
    private let longest: Int
    let first: Int

    /// - Parameter first: the number of the first string.
    /// - Precondition: fewer than 65,536 strings, each once.
    init(_ strings: [String], first: Int = 0) {
        self.strings = strings
        self.first = first
        var size = 16
        while size < strings.count * 2 { size *= 2 }
        var content: [UInt8] = []
        var starts = [0]
        var slots = [UInt16](repeating: 0, count: size)
        var longest = 0
        for (place, string) in strings.enumerated() {
            let utf8 = Array(string.utf8)
            content += utf8
            starts.append(content.count)
            longest = max(longest, utf8.count)
            var slot = utf8.withUnsafeBufferPointer { Int(truncatingIfNeeded: ContentHash.of($0)) } & (size - 1)
            while slots[slot] != 0 { slot = (slot + 1) & (size - 1) }
            slots[slot] = UInt16(place + 1)
        }
        self.content = content
        self.starts = starts
        self.slots = slots
        self.longest = longest
    }

    var count: Int { strings.count }

    func number(of string: String) -> Int? {
        var string = string
        return string.withUTF8 { number(of: $0, hash: ContentHash.of($0)) }
    }

    /// - Parameter hash: `ContentHash.of(utf8)`.
    func number(of utf8: UnsafeBufferPointer<UInt8>, hash: UInt64) -> Int? {
        guard utf8.count <= longest else { return nil }
        var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while true {
            let place = Int(slots[slot]) - 1
            guard place >= 0 else { return nil }
            let start = starts[place]
            if starts[place + 1] - start == utf8.count,
                content.withUnsafeBufferPointer({ ContentHash.areEqual($0, from: start, utf8) })
            {
                return place + first
            }
            slot = (slot + 1) & (slots.count - 1)
        }
    }

    subscript(number: UInt64) -> String? {
        place(of: number).map { strings[$0] }
    }

    /// The same in UTF-8.
    func utf8(_ number: UInt64) -> ArraySlice<UInt8>? {
        place(of: number).map { content[starts[$0]..<starts[$0 + 1]] }
    }

    private func place(of number: UInt64) -> Int? {
        guard let number = Int(exactly: number), strings.indices.contains(number - first) else { return nil }
        return number - first
    }
}
