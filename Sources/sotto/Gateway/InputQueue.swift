internal import GatewayCore

/// What the gateway's thread has to deal with, from sockets and tasks of all kinds.
///
/// Datagrams are bounded: a flood must not take the memory that the rest needs. Everything else is answered by somebody
/// waiting for it and is never dropped.
final class InputQueue: @unchecked Sendable {
    struct Datagram: Sendable {
        var bytes: [UInt8]
        var from: PeerAddress
        /// Which of the gateway's sockets it came to.
        var socket: Int
    }

    typealias Work = @Sendable (inout WireGateway, Moment) -> (@Sendable (Bool) -> Void)

    struct Batch {
        var datagrams: [Datagram] = []
        var work: [Work] = []
        var dropped: UInt64 = 0
        var isStopped = false
    }

    private static let mostDatagrams = 16_384
    /// What one transaction takes at most, so that its answers do not wait for all that came meanwhile.
    private static let mostAtOnce = 2048
    // Guards `batch`: every access is inside of its `withLock`.
    private let condition = MonotonicCondition()
    private var batch = Batch()

    func put(_ datagrams: [Datagram]) {
        guard !datagrams.isEmpty else { return }
        condition.withLock {
            let room = max(0, Self.mostDatagrams - batch.datagrams.count)
            batch.datagrams += datagrams.prefix(room)
            batch.dropped += UInt64(max(0, datagrams.count - room))
        }
        condition.signal()
    }

    /// Work for the gateway's thread. What it returns is called when the writes that it caused are on disk, or with false
    /// when they could not be made.
    func put(_ work: @escaping Work) {
        condition.withLock { batch.work.append(work) }
        condition.signal()
    }

    /// The same for somebody who waits for a result.
    func perform<T: Sendable>(_ work: @escaping @Sendable (inout WireGateway, Moment) -> T) async throws -> T {
        try await withCheckedThrowingContinuation { continuation in
            put { gateway, now in
                let result = work(&gateway, now)
                return { isDurable in
                    if isDurable {
                        continuation.resume(returning: result)
                    } else {
                        continuation.resume(throwing: Failure(.storage, "the store cannot be written"))
                    }
                }
            }
        }
    }

    func stop() {
        condition.withLock { batch.isStopped = true }
        condition.signal()
    }

    /// Waits for something to do, or until the given time of the monotonic clock.
    func take(until deadline: Int64?) -> Batch {
        condition.withLock {
            while batch.datagrams.isEmpty, batch.work.isEmpty, !batch.isStopped {
                if let deadline, deadline <= Clock.monotonic { break }
                condition.wait(until: deadline)
            }
            var taken = batch
            batch.work = []
            batch.dropped = 0
            if taken.datagrams.count <= Self.mostAtOnce {
                batch.datagrams = []
            } else {
                batch.datagrams.removeFirst(Self.mostAtOnce)
                taken.datagrams.removeSubrange(Self.mostAtOnce...)
            }
            return taken
        }
    }
}
