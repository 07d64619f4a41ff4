/// Text that is shorter as bytes or as an integer, from which exactly that text can be made again.
enum PackedText: Equatable {
    case bytes(PackingKind, [UInt8])
    /// A decimal number as JSON would write it.
    case integer(Int64)

    /// Shorter ones are words more often than bytes, and gain little.
    private static let shortestPacked = 16

    /// nil: it travels as text. Which texts pack is the sender's choice; these are the ones that gain by it.
    init?(_ text: String) {
        var text = text
        guard let packed = text.withUTF8({ PackedText($0) }) else { return nil }
        self = packed
    }

    init?(_ utf8: UnsafeBufferPointer<UInt8>) {
        if let integer = Self.decimal(utf8) {
            self = .integer(integer)
            return
        }
        guard utf8.count >= Self.shortestPacked, let packed = Self.hex(utf8) ?? Self.base64(utf8) else { return nil }
        self = packed
    }

    /// The text, or nil for bytes that nothing packs into.
    var text: String? {
        var utf8: [UInt8] = []
        guard append(to: &utf8) else { return nil }
        return String(decoding: utf8, as: UTF8.self)
    }

    /// Appends the text; false, and nothing appended, for bytes that nothing packs into.
    func append(to utf8: inout [UInt8]) -> Bool {
        switch self {
        case .integer(let value): utf8.append(contentsOf: String(value).utf8)
        case .bytes(let kind, let bytes): return Self.append(bytes[...], kind, to: &utf8)
        }
        return true
    }

    static func append(_ bytes: ArraySlice<UInt8>, _ kind: PackingKind, to utf8: inout [UInt8]) -> Bool {
        switch kind.alphabet {
        case .hexLower, .hexUpper: appendHex(bytes, kind, to: &utf8)
        case .standard, .url: return Base64Bits.append(bytes, kind, to: &utf8)
        }
        return true
    }

    /// Only where it is shorter: `7` is not, `12` is.
    private static func decimal(_ utf8: UnsafeBufferPointer<UInt8>) -> Int64? {
        guard utf8.count >= 2, utf8.count <= 19 else { return nil }
        let digits = utf8[0] == UInt8(ascii: "-") ? utf8[1...] : utf8[...]
        guard let first = digits.first, first != UInt8(ascii: "0") || utf8.count == 1 else { return nil }
        var value: Int64 = 0
        for byte in digits {
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
            let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = tens.addingReportingOverflow(Int64(byte - UInt8(ascii: "0")))
            if overflow || carry { return nil }
            value = sum
        }
        return digits.count == utf8.count ? value : -value
    }

    private static func hex(_ utf8: UnsafeBufferPointer<UInt8>) -> PackedText? {
        guard utf8.count % 2 == 0 else { return nil }
        let classes = CharacterClasses.of(utf8)
        let alphabet: PackingKind.Alphabet
        if classes.isSubset(of: [.digit, .hexLower]) {
            alphabet = .hexLower
        } else if classes.isSubset(of: [.digit, .hexUpper]) {
            alphabet = .hexUpper
        } else {
            return nil
        }
        guard let kind = PackingKind.find(sigil: nil, alphabet: alphabet, isPadded: false, isRagged: false) else {
            return nil
        }
        func value(_ digit: UInt8) -> UInt8 { digit & 0xF + (digit >= UInt8(ascii: "A") ? 9 : 0) }
        return .bytes(
            kind, (0..<utf8.count / 2).map { value(utf8[2 * $0]) << 4 | value(utf8[2 * $0 + 1]) })
    }

    private static func appendHex(_ bytes: ArraySlice<UInt8>, _ kind: PackingKind, to utf8: inout [UInt8]) {
        let first = UInt8(ascii: kind.alphabet == .hexLower ? "a" : "A")
        func character(_ digit: UInt8) -> UInt8 { digit < 10 ? UInt8(ascii: "0") + digit : first + digit - 10 }
        for byte in bytes {
            utf8.append(character(byte >> 4))
            utf8.append(character(byte & 0xF))
        }
    }

    private static func base64(_ utf8: UnsafeBufferPointer<UInt8>) -> PackedText? {
        let sigil = utf8[0] == UInt8(ascii: "$") || utf8[0] == UInt8(ascii: "!") ? utf8[0] : nil
        var characters = sigil == nil ? utf8[...] : utf8[1...]
        let whole = characters.count
        while characters.last == UInt8(ascii: "="), whole - characters.count < 2 { characters.removeLast() }
        let isPadded = characters.count < whole
        if isPadded, whole % 4 != 0 || sigil != nil { return nil }
        let classes = CharacterClasses.of(characters)
        let alphabet: PackingKind.Alphabet
        if sigil == nil, classes.isDisjoint(with: [.url, .other]) {
            alphabet = .standard
        } else if classes.isDisjoint(with: [.standard, .other]) {
            alphabet = .url
        } else {
            return nil
        }
        // Without a sigil only what looks random: long words of one case are the compressor's.
        if sigil == nil,
            classes.isDisjoint(with: [.lower, .hexLower]) || classes.isDisjoint(with: [.upper, .hexUpper])
        {
            return nil
        }
        let (bytes, isRagged) = Base64Bits.bytes(characters)
        return PackingKind.find(sigil: sigil, alphabet: alphabet, isPadded: isPadded, isRagged: isRagged)
            .map { .bytes($0, bytes) }
    }
}
