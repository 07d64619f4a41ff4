/// Strings with numbers, both ways.
struct StringTable: Sendable {
    private let strings: [String]
    private let numbers: [String: Int]
    let first: Int

    /// - Parameter first: the number of the first string.
    init(_ strings: [String], first: Int = 0) {
        self.strings = strings
        self.first = first
        var numbers: [String: Int] = [:]
        for (place, string) in strings.enumerated() { numbers[string] = place }
        self.numbers = numbers
    }

    var count: Int { strings.count }

    func number(of string: String) -> Int? {
        // Dictionaries take canonically equivalent texts for the same, and U+212A is one with the letter K.
        guard let place = numbers[string], strings[place].hasSameUTF8(as: string) else { return nil }
        return place + first
    }

    subscript(number: UInt64) -> String? {
        guard let number = Int(exactly: number), strings.indices.contains(number - first) else { return nil }
        return strings[number - first]
    }
}
