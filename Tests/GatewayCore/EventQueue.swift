/// What happens when, in virtual time: a heap, equal times in the order given.
struct EventQueue {
    private struct Entry {
        var time: Int64
        var order: UInt64
        var action: () -> Void

        func precedes(_ other: Entry) -> Bool { (time, order) < (other.time, other.order) }
    }

    private var heap: [Entry] = []
    private var order: UInt64 = 0

    var nextTime: Int64? { heap.first?.time }

    mutating func add(_ time: Int64, _ action: @escaping () -> Void) {
        order += 1
        heap.append(Entry(time: time, order: order, action: action))
        var index = heap.count - 1
        while index > 0, heap[index].precedes(heap[(index - 1) / 2]) {
            heap.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    mutating func popFirst() -> (time: Int64, action: () -> Void)? {
        guard let first = heap.first else { return nil }
        let last = heap.removeLast()
        if !heap.isEmpty {
            heap[0] = last
            var index = 0
            while true {
                var least = index
                for child in [2 * index + 1, 2 * index + 2] where child < heap.count {
                    if heap[child].precedes(heap[least]) { least = child }
                }
                guard least != index else { break }
                heap.swapAt(index, least)
                index = least
            }
        }
        return (first.time, first.action)
    }
}
