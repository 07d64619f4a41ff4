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

    let gatewayKey = [UInt8](repeating: 0x42, count: 32)
    var channels: [DeviceNumber: Channel] = [:]
    private var random = SplitMix64(seed: 15)
    private(set) var lastResponder: (frame: Channel.FrameID, responder: Responder<WireSuite>)?

    init(devices: [UInt32] = [5]) throws {
        for device in devices { channels[try #require(DeviceNumber(device))] = Channel() }
    }

    static func deviceKey(_ device: DeviceNumber) -> [UInt8] {
        [UInt8](repeating: UInt8(truncatingIfNeeded: device.rawValue), count: 31) + [0x40]
    }

    mutating func ephemeral() -> [UInt8] { random.bytes(32) }

    mutating func initiator(
        _ device: DeviceNumber, counter: UInt64, revision: UInt64 = 0, request: [UInt8] = [0xAA]
    ) throws -> Initiator<WireSuite> {
        try Initiator<WireSuite>(
            device: device, privateKey: Self.deviceKey(device), gatewayKey: WireSuite.publicKey(of: gatewayKey),
            counter: counter, revision: revision, request: request, ephemeral: ephemeral())
    }

    mutating func receive(_ datagram: [UInt8]) -> Seen {
        guard let parsed = FrameHeader.parse(datagram, fromDevice: true), let device = parsed.device,
            var channel = channels[device]
        else { return .nobody }
        let received = channel.receive(
            datagram, parsed: parsed, gatewayPrivateKey: gatewayKey,
            deviceKey: WireSuite.publicKey(of: Self.deviceKey(device)))
        channels[device] = channel
        switch received {
        case .frame(let frame, let plaintext): return .frame(frame, plaintext)
        case .handshake(let frame, let responder):
            lastResponder = (frame, responder)
            return .handshake(counter: responder.counter, request: responder.request)
        case .repeatedAnswer(let bytes): return .repeatedAnswer(bytes)
        case .repeated(let frame, let plaintext): return .repeated(frame, plaintext)
        case .dropped(let drop): return .dropped(drop)
        }
    }

    /// Answers the handshake that came last.
    mutating func reply(_ status: HandshakeStatus, answer: [UInt8] = []) throws -> [UInt8] {
        let (frame, responder) = try #require(lastResponder)
        let ephemeral = ephemeral()
        let message2 = try channels[responder.device]?.reply(
            to: responder, frame: frame, status, answer: answer, ephemeral: ephemeral)
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
