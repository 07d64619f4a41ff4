import CoAP
import Testing

@Suite("Blocks that nobody confirms one by one (RFC 9177)")
struct RobustBlockTests {
    static let hour: Int64 = 3_600_000_000_000

    static func body(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 * 7 + $0 / 256) } }

    static func put(_ count: Int) -> Request { Request(.put, path: [[0x61]], payload: body(count)) }

    static func upload(
        seed: UInt64 = 1, _ count: Int, exponent: UInt8 = 2, _ prepare: (RobustConversation) -> Void = { _ in }
    ) -> (conversation: RobustConversation, outcome: RobustTransfer.Outcome?) {
        let conversation = RobustConversation(seed: seed, put(count), exponent: exponent) { _ in Response(.changed) }
        prepare(conversation)
        return (conversation, conversation.run(for: hour))
    }

    static func download(
        seed: UInt64 = 1, _ count: Int, exponent: UInt8 = 2, _ prepare: (RobustConversation) -> Void = { _ in }
    ) -> (conversation: RobustConversation, outcome: RobustTransfer.Outcome?) {
        let conversation = RobustConversation(seed: seed, Request(.get, path: [[0x61]]), exponent: exponent) { _ in
            Response(.content, payload: body(count))
        }
        prepare(conversation)
        return (conversation, conversation.run(for: hour))
    }

    /// Code and Q-Block1, or else Q-Block2, of every datagram: `0.03 QB1 0+`.
    static func lines(_ conversation: RobustConversation) -> [String] {
        conversation.datagrams.map { toServer, message in
            var text = "\(toServer ? ">" : "<") \(message.code.codeClass).\(message.code.detail)"
            let number: OptionNumber = message.option(.qBlock1) == nil ? .qBlock2 : .qBlock1
            for option in message.options where option.number == number {
                guard let block = BlockOption(option) else { continue }
                text += " QB\(option.number == .qBlock1 ? 1 : 2) \(block.number)\(block.more ? "+" : "")"
            }
            if message.option(.contentFormat)?.uint == MissingBlocks.contentFormat {
                text += " \(MissingBlocks.decoded(message.payload) ?? [])"
            }
            return text
        }
    }

    @Test("four blocks up leave at once, unconfirmed, each with a token of its own, tag and size; one answer comes")
    func uploadWithoutLoss() {
        let (conversation, outcome) = Self.upload(250)
        #expect(outcome == .done(Response(.changed)))
        #expect(conversation.requests.map(\.payload) == [Self.body(250)])
        #expect(Self.lines(conversation) == ["> 0.3 QB1 0+", "> 0.3 QB1 1+", "> 0.3 QB1 2+", "> 0.3 QB1 3", "< 2.4"])
        let up = conversation.datagrams.filter(\.toServer).map(\.message)
        // The empty one is not among them, which the next exchange may have.
        #expect(Set(up.map(\.token)).count == 4 && up.allSatisfy { !$0.token.isEmpty })
        #expect(up.allSatisfy { $0.type == .nonConfirmable && $0.option(.requestTag)?.value == [7] })
        #expect(up.allSatisfy { $0.option(.size1)?.uint == 250 })
        // The answer may come in blocks of the same kind.
        #expect(
            up.allSatisfy { $0.option(.qBlock2) == BlockOption(number: 0, more: true, exponent: 2).option(.qBlock2) })
        // The answer goes under the token of the newest block.
        #expect(conversation.datagrams.last?.message.token == up.last?.token)
    }

    @Test("a set that was received is answered by 2.31, and the next one leaves with that")
    func nextSet() {
        let (conversation, outcome) = Self.upload(25 * 64)
        #expect(outcome == .done(Response(.changed)))
        let lines = Self.lines(conversation)
        #expect(lines.filter { $0.hasPrefix("<") } == ["< 2.31 QB1 9+", "< 2.31 QB1 19+", "< 2.4"])
        #expect(lines.firstIndex(of: "< 2.31 QB1 9+") == 10)
        #expect(lines.count == 28)
    }

    @Test("where the 2.31 is lost, the next set leaves after NON_TIMEOUT, which is as long as a set takes")
    func lostContinue() throws {
        let (conversation, outcome) = Self.upload(15 * 64) { $0.loses = { toServer, count in !toServer && count == 0 } }
        #expect(outcome == .done(Response(.changed)))
        let timing = RobustTiming(RobustConversation.parameters, blockBytes: 104)
        // Ten datagrams of 104 bytes at 8 ms a byte, the round trip, and the answer.
        #expect(timing.timeout == 3_000_000_000 + 32 * 8_000_000 + 10 * 104 * 8_000_000)
        #expect(timing.receiveTimeout >= 2 * timing.timeout)
        let next = try #require(Self.lines(conversation).firstIndex(of: "> 0.3 QB1 10+"))
        #expect(conversation.times[next] >= timing.timeout)
        #expect(conversation.times[next] <= timing.timeout * 3 / 2)
    }

    @Test("lost blocks are named in a 4.08 and alone sent again; also the last one, which no later block betrays")
    func missingBlocks() {
        let (conversation, outcome) = Self.upload(12 * 64) {
            $0.loses = { up, count in up && [1, 4, 11].contains(count) }
        }
        #expect(outcome == .done(Response(.changed)))
        #expect(conversation.requests.map(\.payload) == [Self.body(12 * 64)])
        let lines = Self.lines(conversation)
        #expect(lines.contains("< 4.8 [1, 4]"))
        #expect(lines.contains("< 4.8 [11]"))
        for (number, count) in [(0, 1), (1, 2), (4, 2), (10, 1)] {
            #expect(lines.filter { $0 == "> 0.3 QB1 \(number)+" }.count == count)
        }
    }

    @Test(
        "an answer comes in blocks under the token of its request, with tag and size; 2.31 is a request for the next set"
    )
    func downloadWithoutLoss() {
        let (conversation, outcome) = Self.download(15 * 64)
        guard case .done(let response) = outcome else {
            Issue.record("\(String(describing: outcome))")
            return
        }
        #expect(response.code == .content && response.payload == Self.body(15 * 64))
        let lines = Self.lines(conversation)
        #expect(lines.filter { $0.hasPrefix(">") } == ["> 0.1 QB2 0+", "> 0.1 QB2 10+"])
        #expect(lines.filter { $0.hasPrefix("<") }.count == 15)
        let down = conversation.datagrams.filter { !$0.toServer }.map(\.message)
        #expect(down.allSatisfy { $0.option(.size2)?.uint == 960 && $0.option(.eTag) != nil })
        #expect(down.prefix(10).allSatisfy { $0.token == conversation.datagrams[0].message.token })
        #expect(conversation.requests.count == 1)
    }

    @Test("lost blocks of an answer are asked for together, by one request with an option for each")
    func missingBlocksOfAnAnswer() {
        let (conversation, outcome) = Self.download(8 * 64) {
            $0.loses = { up, count in !up && [2, 5].contains(count) }
        }
        guard case .done(let response) = outcome else {
            Issue.record("\(String(describing: outcome))")
            return
        }
        #expect(response.payload == Self.body(8 * 64))
        #expect(Self.lines(conversation).filter { $0.hasPrefix(">") } == ["> 0.1 QB2 0+", "> 0.1 QB2 2 QB2 5"])
        #expect(Self.lines(conversation).filter { $0.hasPrefix("<") }.count == 10)
    }

    @Test(
        "without M the blocks that are named are sent alone; with M those from there on, though the server knows of none"
    )
    func singleBlocks() throws {
        var server = ServerSession(endpoint: Endpoint(parameters: .rfc7252, seed: 1, firstMessageID: 0))
        func answers(_ options: [(UInt32, Bool)], path: UInt8) throws -> [String] {
            let blocks = options.map { BlockOption(number: $0.0, more: $0.1, exponent: 2).option(.qBlock2) }
            let message = Message(
                type: .nonConfirmable, code: .get, messageID: UInt16(path), token: [path],
                options: [MessageOption(.uriPath, [path])] + blocks)
            server.receive(try message.encoded(), now: 0)
            while case .request(let id, _)? = server.nextEvent() {
                server.respond(to: id, Response(.content, payload: Self.body(15 * 64)), now: 0)
            }
            var lines: [String] = []
            while case .message(let bytes)? = server.nextTransmission()?.content {
                let message = try Message(decoding: bytes)
                let block = message.option(.qBlock2).flatMap { BlockOption($0) }
                lines.append(block.map { "\($0.number)\($0.more ? "+" : "")" } ?? "\(message.code.codeClass)")
            }
            return lines
        }
        #expect(try answers([(0, false)], path: 1) == ["0+"])
        #expect(try answers([(3, false), (14, false)], path: 2) == ["3+", "14"])
        #expect(try answers([(10, true)], path: 3) == ["10+", "11+", "12+", "13+", "14"])
        #expect(try answers([(15, false)], path: 4) == ["4"])
        #expect(try answers([(15, true)], path: 5) == ["4"])
    }

    @Test("a body up and another down are one operation, run once; a part of one that is gone is a 4.08")
    func bothWays() throws {
        for lossPerThousand in [0, 50] as [UInt64] {
            var done = 0
            for seed in 0..<20 as Range<UInt64> {
                let request = Request(.post, path: [[0x61]], payload: Self.body(1500))
                let conversation = RobustConversation(seed: seed, request, exponent: 2) { request in
                    Response(.changed, payload: request.payload.reversed() + Self.body(500))
                }
                conversation.weather.lossPerThousand = lossPerThousand
                let outcome = conversation.run(for: Self.hour)
                #expect(conversation.requests.map(\.payload) == [Self.body(1500)])
                guard case .done(let response)? = outcome else { continue }
                #expect(response.payload == Self.body(1500).reversed() + Self.body(500))
                done += 1
            }
            #expect(done >= (lossPerThousand == 0 ? 20 : 17), "\(done)")
        }
        var server = ServerSession(endpoint: Endpoint(parameters: .rfc7252, seed: 1, firstMessageID: 0))
        let part = BlockOption(number: 3, more: false, exponent: 2).option(.qBlock2)
        server.receive(
            try Message(type: .nonConfirmable, code: .post, messageID: 1, options: [part]).encoded(), now: 0)
        #expect(server.nextEvent() == nil)
        guard case .message(let bytes)? = server.nextTransmission()?.content else {
            Issue.record("no answer")
            return
        }
        #expect(try Message(decoding: bytes).code == .requestEntityIncomplete)
    }

    @Test("an answer in blocks of the other kind is not taken for whole")
    func mixedAnswer() {
        var transfer = RobustTransfer(
            Request(.get), requestTag: [1], timing: RobustTiming(.rfc7252, blockBytes: 1100), draw: 1, now: 0)
        _ = transfer.nextRequest(now: 0)
        transfer.receive(Response(.content, options: [MessageOption(.block2, [8])], payload: [1]), now: 1)
        #expect(transfer.outcome == .failed(.protocolViolation))
    }

    @Test("a body of more blocks than a byte has tokens gets there, and back")
    func manyBlocks() {
        let (up, uploaded) = Self.upload(400 * 16, exponent: 0)
        #expect(uploaded == .done(Response(.changed)))
        #expect(up.requests.map(\.payload) == [Self.body(400 * 16)])
        guard case .done(let response) = Self.download(400 * 16, exponent: 0).outcome else {
            Issue.record("no body")
            return
        }
        #expect(response.payload == Self.body(400 * 16))
    }

    @Test(
        "with a tenth or a third lost, some doubled and all out of order, bodies arrive whole or fail cleanly",
        arguments: 0..<100)
    func badWeather(seed: UInt64) {
        var weather = RobustConversation.Weather()
        weather.lossPerThousand = seed % 2 == 0 ? 100 : 300
        weather.duplicationPerThousand = 100
        weather.delay = Int64(seed % 5) * 1_000_000_000
        let (up, uploaded) = Self.upload(seed: seed, 1900) { $0.weather = weather }
        // The request has its effect once, whatever the client learns.
        #expect(up.requests.count <= 1)
        #expect(up.requests.allSatisfy { $0.payload == Self.body(1900) })
        #expect(uploaded != nil)
        if uploaded == .done(Response(.changed)) { #expect(up.requests.count == 1) }
        let (_, downloaded) = Self.download(seed: seed, 1900) { $0.weather = weather }
        switch downloaded {
        case .done(let response): #expect(response.payload == Self.body(1900))
        case .failed(.timeout): break
        default: Issue.record("\(String(describing: downloaded))")
        }
    }

    @Test("a tenth lost fails hardly ever")
    func mostlyWhole() {
        var done = 0
        for seed in 0..<100 as Range<UInt64> {
            let (_, outcome) = Self.upload(seed: seed, 1900) { $0.weather.lossPerThousand = 100 }
            if outcome == .done(Response(.changed)) { done += 1 }
            if case .done = Self.download(seed: seed, 1900, { $0.weather.lossPerThousand = 100 }).outcome { done += 1 }
        }
        // The final answer to a body is not repeated when it gets lost: nobody confirms it.
        #expect(done >= 175, "\(done) of 200")
    }

    @Test("a body that never ends is forgotten, and more than the bound is refused at the first block")
    func bounds() throws {
        let limits = ServerSession.Limits(bodyBytes: 1000)
        let conversation = RobustConversation(seed: 1, Self.put(1500), limits: limits) { _ in Response(.changed) }
        let outcome = conversation.run(for: Self.hour)
        guard case .done(let response) = outcome else {
            Issue.record("\(String(describing: outcome))")
            return
        }
        #expect(response.code == .requestEntityTooLarge && response.option(.size1)?.uint == 1000)

        let halted = RobustConversation(seed: 1, Self.put(1500)) { _ in Response(.changed) }
        halted.loses = { up, count in !up || count > 3 }
        #expect(halted.run(for: Self.hour) == .failed(.timeout))
        halted.server.handleTimeout(now: halted.now + Self.hour)
        #expect(halted.server.bodyBytesHeld == 0)
    }

    @Test("who does not know the options answers 4.02, and blocks of RFC 7959 are for him; the two kinds do not mix")
    func fallback() {
        let request = Request(.get, options: [BlockOption(number: 0, more: true, exponent: 2).option(.qBlock2)])
        guard case .refused(let response, .qBlock2?) = RequestScreen().verdict(on: request) else {
            Issue.record("not refused")
            return
        }
        #expect(response.code == .badOption)
        var transfer = RobustTransfer(
            Request(.get), requestTag: [1], timing: RobustTiming(.rfc7252, blockBytes: 1100), draw: 1, now: 0)
        _ = transfer.nextRequest(now: 0)
        transfer.receive(response, now: 1)
        #expect(transfer.outcome == .failed(.notSupported))
        var mixed = request
        mixed.options.insert(BlockOption(number: 0, more: false, exponent: 2).option(.block2), at: 0)
        guard case .refused(let refusal, _) = RequestScreen(understandsRobustBlocks: true).verdict(on: mixed) else {
            Issue.record("not refused")
            return
        }
        #expect(refusal.code == .badOption)
    }

    @Test("the report of missing blocks is a sequence of CBOR integers, the shortest for each")
    func report() {
        #expect(
            MissingBlocks.encoded([1, 23, 24, 255, 256, 65_535, 65_536]) == [
                0x01, 0x17, 0x18, 0x18, 0x18, 0xFF, 0x19, 0x01, 0x00, 0x19, 0xFF, 0xFF, 0x1A, 0x00, 0x01, 0x00, 0x00,
            ])
        #expect(MissingBlocks.decoded(MissingBlocks.encoded([0, 9, 1000, 1 << 20 - 1])) == [0, 9, 1000, 1 << 20 - 1])
        for hostile: [UInt8] in [
            [0x18], [0x19, 1], [0x1A, 0, 0, 1], [0x1B, 0, 0, 0, 0, 0, 0, 0, 1], [0x20], [0x80], [0x1A, 0, 0x10, 0, 0],
            [UInt8](repeating: 0, count: 300),
        ] {
            #expect(MissingBlocks.decoded(hostile) == nil)
        }
    }

    @Test("blocks that do not fit together, from either side, end the transfer and nothing else", arguments: 0..<300)
    func hostile(seed: UInt64) {
        var dice = seed &* 0x9E37_79B9_7F4A_7C15 | 1
        func draw(_ bound: UInt64) -> UInt64 {
            dice = dice &* 0x5851_F42D_4C95_7F2D &+ 0x1405_7B7E_F767_814F
            return (dice >> 33) % bound
        }
        let timing = RobustTiming(.rfc7252, blockBytes: 100)
        var server = ServerSession(endpoint: Endpoint(parameters: .rfc7252, seed: seed, firstMessageID: 0))
        var transfer = RobustTransfer(Self.put(700), exponent: 2, requestTag: [1], timing: timing, draw: 1, now: 0)
        var now: Int64 = 0
        for index in 0..<200 {
            now += Int64(draw(3_000_000_000))
            let number: OptionNumber = draw(2) == 0 ? .qBlock1 : .qBlock2
            let block = MessageOption(number, uint: draw(4) == 0 ? draw(1 << 24) : draw(300))
            var options = [MessageOption(.uriPath, [0x61]), block]
            if draw(4) > 0 { options.append(MessageOption(.size1, uint: draw(4) == 0 ? draw(1 << 32) : draw(2000))) }
            if draw(4) > 0 { options.append(MessageOption(.requestTag, [UInt8(draw(3))])) }
            let payload = Self.body([0, 16, 32, 64, 65, 1024][Int(draw(6))])
            let message = Message(
                type: draw(2) == 0 ? .confirmable : .nonConfirmable, code: draw(2) == 0 ? .put : .get,
                messageID: UInt16(index), token: [UInt8(draw(4))], options: options, payload: payload)
            if let bytes = try? message.encoded() { server.receive(bytes, now: now) }
            while let event = server.nextEvent() {
                guard case .request(let id, _) = event else { continue }
                server.respond(to: id, Response(.content, payload: Self.body(Int(draw(3000)))), now: now)
            }
            if draw(5) == 0 { server.handleTimeout(now: now) }
            while let transmission = server.nextTransmission() {
                if transmission.isConfirmable { server.endpoint.sent(transmission.handle, lastBitAt: now) }
            }
            #expect(server.bodyBytesHeld <= 4 * 65_536)
            var answer = [block, MessageOption(.size2, uint: draw(2000)), MessageOption(.eTag, [UInt8(draw(2))])]
            if draw(3) == 0 { answer.append(MessageOption(.contentFormat, uint: 272)) }
            let codes: [Code] = [.continue, .requestEntityIncomplete, .content, .continue, .continue]
            transfer.receive(Response(codes[Int(draw(5))], options: answer, payload: payload), now: now)
            while transfer.nextRequest(now: now) != nil {}
            transfer.handleTimeout(now: now)
        }
    }
}
