internal import Links

extension LinkMachine {
    /// The first bit leaves.
    mutating func begin(_ frame: Transmitter.Frame, _ index: Int, _ band: Int, _ channel: Int) {
        let heading = transmitters[index].heading
        let direction = heading == .up ? link.up : link.down
        let (duration, carry) = duration(of: frame, index, direction)
        let time = now..<(now + duration)
        transmitters[index].sending = 1
        transmitters[index].busyUntil = time.upperBound
        transmitters[index].carry = carry
        transmitters[index].wake = nil
        transmitters[index].ledgers[band]?.add(time)
        transmitters[index].quota?.add(now)
        tally.airtime += duration
        var flight = Flight(
            frame: frame, transmitter: index, heading: heading, time: time, band: band, channel: channel)
        let slot = freeFlights.popLast() ?? flights.count
        if case .shared(_, let capture) = link.medium {
            heading == .up ? enter(&flight, slot, capture) : deafen(&flight)
        }
        if slot == flights.count { flights.append(flight) } else { flights[slot] = flight }
        agenda.add(time.upperBound, .end(slot))
        if heading == .down, link.duplex != .full || !scheduledOpenings().isEmpty {
            devices[frame.device].receiving = slot
            devices[frame.device].silentUntil = max(devices[frame.device].silentUntil, time.upperBound)
        }
        emit(
            frame.id, frame.device, heading, frame.bytes,
            .started(until: time.upperBound, channel: channel, waits: frame.waits))
    }

    /// A frame meets those that are on its channel already, and a gateway that may be sending.
    private mutating func enter(_ flight: inout Flight, _ slot: Int, _ capture: Medium.Capture?) {
        let harmless = capture?.harmless ?? 0
        let strength = devices[flight.frame.device].strength
        for other in channels[flight.channel] {
            let theirs = devices[flights[other].frame.device].strength
            let survives = capture?.margin.map { strength >= theirs + $0 } ?? false
            let theySurvive = capture?.margin.map { theirs >= strength + $0 } ?? false
            if !survives, flights[other].time.upperBound > flight.time.lowerBound + harmless {
                flight.ruined = .collision
            }
            if !theySurvive, flight.time.upperBound > flights[other].time.lowerBound + harmless {
                flights[other].ruined = flights[other].ruined ?? .collision
            }
        }
        channels[flight.channel].append(slot)
        if link.duplex != .full, transmitters[0].sending > 0 { flight.ruined = .receiverBusy }
    }

    /// A gateway that can only do one of both does not hear while it sends; nor does a device.
    private mutating func deafen(_ flight: inout Flight) {
        guard link.duplex != .full else { return }
        for channel in channels {
            for other in channel { flights[other].ruined = .receiverBusy }
        }
        if transmitters[transmitter(.up, flight.frame.device)].sending > 0 { flight.ruined = .receiverBusy }
    }

    /// The last bit has left.
    mutating func conclude(_ slot: Int) {
        let flight = flights[slot]
        let index = flight.transmitter
        let direction = flight.heading == .up ? link.up : link.down
        transmitters[index].sending = 0
        transmitters[index].bytes -= flight.frame.bytes + direction.framing.overheadBytes
        freeFlights.append(slot)
        if case .shared = link.medium, flight.heading == .up {
            channels[flight.channel].removeAll { $0 == slot }
        }
        if devices[flight.frame.device].receiving == slot { devices[flight.frame.device].receiving = nil }
        arrive(flight, direction)
        if flight.heading == .up, let last = scheduledOpenings().map(\.delay).max() {
            devices[flight.frame.device].silentUntil = max(
                devices[flight.frame.device].silentUntil, now + last + 1)
        }
        if let next = transmitters[index].head {
            transmitters[index].head?.headSince = now
            transmitters[index].head?.waits.queue = now - next.handedOver
        }
        if flight.heading == .down, !scheduledOpenings().isEmpty { return }
        attempt(index)
    }

    private mutating func arrive(_ flight: Flight, _ direction: RadioLink.Direction) {
        let frame = flight.frame
        let device = frame.device
        let isUp = flight.heading == .up
        // Every process is asked for every frame, so that a change of one leaves the draws of the others where they were.
        var way = isUp ? devices[device].up : devices[device].down
        let bits = (frame.bytes + direction.framing.overheadBytes) * 8
        let isLost = way.loss.loses(flight.time, bits: bits)
        let jitterDraw = way.jitter.next()
        let isDouble = way.duplication.next(below: 1_000_000) < UInt64(direction.duplicationPerMillion)
        let reorderDraw = way.reordering.next(below: 1_000_000)
        let reorderDelay = way.reordering.next()
        let corruptionDraw = way.corruption.next(below: 1_000_000)
        let bitDraw = way.corruption.next()
        defer { if isUp { devices[device].up = way } else { devices[device].down = way } }
        if let loss = flight.ruined ?? (isLost ? .noise : nil) {
            tally.underWay -= 1
            tally.lost[Int(loss.rawValue)] += 1
            return emit(frame.id, device, flight.heading, frame.bytes, .lost(loss))
        }
        var delay = direction.latency
        switch direction.jitter {
        case .none: break
        case .uniform(let most):
            delay += Int64(jitterDraw.multipliedFullWidth(by: UInt64(max(0, most)) + 1).high)
        case .table(let table, let spread): delay += table.value(at: jitterDraw, spread: spread)
        }
        var arrival = now + max(0, delay)
        if direction.keepsOrder {
            arrival = max(arrival, way.lastArrival)
            way.lastArrival = arrival
        }
        if reorderDraw < UInt64(direction.reorderingPerMillion) {
            arrival += Int64(reorderDelay.multipliedFullWidth(by: UInt64(max(0, direction.reorderingDelay)) + 1).high)
        }
        var flippedBit: Int?
        if corruptionDraw < UInt64(direction.corruptionPerMillion), frame.bytes > 0 {
            flippedBit = Int(bitDraw.multipliedFullWidth(by: UInt64(frame.bytes * 8)).high)
        }
        for isCopy in isDouble ? [false, true] : [false] {
            agenda.add(
                arrival,
                .arrival(
                    id: frame.id, device: device, heading: flight.heading, bytes: frame.bytes, isCopy: isCopy,
                    flippedBit: flippedBit))
        }
        if isUp { scheduleOpening(device, 0, flight.band, now) }
    }
}
