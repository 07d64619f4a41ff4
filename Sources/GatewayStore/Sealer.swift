/// Seals a value for its place, so that whoever can write the file cannot move it to another row, column or store.
struct Sealer {
    enum Place {
        case session(device: UInt32, slot: Int)
        case answer(device: UInt32, source: [UInt8], number: UInt64?)
        case uplinkBody(id: Int64, device: UInt32)
        case inboxBody(id: Int64, device: UInt32)
        case unfinishedBody(device: UInt32)
        case handshakeReply(device: UInt32)
        case presharedKey(device: UInt32)
        case labelKey(device: UInt32)
        case labelReply(device: UInt32)
        /// What tells whether a key is the store's.
        case keyCheck
    }

    /// nil: values are stored as they are.
    let cipher: (any StorageCipher)?
    /// Random, for the life of the store.
    let storeID: [UInt8]

    func seal(_ value: [UInt8], _ place: Place) -> [UInt8] {
        // Nothing has nothing to hide, and a column that never had a value stays as it is.
        guard let cipher, !value.isEmpty else { return value }
        return cipher.seal(value, associatedData: associatedData(place))
    }

    /// nil: damaged, or moved here from somewhere else.
    func open(_ stored: [UInt8], _ place: Place) -> [UInt8]? {
        guard let cipher, !stored.isEmpty else { return stored }
        return cipher.open(stored, associatedData: associatedData(place))
    }

    /// The store's id, the column's name, and the row's, each of a length that follows from what stands before it.
    private func associatedData(_ place: Place) -> [UInt8] {
        switch place {
        case .session(let device, let slot):
            named("session.session", UInt64(device), UInt64(bitPattern: Int64(slot)))
        case .answer(let device, let source, let number):
            named("answer.answer", UInt64(device), number == nil ? 0 : 1, number ?? 0) + source
        case .uplinkBody(let id, let device):
            named("uplink.body", UInt64(bitPattern: id), UInt64(device))
        case .inboxBody(let id, let device):
            named("inbox.body", UInt64(bitPattern: id), UInt64(device))
        case .unfinishedBody(let device):
            named("body.bytes", UInt64(device))
        case .handshakeReply(let device):
            named("device.handshake_reply", UInt64(device))
        case .presharedKey(let device):
            named("device.psk", UInt64(device))
        case .labelKey(let device):
            named("device.label_key", UInt64(device))
        case .labelReply(let device):
            named("device.label_reply", UInt64(device))
        case .keyCheck:
            named("seal.key_check")
        }
    }

    private func named(_ column: String, _ numbers: UInt64...) -> [UInt8] {
        var bytes = storeID + Array(column.utf8) + [0]
        for number in numbers {
            for shift in stride(from: 56, through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: number >> UInt64(shift)))
            }
        }
        return bytes
    }
}
