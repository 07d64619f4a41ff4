public import Noise

/// An established session: numbered, encrypted frames in both directions over a link that loses, repeats and reorders.
///
/// What has to survive a restart is in `encoded()`. Two rules keep it sound:
/// - a number is written as part of a lease before it is used, so that it is never used twice;
/// - an accepted number is written in the same transaction as the effect of its frame.
/// Both come down to: whoever lets a frame leave, or an effect take place, first stores the session.
public struct Session<Suite: NoiseSuite>: Sendable {
    /// Which side of the session this is: the two differ in the device number that travels up only.
    public enum Role: UInt8, Sendable {
        case device = 0
        case gateway = 1
    }

    public struct SealedFrame: Equatable, Sendable {
        public var number: UInt64
        public var bytes: [UInt8]
    }

    public enum Opened: Equatable, Sendable {
        /// A new frame. Its number is marked.
        case fresh(number: UInt64, plaintext: [UInt8])
        /// An authentic frame whose number was accepted before.
        case duplicate(number: UInt64, plaintext: [UInt8])
    }

    /// Why a frame was dropped. None of these changes the session, apart from `failures`.
    public enum Refusal: Error, Equatable, Sendable {
        case tooShort
        case tooOld
        case tooFarAhead
        /// The tag is wrong: damaged, forged, or of another session.
        case forged
        /// Authentic, and not the frame that was accepted under its number: two senders have the keys, so that numbers
        /// serve twice. The session must not be used any more.
        case copied
    }

    public enum SendError: Error, Equatable, Sendable {
        /// The session is used up (Noise section 5.1, and 60 epochs without a confirmation): shake hands again.
        case exhausted
        /// Over 65,507 bytes, the most that UDP carries.
        case tooLong
    }

    /// Frame numbers that one durable write makes usable.
    public static var leaseSize: UInt64 { 16 }
    /// Poly1305.
    public static var tagLength: Int { 16 }
    /// Thereafter short forms and near numbers still work; a device that is farther off shakes hands.
    static var farFailuresAllowed: UInt32 { 1024 }
    /// Epochs without a confirmation, and numbers in all, after which a new session is due.
    static var dueEpochs: UInt64 { 32 }
    /// Below the 64 that the peer follows, since the last frame that it is known to have received.
    static var mostEpochs: UInt64 { 60 }
    static var witnessesKept: Int { 16 }
    static var dueNumbers: UInt64 { 1 << 20 }

    /// The handshake hash (Noise section 11.2): names the session, is no secret.
    public let id: [UInt8]
    public let role: Role
    public let device: DeviceNumber
    /// The number of the next frame.
    public private(set) var nextNumber: UInt64
    /// Numbers below may be used; raised by `seal`, to be stored before its frame leaves.
    public private(set) var leaseEnd: UInt64
    /// The highest number of ours that the peer is known to have received.
    public private(set) var confirmed: UInt64?
    public private(set) var received: ReplayWindow
    /// Frames whose tag was wrong. A new handshake is due long before 2^36 (RFC 9147 section 4.5.3).
    public private(set) var failures: UInt64 = 0
    /// Forged frames since the last authentic one that claimed a number several epochs ahead: each costs a key for each
    /// epoch.
    private var farFailures: UInt32 = 0
    /// The ends of the newest accepted frames, by which a repetition is told from another frame under the same number.
    private var witnesses: [Witness] = []
    var sending: EpochKey<Suite>
    var receiving: EpochKeys<Suite>

    init(
        id: [UInt8], role: Role, device: DeviceNumber, sending: CipherState<Suite>, receiving: CipherState<Suite>
    ) {
        self.init(
            id: id, role: role, device: device, nextNumber: 0, leaseEnd: 0, confirmed: nil, received: ReplayWindow(),
            sending: EpochKey(key: sending), receiving: EpochKeys(EpochKey(key: receiving)))
    }

    init(
        id: [UInt8], role: Role, device: DeviceNumber, nextNumber: UInt64, leaseEnd: UInt64, confirmed: UInt64?,
        received: ReplayWindow, sending: EpochKey<Suite>, receiving: EpochKeys<Suite>
    ) {
        self.id = id
        self.role = role
        self.device = device
        self.nextNumber = nextNumber
        self.leaseEnd = leaseEnd
        self.confirmed = confirmed
        self.received = received
        self.sending = sending
        self.receiving = receiving
    }

