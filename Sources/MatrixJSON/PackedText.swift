/// Text that is shorter as bytes or as an integer, from which exactly that text can be made again.
enum PackedText: Equatable {
    case bytes(PackingKind, [UInt8])
    /// A decimal number as JSON would write it.
    case integer(Int64)

    /// Shorter ones are words more often than bytes, and gain little.
    private static let shortestPacked = 16

    /// nil: it travels as text. Which texts pack is the sender's choice; these are the ones that gain by it.
    init?(_ text: String) {
        let utf8 = Array(text.utf8)
        if let integer = Self.decimal(utf8) {
            self = .integer(integer)
            return
        }
        guard utf8.count >= Self.shortestPacked else { return nil }
        guard let packed = Self.hex(utf8) ?? Self.base64(utf8) else { return nil }
        self = packed
    }

    /// The text, or nil for bytes that nothing packs into.
    var text: String? {
        switch self {
        case .integer(let value): String(value)
        case .bytes(let kind, let bytes):
            switch kind.alphabet {
            case .hexLower, .hexUpper: Self.hexText(bytes, kind)
            case .standard, .url: Base64Bits.text(bytes, kind)
            }
        }
    }

    /// Only where it is shorter: `7` is not, `12` is.
    private static func decimal(_ utf8: [UInt8]) -> Int64? {
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

    private static func hex(_ utf8: [UInt8]) -> PackedText? {
        guard utf8.count % 2 == 0 else { return nil }
        for (alphabet, first) in [(PackingKind.Alphabet.hexLower, UInt8(ascii: "a")), (.hexUpper, UInt8(ascii: "A"))] {
            var bytes: [UInt8] = []
            var half: UInt8?
            for byte in utf8 {
                let digit: UInt8
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
                case first...first + 5: digit = byte - first + 10
                default: digit = 16
                }
                if digit == 16 { break }
                if let high = half {
                    bytes.append(high << 4 | digit)
                    half = nil
                } else {
                    half = digit
                }
            }
            guard bytes.count * 2 == utf8.count else { continue }
            let kind = PackingKind.find(sigil: nil, alphabet: alphabet, isPadded: false, isRagged: false)
            return kind.map { .bytes($0, bytes) }
        }
        return nil
    }

    private static func hexText(_ bytes: [UInt8], _ kind: PackingKind) -> String {
        let first = UInt8(ascii: kind.alphabet == .hexLower ? "a" : "A")
        var utf8: [UInt8] = []
        for byte in bytes {
            for digit in [byte >> 4, byte & 0xF] {
                utf8.append(digit < 10 ? UInt8(ascii: "0") + digit : first + digit - 10)
            }
        }
        return String(decoding: utf8, as: UTF8.self)
    }

    private static func base64(_ utf8: [UInt8]) -> PackedText? {
        let sigil = utf8[0] == UInt8(ascii: "$") || utf8[0] == UInt8(ascii: "!") ? utf8[0] : nil
        var characters = sigil == nil ? utf8[...] : utf8[1...]
        // Without a sigil only what looks random: long words of one case are the compressor's.
        guard sigil != nil || Self.looksRandom(characters) else { return nil }
        let whole = characters.count
        while characters.last == UInt8(ascii: "="), whole - characters.count < 2 { characters.removeLast() }
        let isPadded = characters.count < whole
        if isPadded, whole % 4 != 0 || sigil != nil { return nil }
        for alphabet in [PackingKind.Alphabet.standard, .url] where sigil == nil || alphabet == .url {
            guard let (bytes, isRagged) = Base64Bits.bytes(characters, alphabet) else { continue }
            guard
                let kind = PackingKind.find(sigil: sigil, alphabet: alphabet, isPadded: isPadded, isRagged: isRagged)
            else { continue }
            return .bytes(kind, bytes)
        }
        return nil
    }

    private static func looksRandom(_ characters: ArraySlice<UInt8>) -> Bool {
        var upper = false
        var lower = false
        for byte in characters {
            upper = upper || (byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z"))
            lower = lower || (byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z"))
        }
        return upper && lower
    }
}
