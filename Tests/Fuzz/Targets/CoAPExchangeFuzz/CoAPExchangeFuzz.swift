internal import CoAP
internal import ConformanceSite
internal import FuzzSupport

/// The input is a script: each step's first byte says what happens, the rest of it what comes along. A client endpoint and
/// the conformance server get each other's datagrams, forged ones, and time that passes.
enum CoAPExchangeFuzz: FuzzTarget {
    static func run(_ input: [UInt8]) -> String? {
        var conversation = Conversation(bytes: input.prefix(4_096))
        conversation.run()
        return nil
    }
}

private struct Conversation {
    var bytes: ArraySlice<UInt8>
    var client = Endpoint(parameters: .rfc7252, seed: 1, firstMessageID: 0)
    var server = ConformanceServer<UInt8>(
        site: ConformanceSite(now: 0, unixNanoseconds: 0), parameters: .rfc7252, mint: EchoMint(key0: 1, key1: 2),
        seed: 2, now: 0, bytesOf: { [$0] })
    var now: Int64 = 0
    var open: Set<Endpoint.Handle> = []
    var toServer: [[UInt8]] = []
    var toClient: [[UInt8]] = []

    mutating func take() -> UInt8 { bytes.popFirst() ?? 0 }

    mutating func takeSome() -> [UInt8] {
        let count = min(Int(take()), bytes.count)
        defer { bytes = bytes.dropFirst(count) }
        return Array(bytes.prefix(count))
    }

    mutating func run() {
        while let step = bytes.popFirst() {
            switch step & 7 {
            case 0: _ = server.receive(takeSome(), from: step >> 3 & 1, now: now)
            case 1: client.receive(takeSome(), now: now)
            case 2: now += Int64(take()) << Int64(take() % 32)
            case 3:
                let method = Code(0, take() & 7 | 1)
                let path = takeSome()
                var request = Request(method, path: [path], payload: takeSome())
                if step & 8 != 0 { request.options.append(MessageOption(.observe, uint: 0)) }
                if let handle = try? client.start(request, confirmable: step & 16 == 0, now: now) {
                    open.insert(handle)
                }
            case 4:
                if !toServer.isEmpty { _ = server.receive(toServer.removeFirst(), from: 0, now: now) }
            case 5:
                if !toClient.isEmpty { client.receive(toClient.removeFirst(), now: now) }
            case 6:
                // The datagram comes, and another time later.
                if let first = toServer.first { _ = server.receive(first, from: 0, now: now) }
            default:
                if step & 8 == 0 {
                    toServer = Array(toServer.dropFirst())
                } else {
                    toClient = Array(toClient.dropFirst())
                }
            }
            client.handleTimeout(now: now)
            server.handleTimeout(now: now)
            collect()
        }
    }

    mutating func collect() {
        for (datagram, address) in server.outgoing {
            precondition((try? Message(decoding: datagram)) != nil, "the server sends what is no message")
            if address == 0 { toClient.append(datagram) }
        }
        server.outgoing = []
        while let transmission = client.nextTransmission() {
            guard let datagram = bytesOf(transmission) else { continue }
            precondition((try? Message(decoding: datagram)) != nil, "the client sends what is no message")
            toServer.append(datagram)
            if transmission.isConfirmable { client.sent(transmission.handle, lastBitAt: now) }
        }
        while let event = client.nextEvent() {
            switch event {
            case .response(let handle, _), .failed(let handle, _):
                precondition(open.remove(handle) != nil, "a second outcome, or one of nothing")
            case .notification(let handle, _):
                precondition(open.contains(handle), "a state of no observation")
            case .request(let incoming):
                try? client.respond(to: incoming.id, Response(.notFound), now: now)
            case .pong, .notificationDelivered, .notificationFailed: break
            }
        }
        toServer = Array(toServer.suffix(32))
        toClient = Array(toClient.suffix(32))
    }

    func bytesOf(_ transmission: Endpoint.Transmission) -> [UInt8]? {
        switch transmission.content {
        case .message(let bytes): bytes
        case .again: client.message(of: transmission.handle)
        }
    }
}

#if FUZZING
    @_cdecl("LLVMFuzzerTestOneInput")
    public func fuzzOneInput(_ data: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
        CoAPExchangeFuzz.feed(data, count)
    }
#endif