    /// Encrypts one frame under the next number.
    public mutating func seal(_ plaintext: [UInt8]) throws(SendError) -> SealedFrame {
        let number = nextNumber
        let epochs = EpochKey<Suite>.self
        let confirmedEpoch = epochs.epoch(of: confirmed ?? 0)
        guard number < UInt64.max - Self.leaseSize, epochs.epoch(of: number) - confirmedEpoch < Self.mostEpochs else {
            throw .exhausted
        }
        guard plaintext.count <= 65_507 - 12 - Self.tagLength else { throw .tooLong }
        sending.advance(to: number)
        var form = FrameHeader.NumberForm(number: number, confirmed: confirmed)
        // The peer, who may not have seen more than is confirmed, follows a short form by one epoch only.
        if epochs.epoch(of: number) - confirmedEpoch > epochs.shortReach { form = .long }
        let header = FrameHeader.write(number: number, form: form, device: role == .device ? device : nil)
        nextNumber += 1
        if nextNumber > leaseEnd { leaseEnd = nextNumber + Self.leaseSize - 1 }
        return SealedFrame(number: number, bytes: header + sending.key.seal(plaintext, number: number))
    }

    /// Decrypts a frame. The owner stores the session before acting on a fresh one.
    ///
    /// - Parameter tryFurther: also the next window of numbers, for a run of losses longer than the short form spans.
    public mutating func open(
        _ datagram: [UInt8], _ parsed: FrameHeader.Parsed, tryFurther: Bool = false
    ) throws(Refusal) -> Opened {
        guard case .transport(let truncated) = parsed.header,
            datagram.count >= parsed.bodyOffset + Self.tagLength
        else { throw .tooShort }
        let expected = received.highest.map { $0 + 1 } ?? 0
        let nearest = truncated.nearest(to: expected)
        do throws(Refusal) {
            return try open(datagram, from: parsed.bodyOffset, number: nearest, isWhole: truncated.bits == 64)
        } catch {
            guard tryFurther, truncated.bits == 6, error == .forged, nearest <= UInt64.max - 64 else { throw error }
            return try open(datagram, from: parsed.bodyOffset, number: nearest + 64, isWhole: false)
        }
    }

    private mutating func open(
        _ datagram: [UInt8], from offset: Int, number: UInt64, isWhole: Bool
    ) throws(Refusal) -> Opened {
        guard number < UInt64.max - Self.leaseSize else { throw .tooFarAhead }
        let verdict = received.verdict(on: number)
        guard verdict != .tooOld else { throw .tooOld }
        let mayBeFar = isWhole && farFailures < Self.farFailuresAllowed
        let reach = mayBeFar ? EpochKey<Suite>.longReach : EpochKey<Suite>.shortReach
        guard let key = receiving.key(for: number, reach: reach) else { throw .tooFarAhead }
        guard let plaintext = key.open(datagram[offset...], number: number) else {
            failures += 1
            if EpochKey<Suite>.epoch(of: number) > receiving.epoch + EpochKey<Suite>.shortReach { farFailures += 1 }
            throw .forged
        }
        farFailures = 0
        let witness = Witness(number: number, tag: datagram.suffix(Self.tagLength))
        guard verdict == .fresh else {
            for accepted in witnesses where accepted.number == number && accepted != witness { throw .copied }
            return .duplicate(number: number, plaintext: plaintext)
        }
        if witnesses.count == Self.witnessesKept { witnesses.removeFirst() }
        witnesses.append(witness)
        receiving.advance(to: number)
        received.accept(number)
        receiving.forgetBelow(received.lowest)
        return .fresh(number: number, plaintext: plaintext)
    }

    /// How often the keys of both directions have been renewed by REKEY.
    public var epochs: (sending: UInt64, receiving: UInt64) { (sending.epoch, receiving.epoch) }

    /// Whether the next message should bring a new session along.
    public var isDue: Bool {
        let epochs = EpochKey<Suite>.self
        return nextNumber >= Self.dueNumbers
            || epochs.epoch(of: nextNumber) - epochs.epoch(of: confirmed ?? 0) >= Self.dueEpochs
    }

    /// The owner stops in order and sends nothing more: what is left of the lease need not be skipped.
    public mutating func releaseLease() {
        leaseEnd = nextNumber
    }

    /// The peer has shown that it received our frame `number`.
    public mutating func confirm(_ number: UInt64) {
        guard number < nextNumber else { return }
        confirmed = max(confirmed ?? 0, number)
    }
}
