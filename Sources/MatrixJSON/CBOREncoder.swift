import CCBOR

/// Writes values with libcbor's encoders, which choose the shortest head.
struct CBOREncoder {
    private(set) var bytes: [UInt8] = []

    mutating func write(_ value: JSONValue) {
        switch value {
        case .null: head { cbor_encode_null($0, $1) }
        case .bool(let value): head { cbor_encode_bool(value, $0, $1) }
        case .integer(let value):
            if value < 0 {
                head { cbor_encode_negint(UInt64(bitPattern: ~value), $0, $1) }
            } else {
                head { cbor_encode_uint(UInt64(bitPattern: value), $0, $1) }
            }
        case .double(let value): write(value)
        case .string(let value): write(value)
        case .array(let items):
            head { cbor_encode_array_start(.init(items.count), $0, $1) }
            for item in items { write(item) }
        case .object(let object):
            head { cbor_encode_map_start(.init(object.count), $0, $1) }
            for member in object.members {
                write(member.key)
                write(member.value)
            }
        }
    }

    private mutating func write(_ text: String) {
        let utf8 = text.utf8
        head { cbor_encode_string_start(.init(utf8.count), $0, $1) }
        bytes.append(contentsOf: utf8)
    }

    private mutating func write(_ value: Double) {
        guard value.isFinite else { return write(.null) }
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
