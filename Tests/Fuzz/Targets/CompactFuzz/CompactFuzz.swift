internal import CoAP
internal import CompactMatrix
internal import FuzzSupport
internal import MatrixJSON

/// Everything compact: what can be read must come back from what is written of it.
enum CompactFuzz: FuzzTarget {
    static func run(_ input: [UInt8]) -> String? {
        var script = Script(input)
        let kind = script.byte()
        let bytes = script.remainder()
        switch kind {
        case 250, 251: return session(bytes, isRequest: kind == 250)
        case 252: return batch(bytes)
        case 253: return refusal(bytes)
        default: break
        }
        switch kind % 5 {
        case 0: return value(bytes)
        case 1: return request(bytes)
        case 2: return msc3079(bytes)
        case 3: return json(bytes)
        default: return message(bytes)
        }
    }

    private static func value(_ bytes: [UInt8]) -> String? {
        let value = try? CompactCodec.decode(bytes, limits: .event)
        guard (try? CompactCodec.decodeToJSON(bytes, limits: .event)) == value?.jsonBytes else {
            return "another text in one pass"
        }
        guard let value else { return nil }
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
        let value = try? JSONValue(parsing: bytes, limits: .event)
        guard (try? CompactCodec.encode(json: bytes, limits: .event)) == value.map({ CompactCodec.encode($0) }) else {
            return "other compact bytes in one pass"
        }
        guard let value else { return nil }
        guard (try? CompactCodec.decode(CompactCodec.encode(value))) == value else { return "another compact value" }
        return (try? CBORCodec.decode(CBORCodec.encode(value))) == value ? nil : "another CBOR value"
    }

    /// A message to an end that remembers two: what is read can be said again.
    private static func session(_ bytes: [UInt8], isRequest: Bool) -> String? {
        let sizes = SessionMemory.Sizes.edge
        var sender = SessionMemory(sizes: sizes, isGateway: !isRequest, session: "s")
        var receiver = SessionMemory(sizes: sizes, isGateway: isRequest, session: "s")
        let sync = CompactRequest(method: "GET", target: "/_matrix/client/v3/sync")
        for frame in UInt64(0)..<2 {
            let request = CompactRequest(
                method: "PUT", target: "/_matrix/client/v3/rooms/!a:b.example/send/m.room.message/~s.\(frame).0",
                body: ["body": .string("hello \(frame)"), "sender": "@alice:b.example", "n": 1_000])
            let answer: JSONValue = ["event_id": "$vNE2ur7IJ-mfwb-aUo9gjkSUs3WWMX_QXE7SpuRkbMF", "n": 1.5]
            if isRequest {
                let encoded = sender.encode(request, frame: frame)
                guard (try? receiver.decodeRequest(encoded, frame: frame)) == request else { return "not the request" }
            } else {
                let encoded = sender.encode(answer, to: sync, frame: frame)
                guard (try? receiver.decodeAnswer(encoded, to: sync, frame: frame)) == answer else {
                    return "not the answer"
                }
            }
            sender.acknowledged(frame)
        }
        if isRequest {
            guard let request = try? receiver.decodeRequest(bytes, frame: 2, limits: .event) else { return nil }
            let again = sender.encode(request, frame: 2)
            var other = SessionMemory(sizes: sizes, isGateway: true, session: "s")
            var fresh = SessionMemory(sizes: sizes, isGateway: false, session: "s")
            let plain = fresh.encode(request, frame: 2)
            guard (try? other.decodeRequest(plain, frame: 2)) != nil else { return "not readable \(again.count)" }
            return nil
        }
        guard let answer = try? receiver.decodeAnswer(bytes, to: sync, frame: 2, limits: .event) else { return nil }
        var other = SessionMemory(sizes: sizes, isGateway: false, session: "s")
        var fresh = SessionMemory(sizes: sizes, isGateway: true, session: "s")
        return (try? other.decodeAnswer(fresh.encode(answer, to: sync, frame: 2), to: sync, frame: 2)) == answer
            ? nil : "another answer"
    }

    private static func batch(_ bytes: [UInt8]) -> String? {
        var table = IdentifierTable(capacity: 256)
        table.record([Array("@alice:b.example".utf8)], in: 0)
        let none = IdentifierTable(capacity: 0)
        var pass = IdentifierPass(frame: 1, own: table, other: none)
        guard let items = try? DeliveryBatch.decode(bytes, &pass) else { return nil }
        var writing = IdentifierPass(frame: 1, own: none, other: none)
        var reading = writing
        let again = try? DeliveryBatch.decode(DeliveryBatch.encode(items, &writing), &reading)
        return again?.map(\.sender) == items.map(\.sender) && again?.map(\.unixSeconds) == items.map(\.unixSeconds)
            ? nil : "another batch"
    }

    private static func refusal(_ bytes: [UInt8]) -> String? {
        guard let refusal = try? DeviceRefusal(.tooManyRequests, payload: bytes) else { return nil }
        return refusal.payload == bytes ? nil : "another refusal"
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
