public import CoAP
internal import DeviceClient
public import LinkModel
internal import Links

extension DeviceProfile {
    /// What differs from the timers that follow from the link (RFC 7252 section 4.8). Times are nanoseconds.
    public struct CoAPSettings: Equatable, Sendable {
        public var ackTimeout: Int64?
        public var ackRandomFactorPerMille: Int64?
        public var backoffPerMille: Int64?
        public var maxRetransmit: Int?
        public var nstart: Int?
        public var maxLatency: Int64?
        /// Bytes a second that nobody answers for.
        public var probingRate: Int64?
        public var isConfirmable: Bool
        /// Of a stack that speaks CoAP as RFC 7252 has it; nil: its headers are compact.
        public var verbatimTokenBytes: Int?
        /// Of RFC 7959, in bytes.
        public var blockSize: Int?
        public var observeMinimumPeriod: Int64?
        /// Each so many notifications one that has to be acknowledged (RFC 7641 section 4.5).
        public var observeConfirmEvery: Int?
        /// The value of the option No-Response (RFC 7967).
        public var noResponse: Int?
        /// It cannot store a request before sending it: after a restart a message may come twice.
        public var isAtLeastOnce: Bool

        static func read(_ section: YAMLSection) throws(FieldError) -> CoAPSettings {
            let observe = try section.section("observe")
            let settings = CoAPSettings(
                ackTimeout: try section.seconds("ack_timeout_s", 0.001...86_400),
                ackRandomFactorPerMille: try perMille(section, "ack_random_factor", 1...10),
                backoffPerMille: try perMille(section, "backoff", 1.001...10),
                maxRetransmit: try section.integer("max_retransmit", 0...20).map { Int($0) },
                nstart: try section.integer("nstart", 1...16).map { Int($0) },
                maxLatency: try section.seconds("max_latency_s", 0.001...2_592_000),
                probingRate: try section.integer("probing_rate_bytes", 1...1_000_000),
                isConfirmable: try section.choice("messages", [("confirmable", true), ("non-confirmable", false)])
                    ?? true,
                verbatimTokenBytes: try section.integer("verbatim_token_bytes", 0...8).map { Int($0) },
                blockSize: try section.choice(
                    "block_bytes", [16, 32, 64, 128, 256, 512, 1024].map { (String($0), $0) }),
                observeMinimumPeriod: try observe.seconds("min_period_s", 0...2_592_000),
                observeConfirmEvery: try observe.integer("confirm_every", 1...1000).map { Int($0) },
                noResponse: try section.integer("no_response", 0...26).map { Int($0) },
                isAtLeastOnce: try section.choice("delivery", [("exactly-once", false), ("at-least-once", true)])
                    ?? false)
            try observe.finish()
            try section.finish()
            return settings
        }

        private static func perMille(
            _ section: YAMLSection, _ key: String, _ range: ClosedRange<Double>
        ) throws(FieldError) -> Int64? {
            try section.number(key, range).map { Int64(($0 * 1000).rounded()) }
        }

        /// The timers of the device's side: those of its link, changed where the profile says so.
        public func timers(on link: RadioLink) -> TransmissionParameters {
            let timing = link.timing
            let derived = TransmissionParameters(deviceOn: timing)
            var timers = TransmissionParameters(
                roundTrip: ackTimeout ?? derived.roundTrip,
                perAnswerByte: ackTimeout == nil ? derived.perAnswerByte : 0,
                expectedAnswerBytes: derived.expectedAnswerBytes,
                backoffPerMille: backoffPerMille ?? derived.backoffPerMille,
                randomFactorPerMille: ackRandomFactorPerMille ?? derived.randomFactorPerMille,
                maxRetransmit: maxRetransmit ?? derived.maxRetransmit, nstart: nstart ?? derived.nstart,
                maxLatency: maxLatency ?? derived.maxLatency, processing: derived.processing)
            if let probingRate { timers.perProbingByte = 1_000_000_000 / probingRate }
            return timers
        }
    }
}
