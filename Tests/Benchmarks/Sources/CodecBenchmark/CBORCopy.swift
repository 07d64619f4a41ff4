internal import CCBOR

/// Reads each item with libcbor's streaming decoder and writes it again with libcbor's encoders: what any codec of CBOR does
/// at the least.
struct CBORCopy {
    private final class Output {
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        var count = 0

        func head(_ write: (UnsafeMutablePointer<UInt8>, Int) -> Int) {
            bytes.withUnsafeMutableBufferPointer { buffer in
                guard let base = buffer.baseAddress else { return }
                count += write(base + count, buffer.count - count)
            }
        }

        func content(_ source: UnsafePointer<UInt8>?, _ length: Int) {
            guard let source, count + length <= bytes.count else { return }
            bytes.withUnsafeMutableBufferPointer { buffer in
                buffer.baseAddress?.advanced(by: count).update(from: source, count: length)
            }
            count += length
        }
    }

    private let output = Output()
    private var callbacks = cbor_empty_callbacks

    init() {
        callbacks.uint8 = { context, value in CBORCopy.at(context) { cbor_encode_uint(UInt64(value), $0, $1) } }
        callbacks.uint16 = { context, value in CBORCopy.at(context) { cbor_encode_uint(UInt64(value), $0, $1) } }
        callbacks.uint32 = { context, value in CBORCopy.at(context) { cbor_encode_uint(UInt64(value), $0, $1) } }
        callbacks.uint64 = { context, value in CBORCopy.at(context) { cbor_encode_uint(value, $0, $1) } }
        callbacks.negint8 = { context, value in CBORCopy.at(context) { cbor_encode_negint(UInt64(value), $0, $1) } }
        callbacks.negint16 = { context, value in CBORCopy.at(context) { cbor_encode_negint(UInt64(value), $0, $1) } }
        callbacks.negint32 = { context, value in CBORCopy.at(context) { cbor_encode_negint(UInt64(value), $0, $1) } }
        callbacks.negint64 = { context, value in CBORCopy.at(context) { cbor_encode_negint(value, $0, $1) } }
        callbacks.string = { context, text, length in
            CBORCopy.at(context) { cbor_encode_string_start(Int(length), $0, $1) }
            CBORCopy.output(context)?.content(text, Int(length))
        }
        callbacks.array_start = { context, count in
            CBORCopy.at(context) { cbor_encode_array_start(Int(count), $0, $1) }
        }
        callbacks.map_start = { context, count in CBORCopy.at(context) { cbor_encode_map_start(Int(count), $0, $1) } }
        callbacks.float2 = { context, value in CBORCopy.at(context) { cbor_encode_half(value, $0, $1) } }
        callbacks.float4 = { context, value in CBORCopy.at(context) { cbor_encode_single(value, $0, $1) } }
        callbacks.float8 = { context, value in CBORCopy.at(context) { cbor_encode_double(value, $0, $1) } }
        callbacks.boolean = { context, value in CBORCopy.at(context) { cbor_encode_bool(value, $0, $1) } }
        callbacks.null = { context in CBORCopy.at(context) { cbor_encode_null($0, $1) } }
    }

    private static func output(_ context: UnsafeMutableRawPointer?) -> Output? {
        context.map { Unmanaged<Output>.fromOpaque($0).takeUnretainedValue() }
    }

    private static func at(_ context: UnsafeMutableRawPointer?, _ write: (UnsafeMutablePointer<UInt8>, Int) -> Int) {
        output(context)?.head(write)
    }

    /// The bytes written.
    mutating func copy(_ input: [UInt8]) -> Int {
        output.count = 0
        let context = Unmanaged.passUnretained(output).toOpaque()
        input.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            var place = 0
            while place < buffer.count {
                let result = cbor_stream_decode(base + place, buffer.count - place, &callbacks, context)
                guard result.read > 0 else { return }
                place += result.read
            }
        }
        precondition(output.count == input.count, "the copy is no copy")
        return output.count
    }
}
