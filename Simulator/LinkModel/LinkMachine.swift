internal import Links

/// A link at work: one gateway, any number of devices. It takes datagrams and says what becomes of each, and when.
///
/// It reads no clock: after each `send` the owner takes the events, and calls `advance` at `deadline`. The same link, seed
/// and calls give the same events, in debug and release, on every machine. Times are nanoseconds, at least 0.
public struct LinkMachine {
    public let link: RadioLink
    let seed: UInt64
    var transmitters: [Transmitter] = []
    var devices: [DeviceEnd] = []
    var agenda = EventHeap<Item>()
    var flights: [Flight] = []
    var freeFlights: [Int] = []
    /// Flights up, by channel; of `Medium.shared` only.
    var channels: [[Int]] = []
    public private(set) var now: Int64 = 0
    var events: [LinkEvent] = []
    private var nextEventIndex = 0
    public internal(set) var tally = LinkTally()

    /// Something that is due.
    enum Item {
        case wake(Int)
        case end(Int)
        case opening(device: Int, band: Int, rest: Int, uplinkBand: Int, uplinkEnd: Int64)
        case arrival(id: UInt64, device: Int, heading: Heading, bytes: Int, isCopy: Bool, flippedBit: Int?)
    }

    /// What is on the air.
    struct Flight {
        var frame: Transmitter.Frame
        var transmitter: Int
        var heading: Heading
        var time: Range<Int64>
        var band: Int
        var channel: Int
        var ruined: LinkEvent.Loss?
    }

    /// What the machine knows of a device.
    struct DeviceEnd {
        var up: Way
        var down: Way
        /// It listens, or owes silence, until then.
        var silentUntil: Int64 = .min
        /// Of its signal at the gateway, in hundredths of a decibel.
        var strength = 0
        /// The flight that it is receiving.
        var receiving: Int?
    }

    /// The way of frames in one direction: what chance does to them.
    struct Way {
        var loss: LossProcess
        var jitter: SeededStream
        var duplication: SeededStream
        var reordering: SeededStream
        var corruption: SeededStream
        var lastArrival: Int64 = .min
    }

    public init(_ link: RadioLink, seed: UInt64) {
        self.link = link
        self.seed = seed
        switch link.medium {
        case .dedicated: break
        case .scheduled:
            transmitters = [
                Transmitter(.up, link.up, channels: SeededStream(seed: seed, purpose: 1)),
                Transmitter(.down, link.down, channels: SeededStream(seed: seed, purpose: 2)),
            ]
        case .shared:
            transmitters = [Transmitter(.down, link.down, channels: SeededStream(seed: seed, purpose: 2))]
            channels = [[Int]](repeating: [], count: link.up.bands.reduce(0) { $0 + max(1, $1.channels) })
        }
    }

    /// Adds a device, and returns its index: 0, 1, ...
    @discardableResult
    public mutating func addDevice() -> Int {
        let index = devices.count
        let purpose = UInt64(index + 1) * 32
        var end = DeviceEnd(up: way(link.up, purpose), down: way(link.down, purpose + 8))
        switch link.medium {
        case .dedicated:
            transmitters.append(
                Transmitter(.up, link.up, channels: SeededStream(seed: seed, purpose: purpose + 16)))
            transmitters.append(
                Transmitter(.down, link.down, channels: SeededStream(seed: seed, purpose: purpose + 17)))
        case .scheduled: break
        case .shared(_, let capture):
            transmitters.append(
                Transmitter(.up, link.up, channels: SeededStream(seed: seed, purpose: purpose + 16)))
            if let capture, capture.spread > 0 {
                var stream = SeededStream(seed: seed, purpose: purpose + 18)
                end.strength = Int(stream.next(below: UInt64(capture.spread)))
            }
        }
        devices.append(end)
        return index
    }

    private func way(_ direction: RadioLink.Direction, _ purpose: UInt64) -> Way {
        Way(
            loss: LossProcess(direction.loss, seed: seed, purpose: purpose, begin: now),
            jitter: SeededStream(seed: seed, purpose: purpose + 1),
            duplication: SeededStream(seed: seed, purpose: purpose + 2),
            reordering: SeededStream(seed: seed, purpose: purpose + 3),
            corruption: SeededStream(seed: seed, purpose: purpose + 4))
    }

    /// When `advance` wants to be called next.
    public var deadline: Int64? { agenda.nextTime }

    /// What has happened since it was last asked, in order; nil: nothing more.
    public mutating func nextEvent() -> LinkEvent? {
        guard nextEventIndex < events.count else {
            events.removeAll(keepingCapacity: true)
            nextEventIndex = 0
            return nil
        }
        defer { nextEventIndex += 1 }
        return events[nextEventIndex]
    }

