/// Who is due when: devices in the order of their times, those of equal times in the order in which these were set.
///
/// A time that is set anew leaves its old entry in the heap, where it is known by its stamp when it comes up, and thrown out
/// with all others of its kind when they are the majority: setting costs O(log n), however often.
struct Schedule {
    private struct Entry {
        var time: Int64
        var stamp: UInt64
        var number: UInt32

        static func < (one: Entry, other: Entry) -> Bool { (one.time, one.stamp) < (other.time, other.stamp) }
    }

    private var heap: [Entry] = []
    private var current: [UInt32: (time: Int64, stamp: UInt64)] = [:]
    private var nextStamp: UInt64 = 0

    /// Setting the time that is set already keeps the device's place.
    subscript(number: UInt32) -> Int64? {
        get { current[number]?.time }
        set {
            guard newValue != current[number]?.time else { return }
            guard let time = newValue else {
                current[number] = nil
                return
            }
            current[number] = (time, nextStamp)
            push(Entry(time: time, stamp: nextStamp, number: number))
            nextStamp += 1
            if heap.count > 2 * current.count + 64 { compact() }
        }
    }

    /// The earliest time; nil: nobody is due ever.
    mutating func earliest() -> Int64? {
        while let first = heap.first {
            if current[first.number]?.stamp == first.stamp { return first.time }
            removeFirst()
        }
        return nil
    }

    /// Takes out the first that is due.
    mutating func popDue(now: Int64) -> UInt32? {
        guard let time = earliest(), time <= now, let number = heap.first?.number else { return nil }
        removeFirst()
        current[number] = nil
        return number
    }

    private mutating func push(_ entry: Entry) {
        heap.append(entry)
        var index = heap.count - 1
        while index > 0, entry < heap[(index - 1) / 2] {
            heap[index] = heap[(index - 1) / 2]
            index = (index - 1) / 2
        }
        heap[index] = entry
    }

    private mutating func removeFirst() {
        guard let last = heap.popLast(), !heap.isEmpty else { return }
        var index = 0
        while true {
            var child = 2 * index + 1
            guard child < heap.count else { break }
            if child + 1 < heap.count, heap[child + 1] < heap[child] { child += 1 }
            guard heap[child] < last else { break }
            heap[index] = heap[child]
            index = child
        }
        heap[index] = last
    }

    private mutating func compact() {
        // Sorted is a heap.
        heap = current.map { Entry(time: $0.value.time, stamp: $0.value.stamp, number: $0.key) }.sorted(by: <)
    }
}
