import CBOR
import CoAP
import CompactMatrix
import Foundation
import Noise
import NoiseSodium
import Testing

@testable import SecureDatagram

/// Docs/Protocol.md promises bytes; here the code has to keep the promise.
@Suite("The vectors of Docs/Protocol.md")
struct ProtocolDocumentTests {
    typealias Bytes = [UInt8]

    /// `name = hex` lines of the document's block of kind `vectors`; a long value goes on in indented lines.
    let document: [String: Bytes]

    init() throws {
        let file = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Docs/Protocol.md")
        let lines = try String(contentsOf: file, encoding: .utf8).components(separatedBy: "\n")
        var document: [String: Bytes] = [:]
        var inside = false
        var name = ""
        for line in lines {
            if line.hasPrefix("```") {
                inside = line == "```vectors"
                continue
            }
            guard inside, !line.isEmpty, !line.hasPrefix("#") else { continue }
            var digits = line
            if !line.hasPrefix(" ") {
                let parts = line.components(separatedBy: "=")
                try #require(parts.count == 2, "no vector: \(line)")
                name = parts[0].trimmingCharacters(in: .whitespaces)
                digits = parts[1]
                try #require(document[name] == nil, "\(name) stands twice")
            }
            document[name, default: []] += try Self.bytes(digits)
        }
        try #require(!document.isEmpty, "no vectors in \(file.path)")
        self.document = document
    }

    @Test("every vector comes out byte for byte, and none is left unchecked")
    func vectors() throws {
        var computed = try handshakeAndFrames()
        computed.merge(try label()) { first, _ in first }
        computed.merge(try provisioned()) { first, _ in first }
        computed.merge(numbers()) { first, _ in first }
        computed.merge(try bodies()) { first, _ in first }
        computed.merge(try compactHeaders()) { first, _ in first }
        for (name, bytes) in computed.sorted(by: { $0.key < $1.key }) {
            #expect(document[name].map(Self.hex) == Self.hex(bytes), "\(name) = \(Self.hex(bytes))")
        }
        for name in document.keys.sorted() where !Self.inputs.contains(name) {
            #expect(computed[name] != nil, "\(name) is checked by nothing")
        }
    }

    /// Vectors from which the others follow.
    static let inputs: Set = [
        "device_private_key", "gateway_private_key", "device_ephemeral_private_key", "gateway_ephemeral_private_key",
        "label_secret",
    ]

    private func input(_ name: String) throws -> Bytes {
        let bytes = try #require(document[name], "\(name) is missing")
        try #require(Self.inputs.contains(name) && bytes.count == (name == "label_secret" ? 16 : 32))
        return bytes
    }

    // MARK: What is computed

