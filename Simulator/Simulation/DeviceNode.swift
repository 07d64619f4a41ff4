internal import CoAP
internal import DeviceClient
internal import GatewayCore
internal import LinkModel
internal import Links
internal import NoiseSodium
internal import SecureDatagram

/// A device in the simulation: its machine, its application, and what it has done.
final class DeviceNode {
    typealias Machine = DeviceClient<WireSuite, SeededEntropy>

    /// A confirmed datagram of a device without protocols, until it is answered.
    struct Outstanding {
        var message: Int
        var copies: Int
        var bytes: Int
        /// nil: its last bit has not left yet.
        var repeatAt: Int64?
    }

    let index: Int
    let name: String
    let room: String
    let group: Int
    let link: Int
    /// Its index on the link.
    let place: Int
    let address: PeerAddress
    let entropy: SeededEntropy
    var traffic: SeededStream
    var machine: Machine?
    var identity: DeviceIdentity?
    /// What a device with a provisioned session begins with.
    var state: [UInt8]?
    /// When its timer is set to; what it is set to later counts.
    var timer: Int64 = .max
    /// Messages whose turn has not come.
    var waiting: [Int] = []
    var nextWaiting = 0
    /// Which traffic a message belongs to.
    var kinds: [Int: Int] = [:]
    /// When each periodic traffic was due last, and how far each burst is.
    var periods: [Int: Int64] = [:]
    var bursts: [Int: Int] = [:]
    var underWay: (handle: Machine.RequestID, message: Int)?
    /// Not before: the gateway told it to wait.
    var notBefore: Int64 = .min
    /// Messages that may still reach the gateway's journal, with their bodies.
    var unjournalled: [(message: Int, body: [UInt8])] = []
    /// What was said to it and is not heard.
    var said: [(message: Int, text: String)] = []
    /// Without protocols.
    var outstanding: [Outstanding] = []
    var datagrams = 0
    var airtimeUp: Int64 = 0
    var airtimeDown: Int64 = 0

    init(
        index: Int, name: String, group: Int, link: Int, place: Int, seed: UInt64
    ) {
        self.index = index
        self.name = name
        self.group = group
        self.link = link
        self.place = place
        room = "!\(name):\(ModelledHomeserver.serverName)"
        let number = index + 1
        address = PeerAddress(
            ip: [
                10, UInt8(truncatingIfNeeded: number >> 16), UInt8(truncatingIfNeeded: number >> 8),
                UInt8(truncatingIfNeeded: number),
            ], port: 5683)
        entropy = SeededEntropy(seed: seed, purpose: 0x1_0000_0000 + UInt64(index))
        traffic = SeededStream(seed: seed, purpose: 0x2_0000_0000 + UInt64(index))
    }

    var hasWaiting: Bool { nextWaiting < waiting.count }

    func takeWaiting() -> Int? {
        guard nextWaiting < waiting.count else { return nil }
        defer {
            nextWaiting += 1
            if nextWaiting > 256 {
                waiting.removeFirst(nextWaiting)
                nextWaiting = 0
            }
        }
        return waiting[nextWaiting]
    }
}
