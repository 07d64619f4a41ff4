import CCBOR

/// What libcbor's stream decoder found: one head, and for strings their length.
enum CBORToken {
    case unsigned(UInt64)
    /// -1 - the number.
    case negative(UInt64)
    case byteString(UInt64)
    case text(UInt64)
    case array(UInt64)
    case map(UInt64)
    case tag(UInt64)
    case float(Double)
    case bool(Bool)
    case null
    case undefined
    case indefinite
    case stop

    /// Bytes of the shortest head for this, or nil where there are several lengths of equal standing.
    var shortestHead: Int? {
        switch self {
        case .unsigned(let value), .negative(let value), .byteString(let value), .text(let value), .array(let value),
            .map(let value), .tag(let value):
            value < 24 ? 1 : value <= 0xFF ? 2 : value <= 0xFFFF ? 3 : value <= 0xFFFF_FFFF ? 5 : 9
        case .float: nil
        case .bool, .null, .undefined, .indefinite, .stop: 1
        }
    }

    /// Callbacks that put what they are told into the `CBORToken?` that the context points to.
    ///
    /// Lengths are `size_t` in libcbor 0.8 and `uint64_t` later: converted, so that both compile. Swift sees `size_t` as
    /// `Int`, negative from 2^63: the bits are taken as they are, since anybody can declare such a length.
    static let callbacks: cbor_callbacks = {
        var callbacks = cbor_callbacks()
        callbacks.uint8 = { CBORToken.store(.unsigned(UInt64($1)), $0) }
        callbacks.uint16 = { CBORToken.store(.unsigned(UInt64($1)), $0) }
        callbacks.uint32 = { CBORToken.store(.unsigned(UInt64($1)), $0) }
        callbacks.uint64 = { CBORToken.store(.unsigned($1), $0) }
        callbacks.negint8 = { CBORToken.store(.negative(UInt64($1)), $0) }
        callbacks.negint16 = { CBORToken.store(.negative(UInt64($1)), $0) }
        callbacks.negint32 = { CBORToken.store(.negative(UInt64($1)), $0) }
        callbacks.negint64 = { CBORToken.store(.negative($1), $0) }
        callbacks.byte_string_start = { CBORToken.store(.indefinite, $0) }
        callbacks.byte_string = { CBORToken.store(.byteString(UInt64(truncatingIfNeeded: $2)), $0) }
        callbacks.string_start = { CBORToken.store(.indefinite, $0) }
        callbacks.string = { CBORToken.store(.text(UInt64(truncatingIfNeeded: $2)), $0) }
        callbacks.indef_array_start = { CBORToken.store(.indefinite, $0) }
        callbacks.array_start = { CBORToken.store(.array(UInt64(truncatingIfNeeded: $1)), $0) }
        callbacks.indef_map_start = { CBORToken.store(.indefinite, $0) }
        callbacks.map_start = { CBORToken.store(.map(UInt64(truncatingIfNeeded: $1)), $0) }
        callbacks.tag = { CBORToken.store(.tag($1), $0) }
        callbacks.float2 = { CBORToken.store(.float(Double($1)), $0) }
        callbacks.float4 = { CBORToken.store(.float(Double($1)), $0) }
        callbacks.float8 = { CBORToken.store(.float($1), $0) }
        callbacks.undefined = { CBORToken.store(.undefined, $0) }
        callbacks.null = { CBORToken.store(.null, $0) }
        callbacks.boolean = { CBORToken.store(.bool($1), $0) }
        callbacks.indef_break = { CBORToken.store(.stop, $0) }
        return callbacks
    }()

    private static func store(_ token: CBORToken, _ context: UnsafeMutableRawPointer?) {
        context?.assumingMemoryBound(to: CBORToken?.self).pointee = token
    }
}
