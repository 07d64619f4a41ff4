internal import CZlib

/// Raw deflate (RFC 1951) with a preset dictionary, by zlib.
enum Deflate {
    /// One final block; the shorter of what fixed and dynamic Huffman codes make of it.
    static func compress(_ input: [UInt8], with fixed: FixedDeflate, dictionary: [UInt8]) -> [UInt8] {
        // Fixed codes take time by the square of what repeats, and lose to dynamic ones where these have room to pay.
        let short = input.count <= 4_096 ? fixed.compress(input) : nil
        guard input.count > 1_024 else { return short ?? [] }
        let strategies = short == nil ? [Z_DEFAULT_STRATEGY, Z_FIXED] : [Z_DEFAULT_STRATEGY]
        var best = short
        for strategy in strategies {
            guard let output = compress(input, dictionary: dictionary, strategy: strategy), isOneBlock(output) else {
                continue
            }
            if output.count < best?.count ?? .max { best = output }
        }
        return best ?? fixed.compress(input)
    }

    /// For comparison.
    static func fixedByZlib(_ input: [UInt8], dictionary: [UInt8]) -> [UInt8]? {
        compress(input, dictionary: dictionary, strategy: Z_FIXED)
    }

    /// A stored block, or more than one, would be taken for something else: see `CompactCodec`.
    private static func isOneBlock(_ bytes: [UInt8]) -> Bool {
        guard let first = bytes.first else { return false }
        return first & 0b111 == 0b011 || first & 0b111 == 0b101
    }

    private static func compress(_ input: [UInt8], dictionary: [UInt8], strategy: Int32) -> [UInt8]? {
        var stream = z_stream()
        let status = deflateInit2_(
            &stream, Z_BEST_COMPRESSION, Z_DEFLATED, -15, 9, strategy, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard status == Z_OK else { return nil }
        defer { deflateEnd(&stream) }
        if !dictionary.isEmpty {
            guard deflateSetDictionary(&stream, dictionary, UInt32(dictionary.count)) == Z_OK else { return nil }
        }
        var input = input
        let room = Int(deflateBound(&stream, UInt(input.count))) + 16
        return input.withUnsafeMutableBufferPointer { source in
            var isFinished = false
            let output = [UInt8](unsafeUninitializedCapacity: room) { target, count in
                stream.next_in = source.baseAddress
                stream.avail_in = UInt32(source.count)
                stream.next_out = target.baseAddress
                stream.avail_out = UInt32(room)
                isFinished = deflate(&stream, Z_FINISH) == Z_STREAM_END
                count = room - Int(stream.avail_out)
            }
            return isFinished ? output : nil
        }
    }

    /// The output, and how many bytes of `input` made it; what follows them is somebody else's.
    ///
    /// Output is made up to `maximumBytes` and not a byte further: a bomb costs no more than what was allowed.
    ///
    /// - Parameter hasHeader: false where the first three bits, those of fixed codes, were left out.
    static func expand(
        _ input: [UInt8], dictionary: [UInt8], hasHeader: Bool = true, maximumBytes: Int
    ) throws(CBORCodecError) -> (output: [UInt8], consumed: Int) {
        var stream = z_stream()
        guard inflateInit2_(&stream, -15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw CBORCodecError(.compression, at: 0)
        }
        defer { inflateEnd(&stream) }
        if !dictionary.isEmpty {
            guard inflateSetDictionary(&stream, dictionary, UInt32(dictionary.count)) == Z_OK else {
                throw CBORCodecError(.compression, at: 0)
            }
        }
        if !hasHeader, inflatePrime(&stream, 3, Int32(FixedDeflate.header)) != Z_OK {
            throw CBORCodecError(.compression, at: 0)
        }
        var input = input
        var output: [UInt8] = []
        // Grown by steps: a short message does not ask for the whole allowance.
        var step = min(max(4 * input.count, 1_024), maximumBytes)
        let finished = input.withUnsafeMutableBufferPointer { source in
            stream.next_in = source.baseAddress
            stream.avail_in = UInt32(source.count)
            while step > 0 {
                var status = Z_OK
                output += [UInt8](unsafeUninitializedCapacity: step) { target, count in
                    stream.next_out = target.baseAddress
                    stream.avail_out = UInt32(step)
                    status = inflate(&stream, Z_NO_FLUSH)
                    count = step - Int(stream.avail_out)
                }
                if status == Z_STREAM_END { return true }
                guard status == Z_OK, stream.avail_out == 0 else { return false }
                step = min(output.count, maximumBytes - output.count)
            }
            return false
        }
        guard finished else { throw CBORCodecError(.compression, at: 0) }
        return (output, input.count - Int(stream.avail_in))
    }
}
