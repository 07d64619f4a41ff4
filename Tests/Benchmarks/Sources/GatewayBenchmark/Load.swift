import CDatagrams
import Glibc

/// Sends from many devices through one socket, each its next message as soon as the one before is answered.
final class Load {
    struct Result {
        var answered = 0
        var repeated = 0
        var seconds = 0.0
        /// Of an answer, in milliseconds.
        var latencies: [Double] = []

        var perSecond: Double { Double(answered) / seconds }

        func percentile(_ share: Double) -> Double {
            let sorted = latencies.sorted()
            return sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]
        }
    }

    private let descriptor: Int32
    private let incoming = UnsafeMutablePointer<datagram>.allocate(capacity: Int(DATAGRAM_BATCH))
    private let outgoing = UnsafeMutablePointer<datagram>.allocate(capacity: Int(DATAGRAM_BATCH))
    private var waiting: Int32 = 0
    private var port: UInt16 = 0
    private static let batch = Int32(DATAGRAM_BATCH)
    /// Nanoseconds after which a datagram is taken for lost.
    private static let timeout: Int64 = 2_000_000_000

    init() throws {
        descriptor = datagrams_open()
        guard descriptor >= 0 else { throw Problem("no UDP socket: \(String(cString: strerror(errno)))") }
    }

    static var now: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    /// - Parameters:
    ///   - messages: ends when so many are answered; nil: when the time is over.
    func run(
        _ devices: inout [LoadDevice], window: Int, seconds: Double, messages: Int? = nil, to port: UInt16
    ) throws -> Result {
        try exchange(window: window, seconds: seconds, messages: messages, to: port) { index in
            let frame = try devices[index].next()
            return frame
        } again: { index in
            devices[index].frame
        } accepts: { index, bytes in
            try devices[index].accepts(bytes)
        }
    }

    func echo(window: Int, seconds: Double, bytes: Int, to port: UInt16) throws -> Result {
        let frame = [UInt8](repeating: 7, count: bytes)
        return try exchange(window: window, seconds: seconds, messages: nil, to: port) { _ in
            frame
        } again: { _ in
            frame
        } accepts: { _, _ in
            true
        }
    }

    private func exchange(
        window: Int, seconds: Double, messages: Int?, to port: UInt16, next: (Int) throws -> [UInt8],
        again: (Int) -> [UInt8], accepts: (Int, [UInt8]) throws -> Bool
    ) throws -> Result {
        self.port = port
        try clear()
        var result = Result()
        var sentAt = [Int64](repeating: 0, count: window)
        var firstSentAt = sentAt
        let start = Self.now
        let end = start + Int64(seconds * 1e9)
        var started = 0
        var lastLook = start
        while true {
            let now = Self.now
            if now >= end || messages.map({ result.answered >= $0 }) ?? false { break }
            // A few at a time, so that those who begin do not drown each other.
            for _ in 0..<32 where started < window {
                try put(started, next(started))
                sentAt[started] = now
                firstSentAt[started] = now
                started += 1
            }
            try flush()
            let count = datagrams_receive(descriptor, incoming, started < window ? 0 : 20)
            guard count >= 0 else { throw Problem("receiving: \(String(cString: strerror(errno)))") }
            let arrived = Self.now
            for index in 0..<Int(count) {
                let device = Int(incoming[index].device)
                guard device < window, sentAt[device] != 0, try accepts(device, bytes(index)) else { continue }
                result.answered += 1
                if result.answered % 16 == 0 || window < 1000 {
                    result.latencies.append(Double(arrived - firstSentAt[device]) / 1e6)
                }
                sentAt[device] = arrived
                firstSentAt[device] = arrived
                try put(device, next(device))
            }
            try flush()
            guard now - lastLook > 200_000_000 else { continue }
            lastLook = now
            for device in 0..<started where now - sentAt[device] > Self.timeout {
                try put(device, again(device))
                sentAt[device] = now
                result.repeated += 1
            }
            try flush()
        }
        result.seconds = Double(Self.now - start) / 1e9
        return result
    }

    /// Brings every device's last message to its end, so that the next run begins with none.
    func settle(_ devices: inout [LoadDevice], to port: UInt16) throws -> Int {
        self.port = port
        var answered = 0
        let end = Self.now + 30_000_000_000
        var open = Set(devices.indices.filter { !devices[$0].frame.isEmpty })
        while !open.isEmpty, Self.now < end {
            for index in open.prefix(256) { try put(index, devices[index].frame) }
            try flush()
            let pause = Self.now + 300_000_000
            while Self.now < pause {
                let count = datagrams_receive(descriptor, incoming, 20)
                for place in 0..<Int(max(0, count)) {
                    let device = Int(incoming[place].device)
                    if open.contains(device), try devices[device].accepts(bytes(place)) {
                        open.remove(device)
                        answered += 1
                    }
                }
            }
        }
        guard open.isEmpty else { throw Problem("\(open.count) messages were never answered") }
        return answered
    }

    private func bytes(_ index: Int) -> [UInt8] {
        let length = Int(incoming[index].length)
        return withUnsafeBytes(of: &incoming[index].bytes) { Array($0.prefix(length)) }
    }

    private func put(_ device: Int, _ bytes: [UInt8]) throws {
        let place = Int(waiting)
        outgoing[place].device = UInt32(device)
        outgoing[place].length = UInt32(bytes.count)
        withUnsafeMutableBytes(of: &outgoing[place].bytes) { $0.copyBytes(from: bytes) }
        waiting += 1
        if waiting == Self.batch { try flush() }
    }

    private func flush() throws {
        guard waiting > 0 else { return }
        guard datagrams_send(descriptor, outgoing, waiting, port) >= 0 else {
            throw Problem("sending: \(String(cString: strerror(errno)))")
        }
        waiting = 0
    }

    /// What answers to a run before.
    private func clear() throws {
        while datagrams_receive(descriptor, incoming, 50) > 0 {}
    }
}
