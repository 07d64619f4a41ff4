extension Gateway {
    /// Says what a damaged row costs, and goes on without it: to stop would cost every device its messages.
    func setAside(_ row: DamagedRow) {
        switch row {
        case .uplink(var uplink):
            uplink.refusal = "damaged in the store"
            actions.writes.append(.uplink(uplink))
            devices[uplink.device]?.queued -= 1
            devices[uplink.device]?.record.refused += 1
            devices[uplink.device]?.recordChanged = true
            touched.insert(uplink.device)
            note(
                .error,
                "the row uplink \(uplink.id) in the store is damaged, or was moved there from elsewhere: a message that was "
                    + "acknowledged is lost with it. Look at the disk",
                device: uplink.device)
        case .inbox(let id, let device):
            actions.writes.append(.removeInbox(id: id))
            note(
                .error,
                "the row inbox \(id) in the store is damaged, or was moved there from elsewhere: a message for the device is "
                    + "lost with it. Look at the disk",
                device: device)
        case .presharedKey(let device):
            note(
                .error,
                "the device's preshared key in the store is damaged: its session goes on, but it cannot make another; revoke "
                    + "it and add it again. Look at the disk",
                device: device)
        }
    }
}

extension StoredState {
    var damagedUplinks: [UplinkRecord] {
        damaged.compactMap { row in
            if case .uplink(let uplink) = row { uplink } else { nil }
        }
    }
}
