internal import Links

extension LinkMachine {
    /// Sends the head of a queue, or sees when it can.
    mutating func attempt(_ index: Int) {
        while transmitters[index].sending == 0, let head = transmitters[index].head {
            let direction = transmitters[index].heading == .up ? link.up : link.down
            if let age = direction.queue.age, now - head.handedOver > age {
                dropHead(index, .expired)
                continue
            }
            guard let (time, reason) = start(of: head, index, direction) else {
                dropHead(index, .impossible)
                continue
            }
            guard time <= now else { return sleep(index, until: time, reason) }
            guard let (band, channel) = pickChannel(index, direction, duration(of: head, index, direction).nanoseconds)
            else { return }
            if let time = backOff(index, channel) { return sleep(index, until: time, .access) }
            transmitters[index].removeHead()
            begin(head, index, band, channel)
        }
    }

    private mutating func dropHead(_ index: Int, _ reason: LinkEvent.Drop) {
        guard let frame = transmitters[index].removeHead() else { return }
        forget(frame, index, reason)
        transmitters[index].head?.headSince = now
        if let next = transmitters[index].head { transmitters[index].head?.waits.queue = now - next.handedOver }
    }

    private mutating func sleep(_ index: Int, until time: Int64, _ reason: Transmitter.Reason) {
        if let wake = transmitters[index].wake, wake.time == time { return }
        transmitters[index].wake = (time, reason, now)
        agenda.add(time, .wake(index))
    }

    func duration(
        of frame: Transmitter.Frame, _ index: Int, _ direction: RadioLink.Direction
    ) -> (nanoseconds: Int64, carry: UInt64) {
        // What follows without a gap goes on with the fraction of a nanosecond that the one before left.
        let sender = transmitters[index]
        return direction.framing.duration(of: frame.bytes, carry: sender.busyUntil == now ? sender.carry : 0)
    }

    /// The first time at which a frame may begin as far as is known now, and what it waits for; nil: never.
    private func start(
        of frame: Transmitter.Frame, _ index: Int, _ direction: RadioLink.Direction
    ) -> (Int64, Transmitter.Reason)? {
        let duration = duration(of: frame, index, direction).nanoseconds
        var time = now
        var reason = Transmitter.Reason.queue
        func postpone(_ until: Int64, _ why: Transmitter.Reason) {
            if until > time {
                time = until
                reason = why
            }
        }
        // Each limit moves the begin later, and may thereby meet another one anew.
        for _ in 0..<64 {
            let before = time
            postpone(frame.notBefore, .access)
            if transmitters[index].heading == .up { postpone(devices[frame.device].silentUntil, .duplex) }
            if case .half(let turnaround) = link.duplex, let other = opposite(index) {
                if transmitters[other].busyUntil > .min {
                    postpone(transmitters[other].busyUntil + turnaround, .duplex)
                }
                if let turn = turn(of: other, after: index, turnaround) { postpone(turn, .duplex) }
            }
            if transmitters[index].quota != nil {
                guard let free = transmitters[index].quota?.start(from: time) else { return nil }
                postpone(free, .quota)
            }
            guard let free = dutyFree(index, duration, from: time) else { return nil }
            postpone(free, .duty)
            if let windows = link.windows {
                guard let open = windows.start(for: duration, from: time) else { return nil }
                postpone(open, .window)
            }
            if case .shared(.slottedAloha(let slot), _) = link.medium, slot > 0, transmitters[index].heading == .up {
                postpone((time + slot - 1) / slot * slot, .access)
            }
            if time == before { break }
        }
        return (time, reason)
    }

    /// The sender at the other end of a link that only one can use at a time.
    private func opposite(_ index: Int) -> Int? {
        switch link.medium {
        case .dedicated: index ^ 1
        case .scheduled: 1 - index
        case .shared: nil
        }
    }

    /// Who has just sent lets the other end speak first, if that can do so as soon as the link has turned round: until when.
    private func turn(of other: Int, after index: Int, _ turnaround: Int64) -> Int64? {
        guard transmitters[index].busyUntil == now, let head = transmitters[other].head,
            transmitters[other].sending == 0
        else { return nil }
        if transmitters[other].heading == .down, case .afterUplink = link.downlink { return nil }
        let direction = transmitters[other].heading == .up ? link.up : link.down
        let begin = now + turnaround
        let duration = direction.framing.duration(of: head.bytes)
        guard dutyFree(other, duration, from: begin) == begin,
            transmitters[other].quota?.start(from: begin) ?? begin == begin,
            link.windows.map({ $0.start(for: duration, from: begin) == begin }) ?? true,
            devices[head.device].silentUntil <= begin
        else { return nil }
        // Once it has begun, `busyUntil` says the rest.
        return begin + 1
    }

