internal import Glibc

/// A lock with a condition, whose waits end by the clock that never jumps.
///
/// Foundation's condition waits until a time of day: set the clock back by a year, and it waits for a year.
final class MonotonicCondition: @unchecked Sendable {
    // At addresses that never change, as the calls below need them.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init() {
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    func withLock<T>(_ body: () throws -> T) rethrows -> T {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body()
    }

    func signal() { pthread_cond_signal(condition) }

    /// To be called with the lock held. May return early.
    ///
    /// - Parameter deadline: nanoseconds of `Clock.monotonic`; nil: no end.
    func wait(until deadline: Int64?) {
        guard let deadline else {
            pthread_cond_wait(condition, mutex)
            return
        }
        // The clock's own origin is not taken for granted.
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        let remaining = max(0, min(deadline, Clock.monotonic + 3_600_000_000_000) - Clock.monotonic)
        let nanoseconds = Int64(now.tv_nsec) + remaining
        now.tv_sec += Int(nanoseconds / 1_000_000_000)
        now.tv_nsec = Int(nanoseconds % 1_000_000_000)
        pthread_cond_timedwait(condition, mutex, &now)
    }
}
