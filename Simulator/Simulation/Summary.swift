internal import DeviceClient
public import LinkModel

/// What a run came to. Times are nanoseconds.
public struct Summary: Sendable {
    /// What one sub-band's limit of airtime leaves, in one direction of a link.
    public struct BandUse: Sendable {
        public var link: Int
        public var heading: Heading
        public var band: SubBand
        /// In each slice: the most that any one sender had used in the window before, nanoseconds.
        public var most: [Int64]
    }

    public var offered = 0
    public var accepted = 0
    public var refused = 0
    public var unanswered = 0
    public var handshakes = 0
    public var said = 0
    /// From a message's creation until it was in the gateway's journal, and in the room; from a word until it was heard.
    public var journalled: [Int64] = []
    /// How many of them are each device group's.
    public internal(set) var journalledByGroup: [Int]
    public var inRoom: [Int64] = []
    public var heard: [Int64] = []
    /// By heading.
    public var datagrams = [0, 0]
    public var bytes = [0, 0]
    public var layers = [Layers(), Layers()]
    public var repetitions = 0
    /// Messages by the copies of their datagram, 0 to 9 and more.
    public var copies = [Int](repeating: 0, count: 10)
    /// By link, once the run is over.
    public var tallies: [LinkTally] = []
    /// Airtime in each slice, by link and heading: `airtime[link * 2 + heading][slice]`.
    public var airtime: [[Int64]]
    public var slice: Int64
    /// Of each sub-band with a limit.
    public var bandUses: [BandUse] = []
    /// The most datagrams that any one sender had sent in the quota's window, by link and heading as `airtime`.
    public var mostOfQuota: [Int]
    private var bandUse: [Int: Int] = [:]
    public var waits = [Waits(), Waits()]
    /// Of each device: sending, receiving.
    public var deviceAirtime: [(group: Int, up: Int64, down: Int64)] = []

    init(_ scenario: Scenario) {
        journalledByGroup = [Int](repeating: 0, count: scenario.devices.count)
        slice = max(60_000_000_000, scenario.duration / 2000)
        let slices = Int(scenario.duration / slice) + 2
        airtime = [[Int64]](repeating: [Int64](repeating: 0, count: slices), count: scenario.links.count * 2)
        mostOfQuota = [Int](repeating: 0, count: scenario.links.count * 2)
        for (link, named) in scenario.links.enumerated() {
            for heading in [Heading.up, .down] {
                let direction = heading == .up ? named.link.up : named.link.down
                for (index, band) in direction.bands.enumerated() where band.duty != nil {
                    bandUse[(link * 2 + Int(heading.rawValue)) << 32 | index] = bandUses.count
                    bandUses.append(
                        BandUse(
                            link: link, heading: heading, band: band, most: [Int64](repeating: 0, count: slices)))
                }
            }
        }
    }

    mutating func addLayers(_ report: DatagramReport) {
        let index = report.direction == .up ? 0 : 1
        layers[index].frame += report.frame
        layers[index].handshake += report.handshake
        layers[index].tag += report.tag
        layers[index].coap += report.coap
        layers[index].body += report.body
        if report.isRepetition, report.direction == .up { repetitions += 1 }
    }

    /// - Parameter used: of the sender's limits, this frame included.
    mutating func started(
        _ heading: Heading, _ time: Range<Int64>, _ waits: Waits, link: Int,
        used: (band: Int, airtime: Int64?, datagrams: Int?)
    ) {
        let lane = link * 2 + Int(heading.rawValue)
        let index = min(Int(time.lowerBound / slice), airtime[lane].count - 1)
        airtime[lane][index] += time.upperBound - time.lowerBound
        self.waits[Int(heading.rawValue)].add(waits)
        if let sent = used.datagrams { mostOfQuota[lane] = max(mostOfQuota[lane], sent) }
        if let time = used.airtime, let use = bandUse[lane << 32 | used.band] {
            bandUses[use].most[index] = max(bandUses[use].most[index], time)
        }
    }

    mutating func arrived(_ message: MessageState, at time: Int64, group: Int) {
        journalled.append(time - message.created)
        journalledByGroup[group] += 1
    }

    mutating func ended(_ message: MessageState) {
        copies[min(Int(message.copies), copies.count - 1)] += 1
    }

    mutating func finish(_ simulation: Simulation) {
        tallies = simulation.links.map { $0.machine.tally }
        deviceAirtime = simulation.devices.map { ($0.group, $0.airtimeUp, $0.airtimeDown) }
    }
}

extension Waits {
    mutating func add(_ other: Waits) {
        queue += other.queue
        duty += other.duty
        quota += other.quota
        window += other.window
        uplink += other.uplink
        duplex += other.duplex
        access += other.access
    }
}