    /// When the first sub-band has airtime left; nil: none ever has so much.
    private func dutyFree(_ index: Int, _ duration: Int64, from time: Int64) -> Int64? {
        var best: Int64?
        for band in transmitters[index].ledgers.indices {
            guard transmitters[index].ledgers[band] != nil else { return time }
            guard let free = transmitters[index].ledgers[band]?.start(for: duration, from: time) else { continue }
            best = min(best ?? .max, free)
        }
        return best
    }

    private mutating func pickChannel(
        _ index: Int, _ direction: RadioLink.Direction, _ duration: Int64
    ) -> (band: Int, channel: Int)? {
        if direction.bands.count == 1 {
            let count = UInt64(max(1, direction.bands[0].channels))
            return (0, count == 1 ? 0 : Int(transmitters[index].channels.next(below: count)))
        }
        var open: [Int] = []
        var count = 0
        for band in direction.bands.indices {
            if transmitters[index].ledgers[band] != nil,
                transmitters[index].ledgers[band]?.start(for: duration, from: now) != now
            {
                continue
            }
            open.append(band)
            count += max(1, direction.bands[band].channels)
        }
        guard count > 0 else { return nil }
        var draw = Int(transmitters[index].channels.next(below: UInt64(count)))
        for band in open {
            let own = max(1, direction.bands[band].channels)
            if draw < own {
                return (band, direction.bands[..<band].reduce(0) { $0 + max(1, $1.channels) } + draw)
            }
            draw -= own
        }
        return nil
    }

    /// Where everybody listens first: until when to wait; nil: the channel is free.
    private mutating func backOff(_ index: Int, _ channel: Int) -> Int64? {
        guard case .shared(.listenBeforeTalk(let rule), _) = link.medium, transmitters[index].heading == .up,
            channels[channel].contains(where: { flights[$0].time.lowerBound <= now - rule.deafness }),
            var head = transmitters[index].head
        else { return nil }
        let slots = min(max(1, rule.leastSlots) << min(head.backoffs, 20), max(1, rule.mostSlots))
        head.backoffs += 1
        let wait = Int64(1 + transmitters[index].channels.next(below: UInt64(slots))) * max(1, rule.slot)
        head.notBefore = now + wait
        transmitters[index].head = head
        return head.notBefore
    }

    // MARK: After an uplink

    /// A device that has sent listens now. What waits for it goes, or has to wait for the next opening.
    mutating func open(_ device: Int, _ band: Int, _ rest: Int, _ uplinkBand: Int, _ uplinkEnd: Int64) {
        let index = transmitter(.down, device)
        while let frame = transmitters[index].firstFrame(for: device), let age = link.down.queue.age,
            now - frame.handedOver > age
        {
            if let expired = transmitters[index].removeFirst(for: device) { forget(expired, index, .expired) }
        }
        if let frame = transmitters[index].firstFrame(for: device), transmitters[index].sending == 0,
            devices[device].receiving == nil
        {
            let duration = duration(of: frame, index, link.down).nanoseconds
            let isFree =
                (transmitters[index].ledgers[band] == nil
                    || transmitters[index].ledgers[band]?.start(for: duration, from: now) == now)
                && transmitters[index].quota?.start(from: now) ?? now == now
                && link.windows.map { $0.start(for: duration, from: now) == now } ?? true
            if isFree, var frame = transmitters[index].removeFirst(for: device) {
                frame.headSince = frame.handedOver
                frame.waits.uplink = now - frame.handedOver
                let channel = link.down.bands[..<band].reduce(0) { $0 + max(1, $1.channels) }
                return begin(frame, index, band, channel)
            }
        }
        scheduleOpening(device, rest, uplinkBand, uplinkEnd)
    }

    func scheduledOpenings() -> [DownlinkRule.Opening] {
        if case .afterUplink(let openings) = link.downlink { openings } else { [] }
    }

    mutating func scheduleOpening(_ device: Int, _ opening: Int, _ uplinkBand: Int, _ uplinkEnd: Int64) {
        let openings = scheduledOpenings()
        guard opening < openings.count else { return }
        let band = min(max(0, openings[opening].band ?? uplinkBand), link.down.bands.count - 1)
        agenda.add(
            max(now, uplinkEnd + openings[opening].delay),
            .opening(device: device, band: band, rest: opening + 1, uplinkBand: uplinkBand, uplinkEnd: uplinkEnd))
    }
}
