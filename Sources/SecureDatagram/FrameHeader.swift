/// The clear first bytes of a datagram. Docs/Protocol.md has the table.
///
/// Device to gateway the device's number follows the first byte, then the rest of the frame number; gateway to device
/// no device number travels, since a device has one gateway.
public enum FrameHeader: Equatable, Sendable {
    /// A frame of a session: `bits` low bits of its number are known, all 64 in the long form.
    case transport(TruncatedNumber)
    case handshake(HandshakeMessage)
    /// The gateway is under load: message 1 once more, with the cookie that is in here.
    case retry
    /// The gateway has no session that a frame could belong to.
    case hint

    /// `1000ppmm`: pattern and message.
    public struct HandshakeMessage: Equatable, Sendable {
        public enum Step: UInt8, Sendable {
            case message1, message2, message3, message1WithCookie
        }

        public var kind: HandshakeKind
        public var step: Step

        init(_ kind: HandshakeKind, _ step: Step) {
            self.kind = kind
            self.step = step
        }

        init?(rawValue: UInt8) {
            guard rawValue >> 4 == 0b1000, let kind = HandshakeKind(rawValue: rawValue >> 2 & 0b11),
                let step = Step(rawValue: rawValue & 0b11), step != .message3 || kind == .xxpsk0
            else { return nil }
            self.init(kind, step)
        }

        var rawValue: UInt8 { 0b1000_0000 | kind.rawValue << 2 | step.rawValue }

        /// Whether it opens a handshake.
        var isFirst: Bool { step == .message1 || step == .message1WithCookie }
    }

    static let retryForm: UInt8 = 0b1001_0000
    static let longForm: UInt8 = 0b1001_0001
    static let hintForm: UInt8 = 0b1001_0010

    /// What a frame tells of its number.
    public struct TruncatedNumber: Equatable, Sendable {
        public var bits: UInt8
        public var value: UInt64

        /// The number nearest to `expected` with these low bits (RFC 9000 appendix A.3).
        func nearest(to expected: UInt64) -> UInt64 {
            guard bits < 64 else { return value }
            let window: UInt64 = 1 << UInt64(bits)
            let candidate = expected & ~(window - 1) | value
            // Differences, since sums overflow near 2^64.
            if candidate <= expected {
                let isFar = expected - candidate >= window / 2
                return isFar && candidate <= UInt64.max - window ? candidate + window : candidate
            }
            return candidate - expected > window / 2 && candidate >= window ? candidate - window : candidate
        }
    }

    /// How a sender writes a number, given how far the peer's knowledge may lag behind (RFC 9000 section 17.1).
    enum NumberForm: Sendable {
        case short, medium, long

        init(number: UInt64, confirmed: UInt64?) {
            let lag = confirmed.map { number - min($0, number) } ?? number + 1
            self = lag < 16 ? .short : lag < 2048 ? .medium : .long
        }
    }

    static func write(number: UInt64, form: NumberForm, device: DeviceNumber?) -> [UInt8] {
        let device = device?.encoded ?? []
        switch form {
        case .short:
            return [0b1100_0000 | UInt8(number & 0x3F)] + device
        case .medium:
            return [0b1010_0000 | UInt8(number >> 8 & 0x1F)] + device + [UInt8(number & 0xFF)]
        case .long:
            var bytes = [longForm] + device
            var shift: UInt64 = 64
            while shift > 0 {
                shift -= 8
                bytes.append(UInt8(truncatingIfNeeded: number >> shift))
            }
            return bytes
        }
    }

    /// A parsed datagram: where its ciphertext (or handshake message) begins, and the device that it names.
    public struct Parsed: Equatable, Sendable {
        public var header: FrameHeader
        public var device: DeviceNumber?
        var bodyOffset: Int

        /// Whether it opens a handshake, and with which pattern.
        public var opening: HandshakeKind? {
            guard case .handshake(let message) = header, message.isFirst else { return nil }
            return message.kind
        }

        /// Whether it is the last message of a handshake of three, and with which pattern.
        public var closing: HandshakeKind? {
            guard case .handshake(let message) = header, message.step == .message3 else { return nil }
            return message.kind
        }

        /// The Noise message of a handshake, without the cookie that may follow it.
        func handshakeMessage(in datagram: [UInt8]) -> [UInt8] {
            Array(datagram[bodyOffset..<max(bodyOffset, datagram.count - cookieLength)])
        }

        func cookie(in datagram: [UInt8]) -> [UInt8]? {
            guard cookieLength > 0, datagram.count >= bodyOffset + cookieLength else { return nil }
            return Array(datagram.suffix(cookieLength))
        }

        private var cookieLength: Int {
            if case .handshake(let message) = header, message.step == .message1WithCookie {
                Retry.cookieLength
            } else {
                0
            }
        }
    }

    /// Reads the header of a datagram. nil: not ours, or cut short; drop it.
    ///
    /// - Parameter fromDevice: whether a device number stands in it.
    public static func parse(_ bytes: [UInt8], fromDevice: Bool) -> Parsed? {
        guard let first = bytes.first else { return nil }
        var offset = 1
        var device: DeviceNumber?
        let message = HandshakeMessage(rawValue: first)
        // Who is not enrolled yet has no number.
        if fromDevice, message?.kind != .ik {
            guard let number = DeviceNumber(bytes, at: 1) else { return nil }
            device = number
            offset += number.encodedCount
        }
        let header: FrameHeader
        if first >> 6 == 0b11 {
            header = .transport(TruncatedNumber(bits: 6, value: UInt64(first & 0x3F)))
        } else if first >> 5 == 0b101 {
            guard offset < bytes.count else { return nil }
            header = .transport(TruncatedNumber(bits: 13, value: UInt64(first & 0x1F) << 8 | UInt64(bytes[offset])))
            offset += 1
        } else if first == longForm {
            guard offset + 8 <= bytes.count else { return nil }
            var value: UInt64 = 0
            for byte in bytes[offset..<offset + 8] { value = value << 8 | UInt64(byte) }
            header = .transport(TruncatedNumber(bits: 64, value: value))
            offset += 8
        } else if let message {
            header = .handshake(message)
        } else if first == retryForm, !fromDevice {
            header = .retry
        } else if first == hintForm, !fromDevice {
            header = .hint
        } else {
            return nil
        }
        return Parsed(header: header, device: device, bodyOffset: offset)
    }
}
