/// The identifiers of one message, while it is written or read: which of them a reference stands for, and the list of all
/// for the table.
///
/// Every mention in words or by a reference to another frame takes the next place, so that what is in use stays near and is
/// not forgotten.
public struct IdentifierPass: Sendable {
    private let frame: UInt64
    /// A frame whose places are taken where there are some, however far.
    private let preferred: UInt64?
    /// What the message's sender wrote in its frames.
    private let own: IdentifierTable
    /// What the message's receiver wrote in its frames.
    private let other: IdentifierTable
    public private(set) var mentions: [[UInt8]] = []
    /// Frames that references of this message went to.
    public private(set) var referred: [IdentifierReference] = []

    public init(frame: UInt64, own: IdentifierTable, other: IdentifierTable, preferred: UInt64? = nil) {
        self.frame = frame
        self.preferred = preferred
        self.own = own
        self.other = other
    }

    /// Of a message that refers to no other: one that comes in blocks.
    public static var none: IdentifierPass {
        IdentifierPass(frame: 0, own: IdentifierTable(capacity: 0), other: IdentifierTable(capacity: 0))
    }

    /// For the sender: the integer of a reference; nil: write it in words. Either way it is mentioned now.
    public mutating func write(_ identifier: [UInt8]) -> Int64? {
        var place = 0
        for mention in mentions.prefix(IdentifierReference.places) {
            if mention == identifier {
                return IdentifierReference(isOwn: true, frame: frame, place: place).integer(in: frame)
            }
            place += 1
        }
        mentions.append(identifier)
        var best: (reference: IdentifierReference, integer: Int64)?
        let near = preferred.flatMap { own.find(identifier, in: $0) }
        if let found = near ?? own.find(identifier, arrivedOnly: true) {
            let reference = IdentifierReference(isOwn: true, frame: found.frame, place: found.place)
            if found.frame < frame, let integer = reference.integer(in: frame) { best = (reference, integer) }
        }
        if best == nil, let found = other.find(identifier, arrivedOnly: false) {
            let reference = IdentifierReference(isOwn: false, frame: found.frame, place: found.place)
            if let integer = reference.integer(in: frame) { best = (reference, integer) }
        }
        guard let best else { return nil }
        referred.append(best.reference)
        return best.integer
    }

    /// For the receiver: an identifier that stood there in words.
    public mutating func read(_ identifier: [UInt8]) {
        mentions.append(identifier)
    }

    /// For the receiver: what a reference stands for; nil: undefined here.
    public mutating func read(reference integer: Int64) -> [UInt8]? {
        guard let reference = IdentifierReference(integer, in: frame) else { return nil }
        if reference.isOwn, reference.frame == frame {
            guard reference.place < mentions.count else { return nil }
            return mentions[reference.place]
        }
        let table = reference.isOwn ? own : other
        guard let identifier = table.identifier(in: reference.frame, at: reference.place) else { return nil }
        mentions.append(identifier)
        referred.append(reference)
        return identifier
    }
}
