extension DeviceProfile {
    /// When it listens, and what it lives on. Times are nanoseconds.
    public struct Power: Equatable, Sendable {
        public enum Listening: String, CaseIterable, Sendable {
            /// The receiver is on whenever it does not send.
            case always = "always-on"
            /// For a moment after each message.
            case afterSending = "listen-after-send"
            /// For a moment every so often.
            case duty = "duty-listen"
            /// It asks.
            case poll
        }

        /// Milliamperes, but for `sleep` in microamperes.
        public struct Currents: Equatable, Sendable {
            public var sleepMicroamperes: Double
            public var standby: Double
            public var receive: Double
            public var transmit: Double
            /// The processor's while it is awake.
            public var processor: Double
        }

        public struct Battery: Equatable, Sendable {
            public var capacity: Double
            public var volts: Double
            public var usablePercent: Double
            public var selfDischargePercentPerYear: Double
            /// What cold, ageing and all that a data sheet does not say leave of it.
            public var deratedPercent: Double
        }

        public var listening: Listening
        /// nil: it sends when something happens.
        public var interval: Int64?
        public var offlineAfter: Int64?
        public var keepAlive: Int64?
        /// For each message; nil: until the answer is there.
        public var receivePerMessage: Int64?
        public var awakePerMessage: Int64
        public var listenEvery: Int64?
        public var listenFor: Int64?
        public var currents: Currents?
        public var battery: Battery?
        /// Millijoules of what is known only as a whole: each message, each attachment to a network.
        public var perMessageMillijoules: Double
        public var attachMillijoules: Double
        public var attachEvery: Int64?

        static func read(_ section: YAMLSection) throws(FieldError) -> Power {
            let events = try section.section("events")
            let power = Power(
                listening: try section.choice("class", Listening.allCases.map { ($0.rawValue, $0) }) ?? .always,
                interval: try section.seconds("interval_s", 0.1...31_536_000),
                offlineAfter: try section.seconds("offline_after_s", 1...31_536_000),
                keepAlive: try section.seconds("keep_alive_s", 1...31_536_000),
                receivePerMessage: try section.seconds("receive_s", 0...86_400),
                awakePerMessage: try section.seconds("awake_s", 0...86_400) ?? 0,
                listenEvery: try section.seconds("listen_every_s", 0.001...86_400),
                listenFor: try section.seconds("listen_for_s", 0.001...86_400),
                currents: try currents(try section.section("currents")),
                battery: try battery(try section.section("battery")),
                perMessageMillijoules: try events.number("per_message_mj", 0...10_000_000) ?? 0,
                attachMillijoules: try events.number("attach_mj", 0...10_000_000) ?? 0,
                attachEvery: try events.seconds("attach_every_s", 1...315_360_000))
            try events.finish()
            let isDuty = power.listening == .duty
            for (key, isGiven) in [
                ("listen_every_s", power.listenEvery != nil), ("listen_for_s", power.listenFor != nil),
            ] where isGiven != isDuty {
                throw section.failure(
                    key, isDuty ? "is missing with class: duty-listen" : "is of no use without class: duty-listen")
            }
            if let every = power.listenEvery, let part = power.listenFor, part > every {
                throw section.failure("listen_for_s", "is longer than listen_every_s")
            }
            if power.battery != nil, power.currents == nil {
                throw section.failure("battery", "is of no use without currents")
            }
            try section.finish()
            return power
        }

        private static func currents(_ section: YAMLSection) throws(FieldError) -> Currents? {
            let currents = Currents(
                sleepMicroamperes: try section.number("sleep_ua", 0...1_000_000) ?? 0,
                standby: try section.number("standby_ma", 0...100_000) ?? 0,
                receive: try section.number("receive_ma", 0...100_000) ?? 0,
                transmit: try section.number("transmit_ma", 0...100_000) ?? 0,
                processor: try section.number("processor_ma", 0...100_000) ?? 0)
            try section.finish()
            return section.isEmpty ? nil : currents
        }

        private static func battery(_ section: YAMLSection) throws(FieldError) -> Battery? {
            let capacity = try section.number("capacity_mah", 1...10_000_000)
            let volts = try section.number("voltage_v", 0.5...1000)
            let battery = Battery(
                capacity: capacity ?? 0, volts: volts ?? 0,
                usablePercent: try section.number("usable_percent", 1...100) ?? 80,
                selfDischargePercentPerYear: try section.number("self_discharge_percent", 0...100) ?? 1,
                deratedPercent: try section.number("derated_percent", 1...100) ?? 50)
            try section.finish()
            guard !section.isEmpty else { return nil }
            guard capacity != nil else { throw section.failure("capacity_mah", "is missing") }
            guard volts != nil else { throw section.failure("voltage_v", "is missing") }
            return battery
        }
    }
}
