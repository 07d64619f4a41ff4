extension Message {
    private static let version: UInt8 = 1
    private static let payloadMarker: UInt8 = 0xFF

    /// Reads one message that fills `bytes` exactly (RFC 7252 section 3).
    public init(decoding bytes: [UInt8]) throws(MessageError) {
        guard bytes.count >= 4 else { throw .shorterThanHeader }
        guard bytes[0] >> 6 == Self.version else { throw .unknownVersion }
        let type = MessageType(rawValue: bytes[0] >> 4 & 0x3) ?? .confirmable
        let messageID = UInt16(bytes[2]) << 8 | UInt16(bytes[3])
        self.init(type: type, code: Code(rawValue: bytes[1]), messageID: messageID)

        func fail(_ error: FormatError) -> MessageError {
            .formatError(error, type: type, messageID: messageID)
        }

        let tokenLength = Int(bytes[0] & 0x0F)
        guard tokenLength <= 8 else { throw fail(.tokenLength) }
        if code == .empty {
            guard bytes.count == 4 else { throw fail(.emptyMessageWithContent) }
            return
        }
        guard code.isRequest || code.isResponse else { throw fail(.reservedCode) }
        guard bytes.count >= 4 + tokenLength else { throw fail(.truncatedToken) }
        token = Array(bytes[4..<4 + tokenLength])

        var position = 4 + tokenLength
        var number = 0
        while position < bytes.count {
            let head = bytes[position]
            position += 1
            if head == Self.payloadMarker {
                guard position < bytes.count else { throw fail(.markerWithoutPayload) }
                payload = Array(bytes[position...])
                return
            }
            func extended(_ nibble: UInt8) throws(MessageError) -> Int {
                switch nibble {
                case 0...12:
                    return Int(nibble)
                case 13:
                    guard position < bytes.count else { throw fail(.truncatedOption) }
                    defer { position += 1 }
                    return Int(bytes[position]) + 13
                case 14:
                    guard position + 1 < bytes.count else { throw fail(.truncatedOption) }
                    defer { position += 2 }
                    return (Int(bytes[position]) << 8 | Int(bytes[position + 1])) + 269
                default:
                    throw fail(.reservedOptionNibble)
                }
            }
            let delta = try extended(head >> 4)
            let length = try extended(head & 0x0F)
            number += delta
            guard number <= 0xFFFF else { throw fail(.optionNumberOverflow) }
            guard position + length <= bytes.count else { throw fail(.truncatedOption) }
            options.append(
                MessageOption(OptionNumber(UInt16(number)), Array(bytes[position..<position + length])))
            position += length
        }
    }

    /// The bytes of the message, options in order of their numbers.
    public func encoded() throws(MessageError) -> [UInt8] {
        guard token.count <= 8 else { throw .cannotEncode }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(4 + token.count + options.count * 4 + payload.count + 1)
        bytes.append(Self.version << 6 | type.rawValue << 4 | UInt8(token.count))
        bytes.append(code.rawValue)
        bytes.append(UInt8(messageID >> 8))
        bytes.append(UInt8(messageID & 0xFF))
        if code == .empty {
            guard token.isEmpty, options.isEmpty, payload.isEmpty else { throw .cannotEncode }
            return bytes
        }
        bytes.append(contentsOf: token)

        var previous = 0
        for option in Self.stablySorted(options) {
            guard option.value.count <= 65_804 else { throw .cannotEncode }
            let delta = Int(option.number.rawValue) - previous
            previous = Int(option.number.rawValue)
            bytes.append(Self.nibble(delta) << 4 | Self.nibble(option.value.count))
            Self.appendExtension(of: delta, to: &bytes)
            Self.appendExtension(of: option.value.count, to: &bytes)
            bytes.append(contentsOf: option.value)
        }
        if !payload.isEmpty {
            bytes.append(Self.payloadMarker)
            bytes.append(contentsOf: payload)
        }
        return bytes
    }

    private static func nibble(_ value: Int) -> UInt8 {
        value < 13 ? UInt8(value) : value < 269 ? 13 : 14
    }

    private static func appendExtension(of value: Int, to bytes: inout [UInt8]) {
        if value >= 269 {
            bytes.append(UInt8((value - 269) >> 8))
            bytes.append(UInt8((value - 269) & 0xFF))
        } else if value >= 13 {
            bytes.append(UInt8(value - 13))
        }
    }

    /// Insertion sort: stable (repeated options carry meaning in their order), and there are a handful.
    private static func stablySorted(_ options: [MessageOption]) -> [MessageOption] {
        var sorted = options
        var index = 1
        while index < sorted.count {
            var place = index
            while place > 0, sorted[place].number < sorted[place - 1].number {
                sorted.swapAt(place, place - 1)
                place -= 1
            }
            index += 1
        }
        return sorted
    }
}
