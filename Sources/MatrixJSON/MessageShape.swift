internal import CompactMatrix

/// What is left of a message when its content is taken out: the structure that one of the same shape has. It follows from
/// what the message says alone, not from how it travelled, so that both ends have the same.
///
/// Identifiers are references to the places that they took in the message; their integers depend on the frame that they are
/// looked at from.
struct MessageShape: Sendable {
    /// Without the integers of references.
    let bytes: [UInt8]
    /// Where one is missing, and the place that it refers to.
    let holes: [(offset: Int, place: Int)]

    init(bytes: [UInt8] = [], holes: [(offset: Int, place: Int)] = []) {
        self.bytes = bytes
        self.holes = holes
    }

    /// The structure that a message in frame `current` has that repeats one of `frame`.
    func structure(of frame: UInt64, in current: UInt64) -> [UInt8] {
        var writer = CBORHeadWriter()
        var start = 0
        for hole in holes {
            writer.bytes += bytes[start..<hole.offset]
            start = hole.offset
            let reference = IdentifierReference(isOwn: true, frame: frame, place: hole.place)
            writer.integer(reference.integer(in: current) ?? 0)
        }
        writer.bytes += bytes[start...]
        return writer.bytes
    }
}
