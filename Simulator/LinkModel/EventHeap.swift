/// What happens when: a heap, equal times in the order given.
public struct EventHeap<Event> {
    /// Small, and without anything to be counted: entries are moved far more often than events are looked at.
    private struct Entry {
        var time: Int64
        var order: UInt64
        var place: Int

        func precedes(_ other: Entry) -> Bool {
            time != other.time ? time < other.time : order < other.order
        }
    }

    private var heap: [Entry] = []
    /// By the entries' places.
    private var events: [Event?] = []
    private var freePlaces: [Int] = []
    private var order: UInt64 = 0

    public init() {}

    public var nextTime: Int64? { heap.first?.time }
    public var count: Int { heap.count }

    public mutating func add(_ time: Int64, _ event: Event) {
        order += 1
        let place = freePlaces.popLast() ?? events.count
        if place == events.count { events.append(event) } else { events[place] = event }
        let entry = Entry(time: time, order: order, place: place)
        heap.append(entry)
        var index = heap.count - 1
        while index > 0 {
            let parent = (index - 1) / 2
            guard entry.precedes(heap[parent]) else { break }
            heap[index] = heap[parent]
            index = parent
        }
        heap[index] = entry
    }

    public mutating func popFirst() -> (time: Int64, event: Event)? {
        guard let first = heap.first, let last = heap.popLast() else { return nil }
        var event: Event?
        swap(&event, &events[first.place])
        freePlaces.append(first.place)
        if !heap.isEmpty { sink(last) }
        return event.map { (first.time, $0) }
    }

    /// Puts an entry where the first one was, and then where it belongs.
    private mutating func sink(_ last: Entry) {
        var index = 0
        while true {
            var child = 2 * index + 1
            guard child < heap.count else { break }
            if child + 1 < heap.count, heap[child + 1].precedes(heap[child]) { child += 1 }
            guard heap[child].precedes(last) else { break }
            heap[index] = heap[child]
            index = child
        }
        heap[index] = last
    }
}
