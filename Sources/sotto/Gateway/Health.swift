internal import Synchronization

/// How the gateway's thread is, for those who must not wait for it.
final class Health: Sendable {
    private let problem = Mutex<String?>(nil)

    /// nil: the store can be used.
    var storeProblem: String? { problem.withLock { $0 } }

    func note(storeProblem: String?) { problem.withLock { $0 = storeProblem } }
}
