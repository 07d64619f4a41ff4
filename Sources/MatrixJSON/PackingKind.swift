/// A way in which text that is bytes in disguise travels as these bytes.
struct PackingKind: Equatable, Sendable {
    enum Alphabet: Sendable {
        case standard, url, hexLower, hexUpper
    }

    /// Nil for the only kind without a tag: an event id.
    let tag: UInt64?
    /// `$` of event ids, `!` of rooms of version 12, whose ids are hashes (MSC4291).
    var sigil: UInt8?
    let alphabet: Alphabet
    var isPadded = false
    /// The last character has bits set that no byte needs (or the length is one that whole bytes never make): all bits
    /// of all characters travel, filled up with zeros to the next byte.
    var isRagged = false

    static let all: [PackingKind] = [
        PackingKind(tag: nil, sigil: UInt8(ascii: "$"), alphabet: .url),
        PackingKind(tag: 0, alphabet: .standard),
        PackingKind(tag: 1, alphabet: .url),
        PackingKind(tag: 2, sigil: UInt8(ascii: "!"), alphabet: .url),
        PackingKind(tag: 3, alphabet: .standard, isPadded: true),
        PackingKind(tag: 4, alphabet: .url, isPadded: true),
        PackingKind(tag: 5, alphabet: .hexLower),
        PackingKind(tag: 6, alphabet: .hexUpper),
        PackingKind(tag: 7, sigil: UInt8(ascii: "$"), alphabet: .url, isRagged: true),
        PackingKind(tag: 8, alphabet: .standard, isRagged: true),
        PackingKind(tag: 9, alphabet: .url, isRagged: true),
        PackingKind(tag: 10, sigil: UInt8(ascii: "!"), alphabet: .url, isRagged: true),
        PackingKind(tag: 11, alphabet: .standard, isPadded: true, isRagged: true),
        PackingKind(tag: 12, alphabet: .url, isPadded: true, isRagged: true),
    ]

    static func tagged(_ tag: UInt64?) -> PackingKind? {
        all.first { $0.tag == tag }
    }

    static func find(sigil: UInt8?, alphabet: Alphabet, isPadded: Bool, isRagged: Bool) -> PackingKind? {
        all.first {
            $0.sigil == sigil && $0.alphabet == alphabet && $0.isPadded == isPadded && $0.isRagged == isRagged
        }
    }
}
