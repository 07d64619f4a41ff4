import CCBOR

/// Appends heads with libcbor's encoders, which choose the shortest.
struct CBORHeadWriter {
    var bytes: [UInt8] = []

    mutating func null() { head { cbor_encode_null($0, $1) } }

    mutating func bool(_ value: Bool) { head { cbor_encode_bool(value, $0, $1) } }

    mutating func unsigned(_ value: UInt64) { head { cbor_encode_uint(value, $0, $1) } }

    mutating func integer(_ value: Int64) {
        if value < 0 {
            head { cbor_encode_negint(UInt64(bitPattern: ~value), $0, $1) }
        } else {
            unsigned(UInt64(bitPattern: value))
        }
    }

    mutating func array(_ count: Int) { head { cbor_encode_array_start(.init(count), $0, $1) } }

    mutating func map(_ count: Int) { head { cbor_encode_map_start(.init(count), $0, $1) } }

    mutating func tag(_ value: UInt64) { head { cbor_encode_tag(value, $0, $1) } }

    /// An unassigned simple value: 0...19 or 32...255.
    mutating func simple(_ value: UInt8) { head { cbor_encode_ctrl(value, $0, $1) } }

    /// The head of a byte string, whose content may stand elsewhere.
    mutating func byteString(_ count: Int) { head { cbor_encode_bytestring_start(.init(count), $0, $1) } }

    /// The head of a text, whose content may stand elsewhere.
    mutating func textHead(_ count: Int) {
        if isWritten(3, count) { return }
        head { cbor_encode_string_start(.init(count), $0, $1) }
    }

    mutating func text(_ text: String) {
        var text = text
        text.withUTF8 { self.text($0) }
    }

    mutating func text(_ utf8: UnsafeBufferPointer<UInt8>) {
        textHead(utf8.count)
        bytes.append(contentsOf: utf8)
    }

    /// Gives the head of an empty array or map at `place` its count, which was not known before what it holds was written.
    mutating func setCount(_ count: Int, at place: Int) {
        guard count >= 24 else {
            bytes[place] |= UInt8(count)
            return
        }
        let isMap = bytes[place] == 0xA0
        var head = CBORHeadWriter()
        if isMap { head.map(count) } else { head.array(count) }
        bytes.replaceSubrange(place...place, with: head.bytes)
    }

    /// The shortest of half, single and double precision that holds the value; null for what JSON has not.
    mutating func double(_ value: Double) {
        guard value.isFinite else { return null() }
        let half = Float16(value)
        if Double(half) == value {
            // Not by cbor_encode_half: until 0.10 it drops the mantissa of subnormals, and it rounds without a word.
            bytes.append(0xF9)
            bytes.append(UInt8(truncatingIfNeeded: half.bitPattern >> 8))
            bytes.append(UInt8(truncatingIfNeeded: half.bitPattern))
            return
        }
        let single = Float(value)
        if Double(single) == value {
            head { cbor_encode_single(single, $0, $1) }
        } else {
            head { cbor_encode_double(value, $0, $1) }
        }
    }

    /// A head that is a single byte needs no library.
    private mutating func isWritten(_ major: UInt8, _ argument: Int) -> Bool {
        guard argument < 24, argument >= 0 else { return false }
        bytes.append(major << 5 | UInt8(truncatingIfNeeded: argument))
        return true
    }

    /// No head is longer than nine bytes.
    private mutating func head(_ encode: (UnsafeMutablePointer<UInt8>, Int) -> Int) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 9) { buffer in
            guard let start = buffer.baseAddress else { return }
            let written = encode(start, buffer.count)
            precondition(written > 0, "libcbor's encoders need at most nine bytes for a head")
            bytes.append(contentsOf: UnsafeBufferPointer(rebasing: buffer.prefix(written)))
        }
    }
}
