/// What the gateway counts. Garbage leaves no other trace.
public struct Counters: Equatable, Sendable, Codable {
    public var datagramsReceived: UInt64 = 0
    public var datagramsSent: UInt64 = 0
    public var bytesReceived: UInt64 = 0
    public var bytesSent: UInt64 = 0
    /// No frame of ours: unknown first byte, cut short.
    public var droppedMalformed: UInt64 = 0
    public var droppedUnknownDevice: UInt64 = 0
    /// Wrong key, damaged, or a frame of no session that stands.
    public var droppedForged: UInt64 = 0
    public var droppedReplayed: UInt64 = 0
    public var droppedTooOld: UInt64 = 0
    /// Frames that showed that a session's keys are in use twice.
    public var droppedCopied: UInt64 = 0
    /// Over the limit of repeated answers.
    public var droppedRepeatedTooOften: UInt64 = 0
    /// Handshakes beyond what strangers may cost.
    public var droppedRateLimited: UInt64 = 0
    /// Handshakes that were asked for a cookie first.
    public var retriesAsked: UInt64 = 0
    /// Messages of devices that sent more than they may, answered by 4.29.
    public var requestsRateLimited: UInt64 = 0
    /// Devices that were told that their session is gone.
    public var hintsSent: UInt64 = 0
    /// The queue before the gateway was full.
    public var droppedOverload: UInt64 = 0
    public var answersRepeated: UInt64 = 0
    public var handshakes: UInt64 = 0
    public var requests: UInt64 = 0
    public var retransmissions: UInt64 = 0

    public init() {}
}
