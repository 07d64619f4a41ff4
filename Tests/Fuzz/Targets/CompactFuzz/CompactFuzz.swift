internal import CoAP
internal import CompactMatrix
internal import FuzzSupport
internal import MatrixJSON

/// Everything compact: what can be read must come back from what is written of it.
enum CompactFuzz: FuzzTarget {
    static func run(_ input: [UInt8]) -> String? {
        var script = Script(input)
        let kind = script.byte() % 5
        let bytes = script.remainder()
        switch kind {
        case 0: return value(bytes)
        case 1: return request(bytes)
        case 2: return msc3079(bytes)
        case 3: return json(bytes)
        default: return message(bytes)
        }
    }

    private static func value(_ bytes: [UInt8]) -> String? {
        guard let value = try? CompactCodec.decode(bytes, limits: .event) else { return nil }
        guard (try? CompactCodec.decode(CompactCodec.encode(value))) == value else { return "another value" }
        return (try? CompactCodec.decode(CompactCodec.encode(value, compresses: false))) == value
            ? nil : "another value without the dictionary"
    }

    private static func request(_ bytes: [UInt8]) -> String? {
        guard let request = try? CompactRequest(decoding: bytes, limits: .event) else { return nil }
        return (try? CompactRequest(decoding: request.encoded())) == request ? nil : "another request"
    }

    private static func msc3079(_ bytes: [UInt8]) -> String? {
        guard let value = try? MSC3079.decode(bytes, limits: .event) else { return nil }
        return (try? MSC3079.decode(MSC3079.encode(value))) == value ? nil : "another value by MSC3079"
    }

    private static func json(_ bytes: [UInt8]) -> String? {
        guard let value = try? JSONValue(parsing: bytes, limits: .event) else { return nil }
        guard (try? CompactCodec.decode(CompactCodec.encode(value))) == value else { return "another compact value" }
        return (try? CBORCodec.decode(CBORCodec.encode(value))) == value ? nil : "another CBOR value"
    }

    private static func message(_ bytes: [UInt8]) -> String? {
        let context = CompactContext(observationToken: [1], notificationOptions: [])
        guard
            let read = try? CompactMessage.decode(bytes, frame: 300, outstanding: [7, 299], context: context),
            let again = try? CompactMessage.encode(
                read.message, frame: 300, answered: read.answered, context: context)
        else { return nil }
        let back = try? CompactMessage.decode(again, frame: 300, outstanding: [7, 299], context: context)
        return back?.message == read.message ? nil : "another message"
    }
}

#if FUZZING
    @_cdecl("LLVMFuzzerTestOneInput")
    public func fuzzOneInput(_ data: UnsafePointer<UInt8>?, _ count: Int) -> Int32 { CompactFuzz.feed(data, count) }
#endif
