/// The time as the gateway's owner tells it: machines read no clock.
public struct Moment: Sendable {
    /// Nanoseconds of a clock that never jumps: timers.
    public var monotonic: Int64
    /// Milliseconds of Unix time: what is stored and shown.
    public var unixMilliseconds: Int64

    public init(monotonic: Int64, unixMilliseconds: Int64) {
        self.monotonic = monotonic
        self.unixMilliseconds = unixMilliseconds
    }
}
