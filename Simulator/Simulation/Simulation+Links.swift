internal import DeviceClient
internal import GatewayCore
internal import LinkModel
internal import Links

extension Simulation {
    /// Hands a datagram to the link.
    func send(
        _ bytes: [UInt8], _ heading: Heading, _ node: DeviceNode, _ message: Int?, _ report: DatagramReport?,
        length: Int? = nil, isConfirmed: Bool = false
    ) {
        let frame = nextFrame
        nextFrame += 1
        let length = length ?? bytes.count
        frames[frame] = FrameState(
            bytes: bytes, length: length, device: node.index, heading: heading, message: message,
            isConfirmed: isConfirmed, leftAt: now)
        summary.datagrams[Int(heading.rawValue)] += 1
        summary.bytes[Int(heading.rawValue)] += length
        if let report { summary.addLayers(report) }
        if heading == .up, let message { messages[message].copies += 1 }
        if record != nil {
            tell(
                node.index, message,
                .datagram(
                    frame: frame, heading, bytes: length, report.map { Layers($0) },
                    isRepetition: report?.isRepetition ?? false))
        }
        links[node.link].machine.send(frame, bytes: length, heading, device: node.place, now: now)
        settle(link: node.link)
    }

    /// Carries out what has happened on a link. Not from within itself: what is sent meanwhile is seen to in the same turn.
    func settle(link index: Int) {
        let link = links[index]
        guard !link.isSettling else { return }
        link.isSettling = true
        while let event = link.machine.nextEvent() { handle(event, link) }
        link.isSettling = false
        for frame in link.arrived { frames[frame] = nil }
        link.arrived.removeAll(keepingCapacity: true)
        guard let deadline = link.machine.deadline, deadline < link.timer else { return }
        link.timer = deadline
        agenda.add(deadline, .link(index))
    }

    private func handle(_ event: LinkEvent, _ link: LinkNode) {
        let node = devices[link.devices[event.device]]
        guard let frame = frames[event.id] else { return }
        switch event.kind {
        case .started(let until, let channel, let waits):
            frames[event.id]?.leftAt = event.time
            let time = until - event.time
            if event.heading == .up { node.airtimeUp += time } else { node.airtimeDown += time }
            summary.started(
                event.heading, event.time..<until, waits, link: node.link,
                used: link.machine.used(event.heading, device: node.place, channel: channel))
            if frame.isConfirmed, event.heading == .up { plainLeft(frame.message, node, at: until) }
            tell(
                node.index, frame.message,
                .start(frame: event.id, event.heading, until: until, channel: channel, waits: waits))
        case .dropped(let reason):
            frames[event.id] = nil
            count(frame, node)
            captured(event.id, frame, "dropped: \(reason.name)")
            tell(node.index, frame.message, .drop(frame: event.id, event.heading, reason))
        case .lost(let reason):
            frames[event.id] = nil
            count(frame, node)
            captured(event.id, frame, "lost: \(reason.name)")
            tell(node.index, frame.message, .lost(frame: event.id, event.heading, reason))
        case .arrived(let isCopy, let flippedBit):
            if !isCopy {
                link.arrived.append(event.id)
                captured(event.id, frame, flippedBit.map { "arrived, bit \($0) wrong" } ?? "arrived")
            }
            tell(
                node.index, frame.message,
                .arrive(frame: event.id, event.heading, isCopy: isCopy, flippedBit: flippedBit))
            if flippedBit != nil { count(frame, node) }
            var bytes = frame.bytes
            if let flippedBit, flippedBit / 8 < bytes.count { bytes[flippedBit / 8] ^= 1 << UInt8(flippedBit % 8) }
            deliver(frame, bytes, event.heading, node, isDamaged: flippedBit != nil)
        }
    }

    /// What a datagram down is made of that its device never reads: a copy of the device reads it.
    private func count(_ frame: FrameState, _ node: DeviceNode) {
        guard frame.heading == .down, !frame.bytes.isEmpty, var reader = node.machine else { return }
        node.entropy.keeping { reader.receive(frame.bytes, now: now) }
        while let event = reader.nextEvent() {
            guard case .traffic(let report) = event, report.direction == .down else { continue }
            return summary.addLayers(report)
        }
    }

    func captured(_ id: UInt64, _ frame: FrameState, _ fate: String) {
        guard let capture, !frame.bytes.isEmpty else { return }
        capture(
            Capture(
                time: frame.leftAt, device: frame.device, link: devices[frame.device].link, heading: frame.heading,
                frame: id, bytes: frame.bytes, fate: fate))
    }

    private func deliver(
        _ frame: FrameState, _ bytes: [UInt8], _ heading: Heading, _ node: DeviceNode, isDamaged: Bool
    ) {
        if case .datagrams(let stack) = scenario.devices[node.group].stack {
            // What protocols there would be notice damage.
            guard !isDamaged else { return }
            return heading == .up ? arrivePlain(frame, node, stack) : answeredPlain(frame, node)
        }
        switch heading {
        case .up:
            gateways[node.link].machine.receive(bytes, from: node.address, now: moment)
            settle(gateway: node.link)
        case .down:
            receive(bytes, node)
        }
    }
}

extension Layers {
    init(_ report: DatagramReport) {
        self.init()
        frame = report.frame
        handshake = report.handshake
        tag = report.tag
        coap = report.coap
        body = report.body
    }
}
