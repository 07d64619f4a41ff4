/// Each device's queued messages: the oldest few in memory, the rest on disk only. After a day without a homeserver they are
/// millions.
extension Gateway {
    /// What of the outbox a gateway begins with.
    func takeUp(_ state: StoredState) {
        for uplink in state.uplinks where uplink.refusal == nil {
            devices[uplink.device]?.uplinks.append(uplink)
            devices[uplink.device]?.queued += 1
        }
        for uplink in state.damagedUplinks { devices[uplink.device]?.queued += 1 }
        for (number, count) in state.queued { devices[number]?.queued = count }
    }

    func enqueue(_ uplink: UplinkRecord, of device: inout Device) {
        // Behind one that is on disk only it waits there too.
        if !device.isFetching, device.queued == device.uplinks.count, device.queued < configuration.uplinksInMemory {
            device.uplinks.append(uplink)
        }
        device.queued += 1
        flow.accept(now: clock.monotonic)
    }

    func dequeue(at index: Int, of number: UInt32) {
        guard var device = devices[number] else { return }
        let removed = device.uplinks.remove(at: index)
        device.queued -= 1
        // Before the last ones are gone, so that nothing stands still meanwhile.
        if !device.isFetching, device.uplinks.count <= configuration.uplinksInMemory / 2,
            device.queued > device.uplinks.count
        {
            device.isFetching = true
            fetch(number, after: device.uplinks.last?.id ?? removed.id)
        }
        devices[number] = device
    }

    private func fetch(_ number: UInt32, after id: Int64) {
        actions.fetches.append(Actions.Fetch(device: number, after: id, most: configuration.uplinksInMemory))
    }

    /// Takes what was asked for: a device's next queued messages.
    ///
    /// - Parameter damaged: those of them that cannot be read.
    public func fetched(_ uplinks: [UplinkRecord], damaged: [DamagedRow], for fetch: Actions.Fetch, now: Moment) {
        let number = fetch.device
        guard devices[number]?.isFetching == true else { return }
        devices[number]?.isFetching = false
        devices[number]?.uplinks += uplinks
        for row in damaged { setAside(row) }
        guard let device = devices[number] else { return }
        if uplinks.isEmpty, damaged.isEmpty {
            // The store has no more: what was counted is what there is.
            devices[number]?.queued = device.uplinks.count
        } else if device.uplinks.isEmpty, device.queued > 0 {
            // A page of damaged ones: on to the next.
            let last = damaged.compactMap { if case .uplink(let row) = $0 { row.id } else { nil } }.max()
            devices[number]?.isFetching = true
            self.fetch(number, after: last ?? fetch.after)
        }
        advance(number, now: now)
    }
}
