import Noise
import NoiseSodium
import TestSupport
import Testing

@testable import SecureDatagram

/// A gateway with one channel for each of its devices, and what the devices need to speak to it. Ephemeral keys come
/// from a seed: a test is the same every time.
struct Gatehouse {
    typealias Channel = GatewayChannel<WireSuite>

    /// What `receive` gave, in a form that compares.
    enum Seen: Equatable {
        case frame(Channel.FrameID, [UInt8])
        case handshake(counter: UInt64, request: [UInt8])
        case repeatedAnswer([UInt8])
        case repeated(Channel.FrameID, [UInt8])
        case dropped(Channel.Drop)
        /// No datagram of ours, or one that names no device here.
        case nobody
    }

    static let limits = Channel.Limits(
        repeats: RepeatLimit(most: 5, interval: 1_000_000_000), previousLifetime: 600_000_000_000)

    /// Where and when what is received comes in; each time long enough after the time before.
    var arrival = Arrival(source: 1, now: 0)
    private(set) var lastWasNewest: Bool?
    let gatewayKey = [UInt8](repeating: 0x42, count: 32)
    var channels: [DeviceNumber: Channel] = [:]
    private var random = SplitMix64(seed: 15)
    private(set) var lastResponder: (frame: Channel.FrameID, responder: Responder<WireSuite>)?

    init(devices: [UInt32] = [5]) throws {
        for device in devices { channels[try #require(DeviceNumber(device))] = Channel(limits: Self.limits) }
    }

    static func deviceKey(_ device: DeviceNumber) -> [UInt8] {
        [UInt8](repeating: UInt8(truncatingIfNeeded: device.rawValue), count: 31) + [0x40]
    }

    mutating func ephemeral() -> [UInt8] { random.bytes(32) }

    mutating func initiator(
        _ device: DeviceNumber, counter: UInt64, revision: UInt64 = 0, request: [UInt8] = [0xAA]
    ) throws -> Initiator<WireSuite> {
        try Initiator<WireSuite>(
            device: device,
            keys: HandshakeKeys(privateKey: Self.deviceKey(device), peerKey: WireSuite.publicKey(of: gatewayKey)),
            payload: FirstPayload(counter: counter, revision: revision, request: request), ephemeral: ephemeral())
    }

    mutating func receive(_ datagram: [UInt8]) -> Seen {
        guard let parsed = FrameHeader.parse(datagram, fromDevice: true), let device = parsed.device,
            var channel = channels[device]
        else { return .nobody }
        arrival.now += Self.limits.repeats.interval
        let keys = HandshakeKeys(
            privateKey: gatewayKey, peerKey: WireSuite.publicKey(of: Self.deviceKey(device)))
        let received: Channel.Received
        if parsed.opening == .kk {
            received =
                channel.repeatedHandshake(Channel.hash(of: datagram, parsed), arrival)
                ?? channel.receiveHandshake(datagram, parsed, [keys])
        } else if case .transport = parsed.header {
            received = channel.receiveFrame(datagram, parsed, arrival)
        } else {
            return .nobody
        }
        channels[device] = channel
        switch received {
        case .frame(let frame, let plaintext): return .frame(frame, plaintext)
        case .handshake(let frame, let responder):
            lastResponder = (frame, responder)
            return .handshake(counter: responder.payload.counter, request: responder.payload.request)
        case .repeatedAnswer(let bytes, let isNewest):
            lastWasNewest = isNewest
            return .repeatedAnswer(bytes)
        case .repeated(let frame, let plaintext): return .repeated(frame, plaintext)
        case .dropped(let drop): return .dropped(drop)
        }
    }

    /// Answers the handshake that came last.
    mutating func reply(_ status: HandshakeStatus, answer: [UInt8] = []) throws -> [UInt8] {
        let (frame, responder) = try #require(lastResponder)
        let ephemeral = ephemeral()
        let message2 = try channels[try #require(responder.device)]?.reply(
            to: responder, frame: frame, status, answer: answer, ephemeral: ephemeral, arrival)
        return try #require(message2)
    }

    /// A whole handshake; the device's session, which the gateway has not seen in use yet.
    mutating func shakeHands(_ device: DeviceNumber, counter: UInt64) throws -> WireSession {
        let initiator = try initiator(device, counter: counter)
        #expect(receive(initiator.message1) == .handshake(counter: counter, request: [0xAA]))
        let isNew = try #require(channels[device]).handshakeCounter < counter
        let last = try #require(channels[device]).handshakeCounter
        return try initiator.receive(try reply(isNew ? .accepted : .staleCounter(last: last))).session
    }

    /// What has to be the same before and after a datagram that is dropped.
    func state(of device: DeviceNumber) throws -> [[UInt8]] {
        let channel = try #require(channels[device])
        var state = channel.sessions.map { $0?.encoded() ?? [] }
        state.append([UInt8(truncatingIfNeeded: channel.handshakeCounter)])
        state.append((channel.answeredHandshake?.hash ?? []) + (channel.answeredHandshake?.message2 ?? []))
        return state
    }

    func failures(of device: DeviceNumber) -> UInt64 {
        channels[device]?.sessions.reduce(0) { $0 + ($1?.failures ?? 0) } ?? 0
    }
}
