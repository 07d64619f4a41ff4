internal import Foundation
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

    private static let mostDatagrams = 4096
    // Guards `batch`: every access is between lock and unlock.
    private let condition = NSCondition()
    private var batch = Batch()

    func put(_ datagram: Datagram) {
        condition.lock()
        if batch.datagrams.count < Self.mostDatagrams {
            batch.datagrams.append(datagram)
        } else {
            batch.dropped += 1
        }
        condition.signal()
        condition.unlock()
    }

    /// Work for the gateway's thread. What it returns is called when the writes that it caused are on disk, or with false
    /// when they could not be made.
    func put(_ work: @escaping Work) {
        condition.lock()
        batch.work.append(work)
        condition.signal()
        condition.unlock()
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
        condition.lock()
        batch.isStopped = true
        condition.signal()
        condition.unlock()
    }

    /// Waits for something to do, or until the given time of the monotonic clock.
    func take(until deadline: Int64?) -> Batch {
        condition.lock()
        defer { condition.unlock() }
        while batch.datagrams.isEmpty, batch.work.isEmpty, !batch.isStopped {
            guard let deadline else {
                condition.wait()
                continue
            }
            let remaining = Double(deadline - Clock.monotonic) / 1e9
            guard remaining > 0, condition.wait(until: Date(timeIntervalSinceNow: min(remaining, 60))) else { break }
        }
        defer {
            batch.datagrams = []
            batch.work = []
            batch.dropped = 0
        }
        return batch
    }
}
