internal import Links

/// Who sends: its queue, its budget of airtime, and what it is doing.
struct Transmitter {
    struct Frame {
        var id: UInt64
        var device: Int
        var bytes: Int
        var handedOver: Int64
        /// When those before it were out of its way.
        var headSince: Int64 = 0
        var waits = Waits()
        var backoffs = 0
        /// Not before; while it backs off.
        var notBefore: Int64 = .min
    }

    enum Reason { case queue, duty, quota, window, uplink, duplex, access }

    let heading: Heading
    private var frames: [Frame] = []
    private var first = 0
    /// Payload and overhead of what waits or is on its way.
    var bytes = 0
    /// What is on the air now: 0 or 1.
    var sending = 0
    var busyUntil: Int64 = .min
    var carry: UInt64 = 0
    var ledgers: [AirtimeLedger?]
    var quota: QuotaLedger?
    /// When it is to be asked again, and for what it waits until then.
    var wake: (time: Int64, reason: Reason, since: Int64)?
    var channels: SeededStream

    init(_ heading: Heading, _ direction: RadioLink.Direction, channels: SeededStream) {
        self.heading = heading
        self.channels = channels
        ledgers = direction.bands.map { $0.duty.map { AirtimeLedger($0) } }
        quota = direction.quota.map { QuotaLedger($0) }
    }

    var waiting: Int { frames.count - first }

    var head: Frame? {
        get { first < frames.count ? frames[first] : nil }
        set { if let newValue, first < frames.count { frames[first] = newValue } }
    }

    mutating func append(_ frame: Frame) { frames.append(frame) }

    @discardableResult
    mutating func removeHead() -> Frame? {
        guard first < frames.count else { return nil }
        defer {
            first += 1
            if first == frames.count {
                frames.removeAll(keepingCapacity: true)
                first = 0
            } else if first > 64, first * 2 > frames.count {
                frames.removeFirst(first)
                first = 0
            }
        }
        return frames[first]
    }

    /// Removes the first frame for a device, wherever it stands.
    mutating func removeFirst(for device: Int) -> Frame? {
        guard let index = frames[first...].firstIndex(where: { $0.device == device }) else { return nil }
        return index == first ? removeHead() : frames.remove(at: index)
    }

    func firstFrame(for device: Int) -> Frame? { frames[first...].first { $0.device == device } }
}

extension Waits {
    mutating func add(_ time: Int64, _ reason: Transmitter.Reason) {
        switch reason {
        case .queue: queue += time
        case .duty: duty += time
        case .quota: quota += time
        case .window: window += time
        case .uplink: uplink += time
        case .duplex: duplex += time
        case .access: access += time
        }
    }
}
