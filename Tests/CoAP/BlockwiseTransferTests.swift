import CoAP
import TestSupport
import Testing

/// The client's side of blockwise transfers against the server's, message by message.
@Suite("Bodies that are longer than a message")
struct BlockwiseTransferTests {
    private func session(_ exponent: UInt8, mint: EchoMint? = nil) -> ServerSession {
        ServerSession(
            endpoint: Endpoint(parameters: .rfc7252, seed: 3, firstMessageID: 100),
            limits: .init(blockExponent: exponent), proof: mint.map { ($0, [1]) })
    }

    /// Runs a transfer to its end. `serve` answers whole requests.
    private func run(
        _ transfer: inout BlockwiseTransfer, _ session: inout ServerSession,
        serve: (Request) -> Response
    ) throws -> (BlockwiseTransfer.Step, messages: Int) {
        var request = transfer.first
        for messages in 1..<2_000 {
            session.receive(
                try Message(
                    type: .confirmable, code: request.method, messageID: UInt16(messages), options: request.options,
                    payload: request.payload
                ).encoded(), now: 0)
            if case .request(let id, let whole)? = session.nextEvent() { session.respond(to: id, serve(whole), now: 0) }
            guard case .message(let bytes)? = session.nextTransmission()?.content else { throw Unexpected.silence }
            let answer = try Message(decoding: bytes)
            let step = transfer.receive(Response(answer.code, options: answer.options, payload: answer.payload))
            guard case .send(let next) = step else { return (step, messages) }
            request = next
        }
        throw Unexpected.noEnd
    }

    private enum Unexpected: Error { case silence, noEnd }

    @Test(
        "any body gets there and another back, whatever sizes the two ends prefer",
        arguments: [UInt8(0), 2, 6], [UInt8(0), 3, 6])
    func bothWays(client: UInt8, server: UInt8) throws {
        var random = SplitMix64(seed: UInt64(client) << 8 | UInt64(server))
        for count in [0, 1, 15, 16, 17, 63, 64, 65, 1_023, 1_024, 1_025, 4_000] {
            let up = random.bytes(count)
            let down = random.bytes(count)
            for method in [Code.post, .fetch] {
                var transfer = BlockwiseTransfer(
                    Request(method, path: [[0x74]], payload: up), exponent: client, requestTag: [9])
                var session = session(server)
                var seen: [[UInt8]] = []
                let (step, _) = try run(&transfer, &session) { request in
                    seen.append(request.payload)
                    return Response(.changed, payload: down)
                }
                guard case .done(let response) = step else {
                    Issue.record("\(step)")
                    continue
                }
                #expect(response.payload == down)
                #expect(seen.first == up)
                if method == .post { #expect(seen.count == 1, "run once") }
                #expect(response.option(.block2) == nil)
            }
        }
    }

    @Test("a server's wish for smaller blocks is met from the next block on")
    func smallerBlocks() throws {
        var transfer = BlockwiseTransfer(Request(.put, payload: [UInt8](repeating: 1, count: 1_000)), exponent: 5)
        var session = session(2)
        var seen = 0
        let (step, messages) = try run(&transfer, &session) { request in
            seen = request.payload.count
            return Response(.changed)
        }
        #expect(
            step
                == .done(
                    Response(.changed, options: [BlockOption(number: 15, more: false, exponent: 2).option(.block1)])))
        #expect(seen == 1_000)
        // 512 bytes, then 64 at a time.
        #expect(messages == 1 + 8)
    }

    @Test("a body that changes while it is fetched is fetched anew, never put together from two states")
    func changing() throws {
        var session = session(2)
        var asked = 0
        var transfer = BlockwiseTransfer(Request(.get), exponent: 2)
        let states = [[UInt8](repeating: 1, count: 200), [UInt8](repeating: 2, count: 200)]
        var request = transfer.first
        var outcome: BlockwiseTransfer.Step?
        for messages in 1..<100 {
            // What the server keeps for this client is forgotten each time, as by a restart.
            session = self.session(2)
            session.receive(
                try Message(
                    type: .confirmable, code: .get, messageID: UInt16(messages), options: request.options
                ).encoded(), now: 0)
            guard case .request(let id, _)? = session.nextEvent() else { throw Unexpected.silence }
            session.respond(to: id, Response(.content, payload: states[asked < 2 ? 0 : 1]), now: 0)
            asked += 1
            guard case .message(let bytes)? = session.nextTransmission()?.content else { throw Unexpected.silence }
            let answer = try Message(decoding: bytes)
            let step = transfer.receive(Response(answer.code, options: answer.options, payload: answer.payload))
            guard case .send(let next) = step else {
                outcome = step
                break
            }
            request = next
        }
        guard case .done(let response)? = outcome else { throw Unexpected.noEnd }
        #expect(response.payload == states[1])
        #expect(asked == 7)
    }

