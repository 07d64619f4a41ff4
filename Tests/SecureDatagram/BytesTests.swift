import Foundation
import Noise
import NoiseSodium
import Testing

@testable import SecureDatagram

/// What the channel costs on the air, in UDP payload bytes. Docs/Protocol.md has the same table, and is compared with it.
@Suite("Bytes on the air")
struct BytesTests {
    struct Row {
        var what: String
        /// In turn, the device's first where it begins.
        var datagrams: [Int]
        var most: Int

        var total: Int { datagrams.reduce(0, +) }
        var line: String {
            "| \(what) | \(datagrams.map(String.init).joined(separator: " + ")) | \(total) | \(most) |"
        }
    }

    private static func filled(_ count: Int) -> [UInt8] { [UInt8](repeating: 7, count: count) }
    private static let deviceKey = filled(32)
    private static let gatewayKey = [UInt8](repeating: 9, count: 32)
    private static let ephemeral = [UInt8](repeating: 5, count: 32)

    private func parsed(_ datagram: [UInt8]) throws -> FrameHeader.Parsed {
        try #require(FrameHeader.parse(datagram, fromDevice: true))
    }

    /// What a frame adds to its plaintext, in the direction of `role`.
    private func overhead(_ role: WireSession.Role, device: UInt32 = 5) throws -> Int {
        let pair = try Pair(number: device)
        var sender = role == .device ? pair.device : pair.gateway
        return try sender.seal(Self.filled(20)).bytes.count - 20
    }

    /// What a frame's overhead grows by when its sender has been killed: then each side's own numbers, until one of them is
    /// confirmed, and thereafter.
    private func afterRestart(_ role: WireSession.Role) throws -> (first: Int, confirmed: Int) {
        let pair = try Pair()
        var (sender, receiver) = role == .device ? (pair.device, pair.gateway) : (pair.gateway, pair.device)
        let usual = try overhead(role)
        var dearest = 0
        for number in UInt64(0)..<200 {
            let frame = try sender.seal([1])
            _ = try receiver.open(datagram: frame.bytes)
            sender.confirm(frame.number)
            // Killed here: what was leased is skipped.
            var restarted = try #require(WireSession(decoding: sender.encoded()))
            dearest = max(dearest, try restarted.seal([1]).bytes.count - 1 - usual)
            if number == 100 { sender = restarted }
        }
        var restarted = try #require(WireSession(decoding: sender.encoded()))
        let frame = try restarted.seal([1])
        _ = try receiver.open(datagram: frame.bytes)
        restarted.confirm(frame.number)
        return (dearest, try restarted.seal([1]).bytes.count - 1 - usual)
    }

    private func exchange(
        _ kind: HandshakeKind, secret: [UInt8], code: [UInt8] = [], _ status: HandshakeStatus, up: Int, down: Int
    ) throws -> (message1: [UInt8], message2: [UInt8]) {
        let usesKeys = kind != .nnpsk0
        let device = kind == .ik ? nil : DeviceNumber(5)
        let initiator = try Initiator<WireSuite>(
            kind, device: device,
            keys: HandshakeKeys(
                privateKey: usesKeys ? Self.deviceKey : [],
                peerKey: usesKeys ? WireSuite.publicKey(of: Self.gatewayKey) : [], presharedKey: secret),
            payload: FirstPayload(counter: 1, revision: 0, code: code, request: Self.filled(up)),
            ephemeral: Self.ephemeral)
        let responder = try Responder<WireSuite>(
            datagram: initiator.message1, parsed: try parsed(initiator.message1),
            keys: HandshakeKeys(
                privateKey: usesKeys ? Self.gatewayKey : [],
                peerKey: kind == .kk ? WireSuite.publicKey(of: Self.deviceKey) : [], presharedKey: secret))
        let (message2, _) = try responder.reply(status, answer: Self.filled(down), ephemeral: Self.ephemeral)
        #expect(try initiator.receive(message2).answer.count == down)
        return (initiator.message1, message2)
    }

