public import CompactMatrix

extension SessionMemory {
    /// A request for a frame of this number.
    ///
    /// - Parameter remembers: false where the peer did not understand it before: it then stands for itself.
    public mutating func encode(_ request: CompactRequest, frame: UInt64, remembers: Bool = true) -> [UInt8] {
        let target = RequestTarget(method: request.method, target: request.target)
        return encode(key: request.contextKey, isAlone: request.isAlone, frame: frame, remembers: remembers) {
            encoder in
            target.write(to: &encoder)
            if let body = request.body { encoder.write(body) }
        }
    }

    public mutating func decodeRequest(
        _ bytes: [UInt8], frame: UInt64, limits: DocumentLimits = .standard
    ) throws(CBORCodecError) -> CompactRequest {
        var decoder = try decoder(bytes, frame: frame, limits: limits)
        let target = try RequestTarget(from: &decoder)
        var request = CompactRequest(method: target.method, target: target.target)
        if !decoder.isAtEnd { request.body = try decoder.value() }
        try decoder.finish()
        if let pass = decoder.pass, !request.isAlone {
            let shape = shape(frame, isWriting: false) { encoder in
                target.write(to: &encoder)
                if let body = request.body { encoder.write(body) }
            }
            read(pass, shape: shape, frame: frame)
        }
        return request
    }

    /// The answer to a request, or a notification that it asked for.
    public mutating func encode(
        _ answer: JSONValue, to request: CompactRequest, frame: UInt64, remembers: Bool = true
    ) -> [UInt8] {
        encode(
            key: request.answerKey(answer), isAlone: request.isAlone, frame: frame, remembers: remembers
        ) { $0.write(answer) }
    }

    public mutating func decodeAnswer(
        _ bytes: [UInt8], to request: CompactRequest, frame: UInt64, limits: DocumentLimits = .standard
    ) throws(CBORCodecError) -> JSONValue {
        var decoder = try decoder(bytes, frame: frame, limits: limits)
        let answer = try decoder.value()
        try decoder.finish()
        if let pass = decoder.pass, !request.isAlone {
            read(pass, shape: shape(frame, isWriting: false) { $0.write(answer) }, frame: frame)
        }
        return answer
    }

    /// Any other document, such as a device's event.
    ///
    /// - Parameter key: what it may be a context for, besides the account and the direction: the room and the kind of
    ///   document. nil: it carries secrets.
    public mutating func encode(
        _ document: JSONValue, key: String?, frame: UInt64, remembers: Bool = true
    ) -> [UInt8] {
        encode(key: key, isAlone: key == nil, frame: frame, remembers: remembers) { $0.write(document) }
    }

    /// - Parameter isAlone: whether it was encoded without a key.
    public mutating func decode(
        _ bytes: [UInt8], isAlone: Bool, frame: UInt64, limits: DocumentLimits = .event
    ) throws(CBORCodecError) -> JSONValue {
        var decoder = try decoder(bytes, frame: frame, limits: limits)
        let document = try decoder.value()
        try decoder.finish()
        if let pass = decoder.pass, !isAlone {
            read(pass, shape: shape(frame, isWriting: false) { $0.write(document) }, frame: frame)
        }
        return document
    }

    /// Identifiers of a message that is not JSON, while it is written in a frame of this number.
    public func identifiersToWrite(in frame: UInt64) -> IdentifierPass { writing(frame) }

    public func identifiersToRead(in frame: UInt64) -> IdentifierPass { reading(frame) }

    public mutating func wrote(_ pass: IdentifierPass, in frame: UInt64) {
        wrote(pass, shape: MessageShape(), key: nil, context: nil, frame: frame)
    }

    public mutating func read(_ pass: IdentifierPass, in frame: UInt64) {
        read(pass, shape: MessageShape(), frame: frame)
    }

    // MARK: Forms

    private mutating func encode(
        key: String?, isAlone: Bool, frame: UInt64, remembers: Bool, _ write: (inout CompactEncoder) -> Void
    ) -> [UInt8] {
        let opaque = opaque(frame, isWriting: true)
        // What carries secrets is compressed with nothing but the public dictionary, and nothing is learnt from it.
        var context: (frame: UInt64, structure: [UInt8])?
        if !isAlone, remembers, let key, let found = sent.contexts.newest(key: key, before: frame),
            let structure = sent.contexts.structure(of: found, in: frame)
        {
            context = (found, structure)
        }
        let none = IdentifierTable(capacity: 0)
        let pass =
            isAlone
            ? nil
            : remembers
                ? writing(frame, preferred: context?.frame) : IdentifierPass(frame: frame, own: none, other: none)
        var best: (bytes: [UInt8], pass: IdentifierPass?, context: UInt64?)?
        for packs in [true, false] {
            var encoder = CompactEncoder(splits: true, packs: packs, pass: pass, opaque: opaque)
            write(&encoder)
            let hasSpareBits = !encoder.spare.areZero
            let tail = encoder.tail + (hasSpareBits ? encoder.spare.bytes : [])
            let candidates = CompactForm.candidates(
                encoder.structure, hasSpareBits: hasSpareBits, frame: frame, context: context)
            for candidate in candidates {
                let bytes = candidate.bytes + tail
                if let best, best.bytes.count <= bytes.count { continue }
                best = (bytes, encoder.pass, candidate.context)
            }
        }
        // Both ways of writing were tried: there is one.
        guard let best else { return [] }
        if let pass = best.pass {
            let shape = shape(frame, isWriting: true, write)
            wrote(pass, shape: shape, key: key, context: best.context, frame: frame)
        }
        return best.bytes
    }

    func decoder(
        _ bytes: [UInt8], frame: UInt64, limits: DocumentLimits
    ) throws(CBORCodecError) -> CompactDecoder {
        let opened = try CompactForm.open(bytes, frame: frame, contexts: received.contexts, limits: limits)
        return CompactDecoder(
            opened.structure, tail: opened.tail, hasSpareBits: opened.hasSpareBits, limits: limits,
            pass: reading(frame), opaque: opaque(frame, isWriting: false))
    }
}