    /// Lets what is due until `time` happen.
    public mutating func advance(to time: Int64) {
        while let due = agenda.nextTime, due <= time, let next = agenda.popFirst() {
            now = max(now, next.time)
            switch next.event {
            case .wake(let index):
                guard let wake = transmitters[index].wake, wake.time == next.time else { continue }
                transmitters[index].wake = nil
                credit(index, wake.reason, since: wake.since)
                attempt(index)
            case .end(let flight): conclude(flight)
            case .opening(let device, let band, let rest, let uplinkBand, let uplinkEnd):
                open(device, band, rest, uplinkBand, uplinkEnd)
            case .arrival(let id, let device, let heading, let bytes, let isCopy, let flippedBit):
                if isCopy {
                    tally.copies += 1
                } else {
                    tally.delivered += 1
                    tally.underWay -= 1
                }
                if flippedBit != nil { tally.corrupted += 1 }
                emit(id, device, heading, bytes, .arrived(isCopy: isCopy, flippedBit: flippedBit))
            }
        }
        now = max(now, time)
    }

    /// Hands over a datagram.
    ///
    /// - Parameters:
    ///   - id: the caller's name for it.
    ///   - bytes: of UDP payload.
    public mutating func send(_ id: UInt64, bytes: Int, _ heading: Heading, device: Int, now time: Int64) {
        advance(to: time)
        guard devices.indices.contains(device) else { return }
        tally.offered += 1
        tally.underWay += 1
        let direction = heading == .up ? link.up : link.down
        guard bytes >= 0, bytes <= direction.mtu else {
            return drop(id, device, heading, bytes, .tooLong)
        }
        let index = transmitter(heading, device)
        let length = bytes + direction.framing.overheadBytes
        func isFull() -> Bool {
            let sender = transmitters[index]
            return sender.bytes + length > direction.queue.bytes
                || direction.queue.frames.map { sender.waiting + sender.sending >= $0 } ?? false
        }
        while isFull() {
            guard direction.queue.policy == .dropOldest, let oldest = transmitters[index].removeHead() else {
                return drop(id, device, heading, bytes, .queueFull)
            }
            forget(oldest, index, .queueFull)
        }
        transmitters[index].bytes += length
        let isFirst = transmitters[index].waiting == 0
        var frame = Transmitter.Frame(id: id, device: device, bytes: bytes, handedOver: now)
        frame.headSince = now
        transmitters[index].append(frame)
        if heading == .down, case .afterUplink = link.downlink { return }
        if isFirst, transmitters[index].sending == 0 { attempt(index) }
    }

    /// What a sender has used of its limits, the frame that is on the air included: airtime in the sub-band that a channel
    /// belongs to (nil: no limit), and datagrams of its quota (nil: none).
    public func used(
        _ heading: Heading, device: Int, channel: Int
    ) -> (band: Int, airtime: Int64?, datagrams: Int?) {
        let direction = heading == .up ? link.up : link.down
        let sender = transmitters[transmitter(heading, device)]
        var band = 0
        var channels = 0
        for (index, candidate) in direction.bands.enumerated() {
            band = index
            channels += max(1, candidate.channels)
            if channel < channels { break }
        }
        return (band, sender.ledgers[band]?.used(at: sender.busyUntil), sender.quota?.used(at: now))
    }

    /// When a device's link is bad, where that is a matter of time and not of each frame: outages and traces.
    public func badTimes(_ heading: Heading, device: Int, until end: Int64, most: Int = 10_000) -> [Range<Int64>] {
        let direction = heading == .up ? link.up : link.down
        let purpose = UInt64(device + 1) * 32 + (heading == .up ? 0 : 8)
        return LossProcess(direction.loss, seed: seed, purpose: purpose).badTimes(until: end, most: most)
    }

    /// Bytes that wait or are on the air in one direction.
    public func waiting(_ heading: Heading, device: Int) -> Int {
        devices.indices.contains(device) ? transmitters[transmitter(heading, device)].bytes : 0
    }

    func transmitter(_ heading: Heading, _ device: Int) -> Int {
        switch link.medium {
        case .dedicated: 2 * device + (heading == .up ? 0 : 1)
        case .scheduled: heading == .up ? 0 : 1
        case .shared: heading == .up ? device + 1 : 0
        }
    }

    mutating func emit(_ id: UInt64, _ device: Int, _ heading: Heading, _ bytes: Int, _ kind: LinkEvent.Kind) {
        events.append(LinkEvent(id: id, device: device, heading: heading, bytes: bytes, time: now, kind: kind))
    }

    mutating func drop(_ id: UInt64, _ device: Int, _ heading: Heading, _ bytes: Int, _ reason: LinkEvent.Drop) {
        tally.underWay -= 1
        tally.dropped[Int(reason.rawValue)] += 1
        emit(id, device, heading, bytes, .dropped(reason))
    }

    /// A frame that was in a queue, and is no longer.
    mutating func forget(_ frame: Transmitter.Frame, _ index: Int, _ reason: LinkEvent.Drop) {
        let heading = transmitters[index].heading
        let direction = heading == .up ? link.up : link.down
        transmitters[index].bytes -= frame.bytes + direction.framing.overheadBytes
        drop(frame.id, frame.device, heading, frame.bytes, reason)
    }

    private mutating func credit(_ index: Int, _ reason: Transmitter.Reason, since: Int64) {
        guard var head = transmitters[index].head else { return }
        // What came to the head meanwhile (the one before was dropped) has waited for less.
        head.waits.add(now - max(since, head.headSince), reason)
        transmitters[index].head = head
    }
}
