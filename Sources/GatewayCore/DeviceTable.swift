extension Gateway {
    /// The devices by their numbers, and what else they are looked for by. Whatever is changed of a device marks it, so that
    /// nothing has to go over all of them to learn who wants what.
    struct DeviceTable {
        private final class Place {
            var device: Device?
            /// What the device was last found under.
            var name: String?
            var roomID: String?
            var key: [UInt8] = []
        }

        private var places: [UInt32: Place] = [:]
        private var changed: Set<UInt32> = []
        private var byName: [String: Set<UInt32>] = [:]
        private var byRoom: [String: Set<UInt32>] = [:]
        private var byKey: [[UInt8]: Set<UInt32>] = [:]
        private(set) var highest: UInt32?

        subscript(number: UInt32) -> Device? {
            get { places[number]?.device }
            _modify {
                mark(number)
                guard let place = places[number] else {
                    let place = Place()
                    defer {
                        if place.device != nil {
                            places[number] = place
                            highest = max(highest ?? 0, number)
                        }
                    }
                    yield &place.device
                    return
                }
                // In its place: a copy of a device costs more than most of what is done to it.
                yield &place.device
            }
        }

        /// Rising.
        var numbers: [UInt32] { places.keys.sorted() }

        /// In no order, and without copies.
        func forEach(_ body: (borrowing Device) -> Void) {
            for place in places.values {
                if let device = place.device { body(device) }
            }
        }

        mutating func mark(_ number: UInt32) { changed.insert(number) }

        /// Those that were changed since the last time, rising.
        mutating func takeChanged() -> [UInt32] {
            guard !changed.isEmpty else { return [] }
            defer { changed.removeAll(keepingCapacity: changed.count < 4096) }
            let numbers = changed.sorted()
            for number in numbers { index(number) }
            return numbers
        }

        /// Of devices that were marked since, what was said before holds: call `takeChanged` first.
        func named(_ name: String) -> [UInt32] { (byName[name.lowercased()] ?? []).sorted() }
        func inRoom(_ roomID: String) -> [UInt32] { (byRoom[roomID] ?? []).sorted() }
        func withKey(_ key: [UInt8]) -> [UInt32] { (byKey[key] ?? []).sorted() }

        private mutating func index(_ number: UInt32) {
            guard let place = places[number], let record = place.device?.record else { return }
            if place.name == nil {
                // It never changes.
                let name = record.name.lowercased()
                place.name = name
                byName[name, default: []].insert(number)
            }
            if place.roomID != record.room.roomID {
                if let old = place.roomID { byRoom[old]?.remove(number) }
                if let new = record.room.roomID { byRoom[new, default: []].insert(number) }
                place.roomID = record.room.roomID
            }
            if place.key != record.publicKey {
                byKey[place.key]?.remove(number)
                if byKey[place.key]?.isEmpty == true { byKey[place.key] = nil }
                if !record.publicKey.isEmpty { byKey[record.publicKey, default: []].insert(number) }
                place.key = record.publicKey
            }
        }
    }
}
