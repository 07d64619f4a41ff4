/// What may wait for the link, and what gives way.
public struct QueueLimit: Equatable, Sendable {
    public enum Policy: Equatable, Sendable {
        /// What comes last does not get in.
        case dropNewest
        /// What has waited longest makes room.
        case dropOldest
    }

    /// Payload and overhead of what waits or is on its way.
    public var bytes: Int
    /// Datagrams, the one on its way included; nil: no limit.
    public var frames: Int?
    /// What has waited for longer does not leave any more; nanoseconds; nil: no limit.
    public var age: Int64?
    public var policy: Policy

    public init(bytes: Int = 65_536, frames: Int? = nil, age: Int64? = nil, policy: Policy = .dropNewest) {
        self.bytes = bytes
        self.frames = frames
        self.age = age
        self.policy = policy
    }
}