    private func handshakeAndFrames() throws -> [String: Bytes] {
        var found: [String: Bytes] = [:]
        let number = try #require(DeviceNumber(7))
        let deviceKey = try input("device_private_key")
        let gatewayKey = try input("gateway_private_key")
        let devicePublicKey = WireSuite.publicKey(of: deviceKey)
        let gatewayPublicKey = WireSuite.publicKey(of: gatewayKey)
        found["device_public_key"] = devicePublicKey
        found["gateway_public_key"] = gatewayPublicKey
        found["prologue"] = HandshakeKind.kk.prologue(number)

        // The first request, in message 1.
        let request = try Message(
            type: .confirmable, code: .post, messageID: 0x1234,
            options: [MessageOption(.uriPath, Resource.text.segment)], payload: Uplink.text("hello").body
        ).encoded()
        let initiator = try Initiator<WireSuite>(
            device: number, keys: HandshakeKeys(privateKey: deviceKey, peerKey: gatewayPublicKey),
            payload: FirstPayload(counter: 1, revision: 0, request: request),
            ephemeral: try input("device_ephemeral_private_key"))
        let message1 = initiator.message1
        let parsed = try #require(FrameHeader.parse(message1, fromDevice: true))
        let responder = try Responder<WireSuite>(
            datagram: message1, parsed: parsed,
            keys: HandshakeKeys(privateKey: gatewayKey, peerKey: devicePublicKey))
        #expect(responder.device == number)
        #expect(responder.payload == FirstPayload(counter: 1, revision: 0, request: request))
        found["request"] = request
        found["payload_1"] = Self.varint(1) + Self.varint(0) + request
        found["message_1"] = message1
        found["message_1_hash"] = GatewayChannel<WireSuite>.hash(of: message1, parsed)

        let answer = try Message(type: .acknowledgement, code: .changed, messageID: 0x1234).encoded()
        var (message2, gateway) = try responder.reply(
            .accepted, answer: answer, ephemeral: try input("gateway_ephemeral_private_key"))
        var (device, status, received) = try initiator.receive(message2)
        #expect(status == .accepted && received == answer && device.id == gateway.id)
        found["answer"] = answer
        found["payload_2"] = HandshakeStatus.accepted.encoded + answer
        found["message_2"] = message2
        found["status_stale_300"] = HandshakeStatus.staleCounter(last: 300).encoded
        found["status_revision_0"] = HandshakeStatus.unknownRevision(own: 0).encoded
        found["session_id"] = device.id
        found["key_up_0"] = device.sending.key.bytes
        found["key_down_0"] = device.receiving.key.bytes

        // Two frames each way: the device asks for what arrives, and a message arrives.
        let register = try Message(
            type: .confirmable, code: .get, messageID: 0x1235, token: [0x01],
            options: [MessageOption(.observe, uint: 0), MessageOption(.uriPath, Resource.messages.segment)]
        ).encoded()
        let registered = try Message(
            type: .acknowledgement, code: .content, messageID: 0x1235, token: [0x01],
            options: [MessageOption(.observe, uint: 0), MessageOption(.maxAge, uint: 3600)]
        ).encoded()
        let push = try Message(
            type: .confirmable, code: .content, messageID: 0xABCD, token: [0x01],
            options: [
                MessageOption(.observe, uint: 1), MessageOption(.maxAge, uint: 3600),
            ],
            payload: Self.message.body
        ).encoded()
        let confirmation = try Message.empty(.acknowledgement, 0xABCD).encoded()
        found["up_0_plaintext"] = register
        found["up_0"] = try Self.carry(register, from: &device, to: &gateway)
        found["down_0_plaintext"] = registered
        found["down_0"] = try Self.carry(registered, from: &gateway, to: &device)
        device.confirm(0)
        found["down_1_plaintext"] = push
        found["down_1"] = try Self.carry(push, from: &gateway, to: &device)
        found["up_1_plaintext"] = confirmation
        found["up_1"] = try Self.carry(confirmation, from: &device, to: &gateway)

        // The first frame of the next epoch.
        for passed in UInt64(2)..<1024 {
            _ = try Self.carry(confirmation, from: &device, to: &gateway)
            device.confirm(passed)
        }
        found["up_1024"] = try Self.carry(request, from: &device, to: &gateway)
        found["key_up_1"] = device.sending.key.bytes
        #expect(gateway.receiving.key.bytes == device.sending.key.bytes)
        found["hint"] = Hint.write(answering: try #require(found["up_0"]), WireSuite.self)
        return found
    }

    private func label() throws -> [String: Bytes] {
        let number = try #require(DeviceNumber(7))
        let psk = Label.presharedKey(WireSuite.self, secret: try input("label_secret"))
        var device = try LabelInitiator<WireSuite>(
            device: number, privateKey: try input("device_private_key"), presharedKey: psk,
            payload: FirstPayload(counter: 1, revision: 0, request: []),
            ephemeral: try input("device_ephemeral_private_key"))
        var found = ["label_psk": psk, "label_message_1": device.message]
        let first = try #require(FrameHeader.parse(device.message, fromDevice: true))
        let responder = try LabelResponder<WireSuite>(
            datagram: device.message, parsed: first,
            keys: HandshakeKeys(privateKey: try input("gateway_private_key"), presharedKey: psk),
            ephemeral: try input("gateway_ephemeral_private_key"))
        found["label_message_2"] = responder.message2
        try device.receive(responder.message2)
        found["label_message_3"] = device.message
        let third = try #require(FrameHeader.parse(device.message, fromDevice: true))
        var opened = try responder.receive(device.message, third)
        #expect(opened.deviceKey == WireSuite.publicKey(of: try input("device_private_key")))
        #expect(device.gatewayKey == WireSuite.publicKey(of: try input("gateway_private_key")))
        let confirmation = try opened.session.seal([]).bytes
        found["label_confirmation"] = confirmation
        let isConfirmed = device.confirm(confirmation)
        #expect(isConfirmed)
        #expect(device.session?.id == opened.session.id)
        return found
    }

    private func provisioned() throws -> [String: Bytes] {
        let number = try #require(DeviceNumber(7))
        var pair = try Session<WireSuite>.provision(
            for: number,
            ephemerals: (
                try input("device_ephemeral_private_key"), try input("gateway_ephemeral_private_key")
            ))
        #expect(pair.device.id == pair.gateway.id)
        return [
            "provisioned_id": pair.device.id, "provisioned_key_up_0": pair.device.sending.key.bytes,
            "provisioned_key_down_0": pair.device.receiving.key.bytes,
            "provisioned_up_0": try Self.carry([], from: &pair.device, to: &pair.gateway),
        ]
    }

    private func numbers() -> [String: Bytes] {
        var found: [String: Bytes] = [:]
        for number: UInt32 in [0, 127, 128, 16_511, 16_512, 2_113_663] {
            let encoded = DeviceNumber(number)?.encoded ?? []
            found["device_number_\(number)"] = encoded
            #expect(DeviceNumber(encoded, at: 0)?.rawValue == number)
        }
        for value in [0, 127, 128, 300, UInt64.max] {
            let encoded = Self.varint(value)
            var offset = 0
            found["varint_\(value)"] = encoded
            #expect(Varint.read(encoded, at: &offset) == value && offset == encoded.count)
        }
        func header(_ number: UInt64, confirmed: UInt64?, up: Bool) -> Bytes {
            FrameHeader.write(
                number: number, form: FrameHeader.NumberForm(number: number, confirmed: confirmed),
                device: up ? DeviceNumber(7) : nil)
        }
        found["header_up_14_none"] = header(14, confirmed: nil, up: true)
        found["header_up_15_none"] = header(15, confirmed: nil, up: true)
        found["header_up_5000_4985"] = header(5000, confirmed: 4985, up: true)
        found["header_up_5000_4984"] = header(5000, confirmed: 4984, up: true)
        found["header_up_5000_2952"] = header(5000, confirmed: 2952, up: true)
        found["header_down_5000_4985"] = header(5000, confirmed: 4985, up: false)
        found["header_down_5000_4984"] = header(5000, confirmed: 4984, up: false)
        found["header_down_5000_2952"] = header(5000, confirmed: 2952, up: false)
        for (bits, low, next) in [(6, 5, 100), (6, 4, 100), (6, 63, 64), (6, 63, 10), (13, 8191, 9000)] {
            let number = FrameHeader.TruncatedNumber(bits: UInt8(bits), value: UInt64(low)).nearest(to: UInt64(next))
            found["number_\(bits)_\(low)_\(next)"] = [UInt8(number >> 8), UInt8(number & 0xFF)]
        }
        return found
    }

    private func bodies() throws -> [String: Bytes] {
        let temperature = MeasuredValue(name: "temperature", unit: "Cel", mantissa: 215, exponent: -1)
        let humidity = MeasuredValue(name: "humidity", unit: "%RH", mantissa: 40, exponent: 0)
        var content = CBORWriter()
        content.map(1)
        content.text("open")
        content.bool(true)
        let command = Delivery(
            sender: "@alice:example.org", unixSeconds: 1_790_000_000,
            content: .command(verb: "set", arguments: [("rate", "60"), ("now", "")]))
        return [
            "body_text": Uplink.text("hello").body,
            "body_reading": Uplink.reading(Reading(measurements: [temperature, humidity])).body,
            "body_reading_timed": Uplink.reading(
                Reading(unixSeconds: 1_790_000_000, measurements: [temperature])
            ).body,
            "body_event": Uplink.event(type: "org.example.door", content: content.bytes).body,
            "body_message": Self.batch([Self.message]),
            "body_command": Self.batch([command]),
            "body_two": Self.batch([
                Self.message,
                Delivery(sender: command.sender, unixSeconds: 1_790_000_005, content: command.content),
            ]),
        ]
    }

    private static func batch(_ deliveries: [Delivery]) -> Bytes {
        var pass = IdentifierPass.none
        return DeliveryBatch.encode(
            deliveries.map {
                DeliveryBatch.Item(sender: $0.sender, unixSeconds: $0.unixSeconds, content: .said($0.content))
            }, &pass)
    }

    private func compactHeaders() throws -> [String: Bytes] {
        let session = try #require(document["session_id"])
        func request(_ path: Resource = .text, _ options: [MessageOption] = [], _ payload: Bytes) throws -> Bytes {
            try Message(
                type: .confirmable, code: path == .messages ? .get : .post, messageID: 0x1234, token: [1],
                options: options + [MessageOption(.uriPath, path.segment)], payload: payload
            ).encoded()
        }
        func answer(
            _ arrived: CompactConversation.Arrived, _ code: Code, _ options: [MessageOption] = [], _ payload: Bytes = []
        ) throws -> Bytes {
            let asked = try Message(decoding: arrived.message)
            return try Message(
                type: .acknowledgement, code: code, messageID: asked.messageID, token: asked.token, options: options,
                payload: payload
            ).encoded()
        }
        func encode(
            _ message: Bytes, _ frame: UInt64, answering arrived: CompactConversation.Arrived, _ number: UInt64
        ) throws -> Bytes {
            try CompactConversation.encode(answer: message, frame: frame, answered: number, form: arrived.form)
        }
        var found: [String: Bytes] = [:]
        let hello = Uplink.text("hello").body
        let opening = CompactConversation.handshakeFrame
        var device = CompactConversation(session: session, lifetime: 1)
        var gateway = CompactConversation(session: session, lifetime: 1)

        found["compact_handshake_request"] = try device.encode(try request(.text, [], hello), frame: opening, now: 0)
        var arrived = try gateway.decode(found["compact_handshake_request"] ?? [], frame: opening, now: 0)
        found["compact_handshake_answer"] = try encode(
            try answer(arrived, .changed), opening, answering: arrived, opening)

        found["compact_request_5"] = try device.encode(try request(.text, [], hello), frame: 5, now: 0)
        arrived = try gateway.decode(found["compact_request_5"] ?? [], frame: 5, now: 0)
        let accepted = try answer(arrived, .changed)
        found["compact_answer_5"] = try encode(accepted, 9, answering: arrived, 5)
        found["compact_answer_5_anew"] = try CompactConversation.encode(laterAnswer: accepted, form: arrived.form)
        var refusal = try Message(decoding: try answer(arrived, .tooManyRequests))
        refusal.payload = DeviceRefusal(usual: .tooManyRequests, maxAge: 8).payload
        found["compact_refusal_5"] = try encode(try refusal.encoded(), 9, answering: arrived, 5)

        var holding = CompactConversation(session: session, lifetime: 1)
        holding.hold([1], now: 0)
        found["compact_request_33_held"] = try holding.encode(try request(.text, [], hello), frame: 33, now: 0)
        arrived = try gateway.decode(found["compact_request_33_held"] ?? [], frame: 33, now: 0)
        found["compact_answer_33_held"] = try encode(try answer(arrived, .changed), 9, answering: arrived, 33)

        let registration = try request(.messages, [MessageOption(.observe, uint: 0)], [])
        found["compact_registration_0"] = try device.encode(registration, frame: 0, now: 0)
        arrived = try gateway.decode(found["compact_registration_0"] ?? [], frame: 0, now: 0)
        let registered = try answer(
            arrived, .content, [MessageOption(.observe, uint: 0), MessageOption(.maxAge, uint: 3600)])
        found["compact_registered_0"] = try encode(registered, 0, answering: arrived, 0)

        let name = DeliveryName(session: session, frame: 1)
        found["delivery_name"] = name.tag
        for (frame, options, suffix) in [(1, [], "1"), (34, [MessageOption(.eTag, name.tag)], "34_again")]
            as [(UInt64, [MessageOption], String)]
        {
            let pushed = try Message(
                type: .confirmable, code: .content, messageID: 0xABCD, token: [2],
                options: options + [MessageOption(.observe, uint: frame), MessageOption(.maxAge, uint: 3600)],
                payload: Self.batch([Self.message])
            ).encoded()
            let bytes = try gateway.encode(pushed, frame: frame, observation: [2], now: 0)
            found["compact_notification_" + suffix] = bytes
            arrived = try device.decode(bytes, frame: frame, observation: [1], now: 0)
            let heard = try Message(decoding: arrived.message)
            #expect(heard.payload == Self.batch([Self.message]) && heard.token == [1])
            let acknowledgement = try Message.empty(.acknowledgement, heard.messageID).encoded()
            found["compact_acknowledgement_" + suffix] = try encode(acknowledgement, 9, answering: arrived, frame)
        }
        found["compact_ping_0"] = try device.encode(try Message.empty(.confirmable, 7).encoded(), frame: 0, now: 0)
        arrived = try gateway.decode(found["compact_ping_0"] ?? [], frame: 0, now: 0)
        let reset = try Message.empty(.reset, try Message(decoding: arrived.message).messageID).encoded()
        found["compact_pong_0"] = try encode(reset, 0, answering: arrived, 0)
        return found
    }

    // MARK: Pieces

    private static let message = Delivery(
        sender: "@alice:example.org", unixSeconds: 1_790_000_000, content: .message("hi"))

    private static func carry(
        _ plaintext: Bytes, from sender: inout Session<WireSuite>, to receiver: inout Session<WireSuite>
    ) throws -> Bytes {
        let frame = try sender.seal(plaintext)
        let parsed = try #require(FrameHeader.parse(frame.bytes, fromDevice: sender.role == .device))
        #expect(try receiver.open(frame.bytes, parsed) == .fresh(number: frame.number, plaintext: plaintext))
        return frame.bytes
    }

    private static func varint(_ value: UInt64) -> Bytes {
        var bytes: Bytes = []
        Varint.append(value, to: &bytes)
        return bytes
    }

    private static func bytes(_ text: String) throws -> Bytes {
        let digits = text.compactMap { $0 == " " ? nil : $0.hexDigitValue.map(UInt8.init) }
        try #require(text.filter { $0 != " " }.count == digits.count && digits.count % 2 == 0, "no hex: \(text)")
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    private static func hex(_ bytes: Bytes) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
