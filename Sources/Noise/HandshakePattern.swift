/// A handshake as data: which keys are known before, and the tokens of each message (section 7).
public struct HandshakePattern: Sendable {
    public enum Token: UInt8, Sendable {
        case e, s, ee, es, se, ss, psk
    }

    /// Such as `KK` or `XXpsk0+psk2`.
    public let name: [UInt8]
    /// Whether the initiator's static key is known to the responder beforehand, and the other way round.
    public let initiatorIsKnown: Bool
    public let responderIsKnown: Bool
    /// In turn, the initiator's first.
    public internal(set) var messages: [[Token]]

    var pskCount: Int {
        var count = 0
        for message in messages { for token in message where token == .psk { count += 1 } }
        return count
    }

    init(_ name: StaticString, knownInitiator: Bool = false, knownResponder: Bool = false, _ messages: [[Token]]) {
        self.name = Self.bytes(of: name)
        initiatorIsKnown = knownInitiator
        responderIsKnown = knownResponder
        self.messages = messages
    }

    private init(name: [UInt8], from base: HandshakePattern, messages: [[Token]]) {
        self.name = name
        initiatorIsKnown = base.initiatorIsKnown
        responderIsKnown = base.responderIsKnown
        self.messages = messages
    }

    /// The pattern of a name such as `IK`, `X1K1` or `NNpsk0+psk2`.
    ///
    /// A modifier `pskN` puts the token at the start of message 1 (N = 0) or at the end of message N (section 9.4).
    public init(name: [UInt8]) throws(NoiseError) {
        var end = 0
        while end < name.count, name[end] < 0x61 { end += 1 }
        let baseName = Array(name[0..<end])
        var found: HandshakePattern?
        for pattern in Self.all where pattern.name == baseName { found = pattern }
        guard let base = found else { throw .unknownPattern }
        var messages = base.messages
        var position = end
        while position < name.count {
            if position > end {
                guard name[position] == 0x2B else { throw .unknownPattern }
                position += 1
            }
            guard position + 4 <= name.count, Array(name[position..<position + 3]) == [0x70, 0x73, 0x6B] else {
                throw .unknownPattern
            }
            let digit = Int(name[position + 3]) - 0x30
            guard digit >= 0, digit <= messages.count else { throw .unknownPattern }
            if digit == 0 { messages[0].insert(.psk, at: 0) } else { messages[digit - 1].append(.psk) }
            position += 4
        }
        self.init(name: name, from: base, messages: messages)
    }

    static func bytes(of text: StaticString) -> [UInt8] {
        var bytes: [UInt8] = []
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
        return bytes
    }
}
