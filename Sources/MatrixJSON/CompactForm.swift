/// How the structure of a message travels. The low three bits of the first byte tell.
///
/// | bits | form |
/// |---|---|
/// | `000` | as it is, contents in their places |
/// | `011`, `101` | deflate after the dictionary |
/// | `001` | fixed codes after the dictionary and an earlier structure, without the first three bits |
/// | `111` | an earlier structure as it is |
///
/// In the last two the other five bits are the distance to the frame of that structure, less one; 31: a varint of the rest
/// follows.
enum CompactForm {
    static let plain: UInt8 = 0
    static let afterContext: UInt8 = 0b001
    static let sameAsContext: UInt8 = 0b111
    /// Bytes that a structure without content may cost more than one with it.
    static let shapeIsWorth = 3

    struct Candidate {
        /// Without the tail.
        let bytes: [UInt8]
        let context: UInt64?
    }

    static func candidates(
        _ structure: [UInt8], frame: UInt64, context: (frame: UInt64, structure: [UInt8])?
    ) -> [Candidate] {
        var candidates: [Candidate] = []
        if let context, context.frame < frame {
            let distance = frame - context.frame - 1
            if context.structure == structure {
                return [Candidate(bytes: head(sameAsContext, distance), context: context.frame)]
            }
            if structure.count <= ContextStore.longest {
                let compressed = CompactDictionary.deflate.compress(
                    structure, after: context.structure, hasHeader: false)
                candidates.append(
                    Candidate(bytes: head(afterContext, distance) + compressed, context: context.frame))
            }
        }
        let compressed = Deflate.compress(
            structure, with: CompactDictionary.deflate, dictionary: CompactDictionary.bytes)
        candidates.append(Candidate(bytes: compressed, context: nil))
        return candidates
    }

    private static func head(_ form: UInt8, _ distance: UInt64) -> [UInt8] {
        guard distance >= 31 else { return [form | UInt8(distance) << 3] }
        var bytes = [form | 31 << 3]
        var rest = distance - 31
        while rest >= 0x80 {
            bytes.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    /// The structure and what follows it; without a context's help where there are no contexts.
    static func open(
        _ bytes: [UInt8], frame: UInt64, contexts: ContextStore, limits: DocumentLimits
    ) throws(CBORCodecError) -> (structure: [UInt8], tail: [UInt8]?) {
        guard bytes.count <= limits.maximumBytes else { throw CBORCodecError(.tooLong, at: limits.maximumBytes) }
        guard let first = bytes.first else { throw CBORCodecError(.truncated, at: 0) }
        switch first & 0b111 {
        case 0b011, 0b101:
            let expanded = try Deflate.expand(
                bytes, dictionary: CompactDictionary.bytes, maximumBytes: limits.maximumBytes)
            return (expanded.output, Array(bytes[expanded.consumed...]))
        case afterContext, sameAsContext:
            var offset = 1
            let distance = try distance(bytes, &offset)
            guard distance < frame, let context = contexts.structure(in: frame - distance - 1) else {
                throw CBORCodecError(.unknownReference, at: 0)
            }
            let rest = Array(bytes[offset...])
            if first & 0b111 == sameAsContext { return (context, rest) }
            let expanded = try Deflate.expand(
                rest, dictionary: CompactDictionary.bytes + context, hasHeader: false,
                maximumBytes: limits.maximumBytes)
            return (expanded.output, Array(rest[expanded.consumed...]))
        default:
            guard first == plain else { throw CBORCodecError(.compression, at: 0) }
            return (Array(bytes.dropFirst()), nil)
        }
    }

    private static func distance(_ bytes: [UInt8], _ offset: inout Int) throws(CBORCodecError) -> UInt64 {
        guard bytes[0] >> 3 == 31 else { return UInt64(bytes[0] >> 3) }
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while offset < bytes.count, shift <= 42 {
            let byte = bytes[offset]
            offset += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte & 0x80 == 0 {
                guard byte != 0 || shift == 0 else { throw CBORCodecError(.nonMinimal, at: offset) }
                return value + 31
            }
            shift += 7
        }
        throw CBORCodecError(.truncated, at: offset)
    }
}