    @Test("Echo is returned when asked for, also in the middle of blocks")
    func echo() throws {
        for up in [0, 300] {
            var transfer = BlockwiseTransfer(
                Request(up == 0 ? .get : .fetch, payload: [UInt8](repeating: 1, count: up)), exponent: 2)
            var session = session(2, mint: EchoMint(key0: 5, key1: 6))
            let body = [UInt8](repeating: 3, count: 500)
            let (step, _) = try run(&transfer, &session) { _ in
                Response(
                    .content, options: [MessageOption(OptionNumber(2_000), [UInt8](repeating: 0, count: 80))],
                    payload: body)
            }
            guard case .done(let response) = step else {
                Issue.record("\(step)")
                continue
            }
            #expect(response.payload == body)
        }
    }

    @Test("blocks that do not fit together, or are too many, end the transfer")
    func violations() {
        func step(_ number: UInt32, _ count: Int, more: Bool, first: Bool = false) -> BlockwiseTransfer.Step {
            var transfer = BlockwiseTransfer(Request(.get), exponent: 2, mostBytes: 100)
            func part(_ number: UInt32, _ count: Int, _ more: Bool) -> Response {
                Response(
                    .content, options: [BlockOption(number: number, more: more, exponent: 2).option(.block2)],
                    payload: [UInt8](repeating: 0, count: count))
            }
            if !first { _ = transfer.receive(part(0, 64, true)) }
            return transfer.receive(part(number, count, more))
        }
        #expect(step(2, 64, more: true) == .failed(.protocolViolation))
        #expect(step(1, 63, more: true) == .failed(.protocolViolation))
        #expect(step(0, 10, more: true, first: true) == .failed(.protocolViolation))
        #expect(step(1, 64, more: true) == .failed(.tooLarge))
        #expect(step(1, 5, more: false) == .done(Response(.content, payload: [UInt8](repeating: 0, count: 69))))
        var upload = BlockwiseTransfer(Request(.put, payload: [UInt8](repeating: 0, count: 99)), exponent: 2)
        #expect(upload.receive(Response(.continue)) == .failed(.protocolViolation))
    }

    @Test("the value of a block option: 20 bits of number, one of more, three of size; 7 is no size")
    func option() {
        let rows: [(UInt32, Bool, UInt8, String)] = [
            (0, false, 0, ""), (0, true, 6, "0e"), (1, false, 2, "12"), (1_000, false, 2, "3e82"),
            (0xF_FFFF, true, 6, "fffffe"),
        ]
        for (number, more, exponent, encoding) in rows {
            let block = BlockOption(number: number, more: more, exponent: exponent)
            #expect(block.option(.block2).value == bytes(hex: encoding))
            #expect(BlockOption(MessageOption(.block2, bytes(hex: encoding))) == block)
        }
        #expect(BlockOption(MessageOption(.block2, [7])) == nil)
        #expect(BlockOption(MessageOption(.block2, [0, 0, 0, 6])) == nil)
    }

    @Test("the block size follows the loss: near the square root of overhead over loss")
    func sizeByLoss() {
        // sqrt(70 / e): 837 bytes for 1e-4, 265 for 1e-3, 84 for 1e-2.
        #expect(BlockOption.exponent(lossPerBillionBytes: 0, overhead: 70) == 6)
        #expect([5, 6].contains(BlockOption.exponent(lossPerBillionBytes: 100_000, overhead: 70)))
        #expect(BlockOption.exponent(lossPerBillionBytes: 1_000_000, overhead: 70) == 4)
        #expect([1, 2].contains(BlockOption.exponent(lossPerBillionBytes: 10_000_000, overhead: 70)))
        #expect(BlockOption.exponent(fitting: 1) == 0)
        #expect(BlockOption.exponent(fitting: 100) == 2)
        #expect(BlockOption.exponent(fitting: 5_000) == 6)
    }
}
