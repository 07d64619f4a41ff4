internal import CompactMatrix

/// What one end of a session remembers for one account, so that what both ends know need not travel again: identifiers, and
/// the structure of earlier messages.
///
/// A value without clock or I/O. The sender reserves a frame number, encodes with it, and seals; the receiver opens, and
/// decodes with the number that it opened under. `acknowledged` says that the peer has accepted a frame. What is not
/// acknowledged is never referred to, and a reference names a frame, whose content never changes: whatever is lost, doubled,
/// overtaken, restored from an old copy or discarded, on either side, what comes out is what went in, or `unknownReference`.
/// That is answered so; the sender calls `unknown` and sends the message again under a new number.
public struct SessionMemory: Sendable {
    /// Agreed between both ends, in bytes for each direction.
    public struct Sizes: Equatable, Sendable {
        public var identifiers: Int
        /// 0: messages are compressed by themselves.
        public var contexts: Int

        public init(identifiers: Int, contexts: Int) {
            self.identifiers = identifiers
            self.contexts = contexts
        }

        /// A microcontroller that compresses nothing.
        public static let device = Sizes(identifiers: 256, contexts: 0)
        /// A gateway in the field.
        public static let edge = Sizes(identifiers: 1 << 20, contexts: 1 << 20)
    }

    public let sizes: Sizes
    /// Which end this is: the gateway makes opaque values of its own, the other end hands them to its clients.
    public let isGateway: Bool
    /// Stands in the names of opaque values: tells sessions apart.
    public let session: String

    var sent: Direction
    var received: Direction
    /// The newest references of frames that wait for an acknowledgement.
    private var pending: [Pending] = []

    struct Direction: Sendable {
        var identifiers: IdentifierTable
        var contexts: ContextStore

        init(_ sizes: Sizes) {
            identifiers = IdentifierTable(capacity: sizes.identifiers)
            contexts = ContextStore(capacity: sizes.contexts)
        }
    }

    private struct Pending: Sendable {
        let frame: UInt64
        let own: UInt64?
        let other: UInt64?
    }

    private static let mostPending = 64

    public init(sizes: Sizes, isGateway: Bool, session: String) {
        self.sizes = sizes
        self.isGateway = isGateway
        self.session = session
        sent = Direction(sizes)
        received = Direction(sizes)
    }

    /// The peer has shown that it accepted our frame `number`.
    public mutating func acknowledged(_ number: UInt64) {
        sent.identifiers.acknowledged(number)
        sent.contexts.acknowledged(number)
        pending.removeAll { $0.frame == number }
    }

    /// The peer did not know what our frame `number` referred to: then it knows nothing that is older either. The message goes
    /// out again under a new number.
    public mutating func unknown(_ number: UInt64) {
        guard let place = pending.firstIndex(where: { $0.frame == number }) else { return }
        let referred = pending.remove(at: place)
        if let own = referred.own {
            sent.identifiers.forget(through: own)
            sent.contexts.forget(through: own)
        }
        if let other = referred.other { received.identifiers.forget(through: other) }
    }

    /// All that was remembered is lost. Nothing need be announced.
    public mutating func discard() {
        self = SessionMemory(sizes: sizes, isGateway: isGateway, session: session)
    }

    /// What identifiers take now, in the direction that has more of them.
    public var identifierBytes: Int { max(sent.identifiers.used, received.identifiers.used) }

    /// What shapes take now, likewise.
    public var shapeBytes: Int { max(sent.contexts.used, received.contexts.used) }

    // MARK: What the codec does

    /// What both ends remember of a message, whoever wrote it.
    func shape(
        _ frame: UInt64, isWriting: Bool, _ write: (inout CompactEncoder) -> Void
    ) -> MessageShape {
        guard sizes.contexts > 0 else { return MessageShape() }
        let none = IdentifierTable(capacity: 0)
        var encoder = CompactEncoder(
            splits: true, packs: true, pass: IdentifierPass(frame: frame, own: none, other: none),
            opaque: opaque(frame, isWriting: isWriting), isShape: true)
        write(&encoder)
        return encoder.shape
    }

    func writing(_ frame: UInt64, preferred: UInt64? = nil) -> IdentifierPass {
        IdentifierPass(frame: frame, own: sent.identifiers, other: received.identifiers, preferred: preferred)
    }

    func reading(_ frame: UInt64) -> IdentifierPass {
        IdentifierPass(frame: frame, own: received.identifiers, other: sent.identifiers)
    }

    func opaque(_ frame: UInt64, isWriting: Bool) -> OpaqueScope {
        OpaqueScope(session: session, frame: frame, makes: isWriting == isGateway)
    }

    /// - Parameter context: the frame whose shape the message was compressed with.
    mutating func wrote(_ pass: IdentifierPass, shape: MessageShape, key: String?, context: UInt64?, frame: UInt64) {
        sent.identifiers.record(pass.mentions, in: frame)
        sent.contexts.record(shape, key: key, in: frame)
        var own = context
        var other: UInt64?
        for reference in pass.referred {
            if reference.isOwn {
                own = max(own ?? 0, reference.frame)
            } else {
                other = max(other ?? 0, reference.frame)
            }
        }
        pending.removeAll { $0.frame == frame }
        if own != nil || other != nil { pending.append(Pending(frame: frame, own: own, other: other)) }
        if pending.count > Self.mostPending { pending.removeFirst() }
    }

    mutating func read(_ pass: IdentifierPass, shape: MessageShape, frame: UInt64) {
        received.identifiers.record(pass.mentions, in: frame)
        received.contexts.record(shape, key: nil, in: frame)
    }
}
