/// How the structure of a message travels. The low three bits of the first byte tell.
///
/// | bits | form |
/// |---|---|
/// | `000` | as it is, contents in their places |
/// | `011`, `101` | deflate after the dictionary |
/// | `001` | fixed codes after the dictionary and the shape of an earlier message, without the first three bits |
/// | `111` | the shape of an earlier message as it is |
/// | `010`, `110` | as `001` and `111`, and spare bits stand at the end |
/// | `100`, the byte being `04` | as `011` and `101`, which follow, and spare bits stand at the end |
///
/// With a shape the other five bits are the distance to its frame, less one; 31: a varint of the rest follows.
enum CompactForm {
    static let plain: UInt8 = 0
    static let afterContext: UInt8 = 0b001
    static let sameAsContext: UInt8 = 0b111
    static let afterContextWithSpare: UInt8 = 0b010
    static let sameAsContextWithSpare: UInt8 = 0b110
    static let deflateWithSpare: UInt8 = 0b100

    struct Candidate {
        /// Without the tail.
        let bytes: [UInt8]
        let context: UInt64?
    }

    struct Opened {
        let structure: [UInt8]
        let tail: [UInt8]?
        var hasSpareBits = false
    }

    static func candidates(
        _ structure: [UInt8], hasSpareBits: Bool, frame: UInt64, context: (frame: UInt64, structure: [UInt8])?
    ) -> [Candidate] {
        var candidates: [Candidate] = []
        if let context, context.frame < frame {
            let distance = frame - context.frame - 1
            if context.structure == structure {
                let form = hasSpareBits ? sameAsContextWithSpare : sameAsContext
                return [Candidate(bytes: head(form, distance), context: context.frame)]
            }
            if structure.count <= ContextStore.longest {
                let compressed = CompactDictionary.deflate.compress(
                    structure, after: context.structure, hasHeader: false)
                let form = hasSpareBits ? afterContextWithSpare : afterContext
                candidates.append(Candidate(bytes: head(form, distance) + compressed, context: context.frame))
            }
        }
        let compressed = Deflate.compress(
            structure, with: CompactDictionary.deflate, dictionary: CompactDictionary.bytes)
        candidates.append(
            Candidate(bytes: hasSpareBits ? [deflateWithSpare] + compressed : compressed, context: nil))
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

    /// The structure and what follows it.
    ///
    /// - Parameter contexts: nil for a message of no session.
    static func open(
        _ bytes: [UInt8], frame: UInt64, contexts: ContextStore?, limits: DocumentLimits
    ) throws(CBORCodecError) -> Opened {
        guard bytes.count <= limits.maximumBytes else { throw CBORCodecError(.tooLong, at: limits.maximumBytes) }
        guard let first = bytes.first else { throw CBORCodecError(.truncated, at: 0) }
        switch first & 0b111 {
        case 0b011, 0b101: return try deflated(bytes, hasSpareBits: false, limits)
        case deflateWithSpare:
            guard first == deflateWithSpare, contexts != nil else { throw CBORCodecError(.compression, at: 0) }
            return try deflated(Array(bytes.dropFirst()), hasSpareBits: true, limits)
        case afterContext, sameAsContext, afterContextWithSpare, sameAsContextWithSpare:
            guard let contexts else { throw CBORCodecError(.compression, at: 0) }
            var offset = 1
            let distance = try distance(bytes, &offset)
            guard distance < frame, let context = contexts.structure(of: frame - distance - 1, in: frame) else {
                throw CBORCodecError(.unknownReference, at: 0)
            }
            let form = first & 0b111
            let hasSpareBits = form == afterContextWithSpare || form == sameAsContextWithSpare
            let rest = Array(bytes[offset...])
            if form == sameAsContext || form == sameAsContextWithSpare {
                return Opened(structure: context, tail: rest, hasSpareBits: hasSpareBits)
            }
            let expanded = try Deflate.expand(
                rest, dictionary: CompactDictionary.bytes + context, hasHeader: false,
                maximumBytes: limits.maximumBytes)
            return Opened(
                structure: expanded.output, tail: Array(rest[expanded.consumed...]), hasSpareBits: hasSpareBits)
        default:
            guard first == plain else { throw CBORCodecError(.compression, at: 0) }
            return Opened(structure: Array(bytes.dropFirst()), tail: nil)
        }
    }

    private static func deflated(
        _ bytes: [UInt8], hasSpareBits: Bool, _ limits: DocumentLimits
    ) throws(CBORCodecError) -> Opened {
        let expanded = try Deflate.expand(
            bytes, dictionary: CompactDictionary.bytes, maximumBytes: limits.maximumBytes)
        return Opened(
            structure: expanded.output, tail: Array(bytes[expanded.consumed...]), hasSpareBits: hasSpareBits)
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