    private func label() throws -> [Int] {
        let secret = Label.presharedKey(WireSuite.self, secret: Self.filled(16))
        var device = try LabelInitiator<WireSuite>(
            device: try #require(DeviceNumber(5)), privateKey: Self.deviceKey, presharedKey: secret,
            payload: FirstPayload(counter: 1, revision: 0, request: []), ephemeral: Self.ephemeral)
        let message1 = device.message
        let gateway = try LabelResponder<WireSuite>(
            datagram: message1, parsed: try parsed(message1),
            keys: HandshakeKeys(privateKey: Self.gatewayKey, presharedKey: secret), ephemeral: Self.ephemeral)
        try device.receive(gateway.message2)
        var (_, session) = try gateway.receive(device.message, try parsed(device.message))
        let confirmation = try session.seal([]).bytes
        let isConfirmed = device.confirm(confirmation)
        #expect(isConfirmed)
        return [message1.count, gateway.message2.count, device.message.count, confirmation.count]
    }

    /// A retry, and message 1 with the cookie that it brought.
    private func retry(to message1: [UInt8]) throws -> (retry: Int, again: Int) {
        let retry = Retry.write(
            answering: GatewayChannel<WireSuite>.hash(of: message1, try parsed(message1)), cookie: Self.filled(8))
        let again = Retry.message1(message1, header: 2, .kk, following: retry, WireSuite.self)
        return (retry.count, try #require(again).count)
    }

    private func rows() throws -> [Row] {
        let enrolled = HandshakeStatus.enrolled(try #require(DeviceNumber(5)))
        let code = Self.filled(7)
        let kk = try exchange(.kk, secret: [], .accepted, up: 30, down: 20)
        let kkpsk0 = try exchange(.kk, secret: Self.filled(32), .accepted, up: 30, down: 20)
        let nnpsk0 = try exchange(.nnpsk0, secret: Self.filled(32), .accepted, up: 30, down: 20)
        let bare = try exchange(.ik, secret: [], code: code, enrolled, up: 0, down: 0)
        // Counter, revision, length and code are 10 of the 34 bytes; status and number 2 of the 24.
        let full = try exchange(.ik, secret: [], code: code, enrolled, up: 24, down: 22)
        let (retry, again) = try retry(to: kk.message1)
        let restarts = (try afterRestart(.device), try afterRestart(.gateway))
        #expect(restarts.0.confirmed == 0 && restarts.1.confirmed == 0)
        return [
            Row(what: "a frame up adds, device number of 1 byte", datagrams: [try overhead(.device)], most: 18),
            Row(what: "of 2 bytes", datagrams: [try overhead(.device, device: 300)], most: 19),
            Row(what: "of 3 bytes", datagrams: [try overhead(.device, device: 20_000)], most: 20),
            Row(what: "a frame down adds", datagrams: [try overhead(.gateway)], most: 17),
            Row(
                what: "more after a kill of the device, until the first confirmation", datagrams: [restarts.0.first],
                most: 1),
            Row(
                what: "more after a kill of the gateway, until the first confirmation", datagrams: [restarts.1.first],
                most: 1),
            Row(
                what: "KK, request of 30 bytes, answer of 20",
                datagrams: [kk.message1.count, kk.message2.count], most: 154),
            Row(what: "KKpsk0, the same", datagrams: [kkpsk0.message1.count, kkpsk0.message2.count], most: 154),
            Row(what: "NNpsk0, the same", datagrams: [nnpsk0.message1.count, nnpsk0.message2.count], most: 154),
            Row(
                what: "enrolment by code (IK), no request", datagrams: [bare.message1.count, bare.message2.count],
                most: 165),
            Row(
                what: "enrolment by code (IK), payloads of 34 and 24 bytes",
                datagrams: [full.message1.count, full.message2.count], most: 218),
            Row(what: "enrolment by label (XXpsk0)", datagrams: try label(), most: 233),
            Row(what: "provisioned session", datagrams: [], most: 0),
            Row(what: "retry", datagrams: [retry], most: 13),
            Row(what: "message 1 with a cookie adds", datagrams: [again - kk.message1.count], most: 8),
            Row(what: "hint", datagrams: [Hint.write(answering: kk.message1, WireSuite.self).count], most: 5),
        ]
    }

    @Test("are within their bounds, and those of Docs/Protocol.md")
    func table() throws {
        let file = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Docs/Protocol.md")
        let document = try String(contentsOf: file, encoding: .utf8).components(separatedBy: "\n")
        print("| what | datagrams | bytes | at most |\n|---|---|---|---|")
        for row in try rows() {
            print(row.line)
            #expect(row.total <= row.most, "\(row.what)")
            #expect(document.contains(row.line), "Docs/Protocol.md has not: \(row.line)")
        }
    }
}
