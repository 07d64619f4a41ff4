/// Which frames do not arrive.
public enum LossModel: Equatable, Sendable {
    case none
    /// Each by itself, so many in a million.
    case bernoulli(perMillion: UInt32)
    /// Each bit by itself, so many in 10^12; a frame with a wrong bit is lost.
    case bitErrors(perTrillion: UInt64)
    case outages(Outages)
    case gilbertElliott(GilbertElliott)
    /// Times at which the link is down.
    case intervals(TimeTrace)
    /// One sign for each frame in turn, repeated for ever: true is lost.
    case frames([Bool])

    /// Gilbert-Elliott in time: a link that is now good, now bad, for exponentially distributed times and whatever the
    /// traffic. A long frame is thereby hit more often than a short one.
    public struct Outages: Equatable, Sendable {
        /// The share of time in which the link is bad, in millionths (below 1,000,000).
        public var averagePerMillion: UInt32
        /// In nanoseconds.
        public var meanOutage: Int64
        /// What is lost of frames that the bad state touches, and of others, in millionths.
        public var lossWithinPerMillion: UInt32
        public var lossOutsidePerMillion: UInt32

        public init(
            averagePerMillion: UInt32, meanOutage: Int64, lossWithinPerMillion: UInt32 = 1_000_000,
            lossOutsidePerMillion: UInt32 = 0
        ) {
            self.averagePerMillion = averagePerMillion
            self.meanOutage = meanOutage
            self.lossWithinPerMillion = lossWithinPerMillion
            self.lossOutsidePerMillion = lossOutsidePerMillion
        }
    }

    /// Gilbert-Elliott by the frame, as netem's `gemodel P R 1-H 1-K` has it: first the state changes, then the frame is
    /// lost with the probability of the state before. All in millionths.
    public struct GilbertElliott: Equatable, Sendable {
        /// From good to bad.
        public var p: UInt32
        /// From bad to good.
        public var r: UInt32
        /// Of frames in the bad state (1-h), and in the good one (1-k).
        public var lossBad: UInt32
        public var lossGood: UInt32

        public init(p: UInt32, r: UInt32, lossBad: UInt32 = 1_000_000, lossGood: UInt32 = 0) {
            self.p = p
            self.r = r
            self.lossBad = lossBad
            self.lossGood = lossGood
        }
    }

    /// When a link is down, as it was measured: a frame that touches such a time is lost.
    public struct TimeTrace: Equatable, Sendable {
        /// In order and apart, nanoseconds from the begin.
        public var down: [Range<Int64>]
        /// After this the trace begins anew; nil: once only.
        public var period: Int64?

        public init(down: [Range<Int64>], period: Int64? = nil) {
            self.down = down
            self.period = period
        }
    }
}
