/// How often a device believes hints. Whoever sees its frames can forge them, and each costs it a handshake with its next
/// request: after the first one an hour has to pass, and twice as long after each that follows, up to a day. A gateway that
/// did lose its sessions meanwhile is noticed all the same, by a request without an answer.
struct HintLimit: Sendable {
    private static var shortest: Int64 { 3_600_000_000_000 }
    private static var longest: Int64 { 24 * shortest }

    private var pause: Int64 = 0
    /// When the next one may be believed; nil: at once.
    private var end: Int64?

    /// - Parameter now: nanoseconds.
    mutating func allows(now: Int64) -> Bool {
        let isQuiet = end.map { now - $0 >= Self.longest } ?? true
        if let end, now < end { return false }
        pause = isQuiet ? Self.shortest : min(2 * pause, Self.longest)
        end = now + pause
        return true
    }
}
