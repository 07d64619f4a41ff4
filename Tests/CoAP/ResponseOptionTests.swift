import CoAP
import TestSupport
import Testing

/// RFC 7252 section 5.4 for who receives a response.
@Suite("Options of responses")
struct ResponseOptionTests {
    /// Critical options that no client may overlook in a response.
    private static let critical: [(String, [MessageOption])] = [
        ("unknown", [MessageOption(OptionNumber(25), [1])]),
        ("unknown, of a high number", [MessageOption(OptionNumber(65_001), [])]),
        ("not defined for responses: If-Match", [MessageOption(.ifMatch, [1])]),
        ("not defined for responses: Uri-Path", [MessageOption(.uriPath, [0x61])]),
        ("not defined for responses: Accept", [MessageOption(.accept, [])]),
        ("not defined for responses: Proxy-Uri", [MessageOption(.proxyURI, [0x61])]),
        ("too long: Block2", [MessageOption(.block2, [0, 0, 0, 6])]),
        ("one too many: Block2", [MessageOption(.block2, []), MessageOption(.block2, [])]),
    ]

    private func started() throws -> (Endpoint, Endpoint.Handle, Message) {
        var client = Endpoint(parameters: .rfc7252, seed: 1, firstMessageID: 7)
        let handle = try client.start(Request(.get, path: [[0x61]]), now: 0)
        guard case .message(let bytes)? = client.nextTransmission()?.content else { throw Unexpected() }
        client.sent(handle, lastBitAt: 0)
        return (client, handle, try Message(decoding: bytes))
    }

    private struct Unexpected: Error {}

    private func answer(
        _ request: Message, _ type: MessageType, _ options: [MessageOption], id: UInt16 = 900
    ) throws -> [UInt8] {
        try Message(
            type: type, code: .content, messageID: type == .acknowledgement ? request.messageID : id,
            token: request.token, options: options, payload: [1]
        ).encoded()
    }

    @Test("a critical one that cannot be processed has a confirmable response reset, and any other ignored")
    func rejected() throws {
        for (name, options) in Self.critical {
            for type in [MessageType.confirmable, .nonConfirmable, .acknowledgement] {
                var (client, handle, request) = try started()
                let response = try answer(request, type, options)
                for _ in 0..<2 {
                    client.receive(response, now: 1)
                    #expect(client.nextEvent() == nil, "\(name)")
                    let reset: Endpoint.Transmission.Content? =
                        type == .confirmable ? .message([0x70, 0, 3, 0x84]) : nil
                    #expect(client.nextTransmission()?.content == reset, "\(name), \(type)")
                }
                // It counts for nothing: one without fault is awaited still.
                client.receive(try answer(request, .confirmable, [], id: 901), now: 2)
                #expect(client.nextEvent() == .response(handle, Response(.content, payload: [1])), "\(name)")
            }
        }
    }

    @Test("an elective one that is unknown stays, one that is malformed or one too many is as if it had not been sent")
    func elective() throws {
        var (client, handle, request) = try started()
        let sound = [
            MessageOption(.eTag, [1, 2]), MessageOption(.maxAge, [9]), MessageOption(OptionNumber(2_000), [3]),
        ]
        let unsound = [
            MessageOption(.eTag, [UInt8](repeating: 1, count: 9)), MessageOption(.observe, [0, 0, 0, 1]),
            MessageOption(.contentFormat, [0, 0, 0]), MessageOption(.maxAge, [8]),
        ]
        client.receive(try answer(request, .acknowledgement, sound + unsound), now: 1)
        #expect(client.nextEvent() == .response(handle, Response(.content, options: sound, payload: [1])))
    }

    @Test("the block options are for responses too")
    func blocks() throws {
        var (client, handle, request) = try started()
        let options = [
            MessageOption(.qBlock1, [8]), MessageOption(.block2, [6]), MessageOption(.block1, [6]),
            MessageOption(.size2, [9]), MessageOption(.qBlock2, [8]),
        ]
        client.receive(try answer(request, .acknowledgement, options), now: 1)
        #expect(client.nextEvent() == .response(handle, Response(.content, options: options, payload: [1])))
    }

    @Test("a block of a reserved size is no whole body")
    func reservedSize() {
        var transfer = BlockwiseTransfer(Request(.get))
        let response = Response(.content, options: [MessageOption(.block2, [0x0F])], payload: [1])
        #expect(transfer.receive(response) == .failed(.protocolViolation))
    }

    @Test("hundreds of requests under way at once have tokens of their own, of one byte while that suffices")
    func tokens() throws {
        var client = Endpoint(parameters: .rfc7252, seed: 1, firstMessageID: 0)
        var tokens: Set<[UInt8]> = []
        for count in 1...700 {
            _ = try client.start(Request(.put), confirmable: false, continues: true, now: 0)
            guard case .message(let bytes)? = client.nextTransmission()?.content else { throw Unexpected() }
            let token = try Message(decoding: bytes).token
            tokens.insert(token)
            #expect(tokens.count == count)
            #expect(token.count <= (count <= 128 ? 1 : 3))
        }
    }
}
