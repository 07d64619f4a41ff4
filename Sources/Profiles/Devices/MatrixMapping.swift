public import CompactMatrix

extension DeviceProfile {
    /// Where its messages go, and as what.
    public struct MatrixMapping: Sendable {
        public enum Room: Equatable, Sendable {
            case perDevice
            case perSite
            /// `#garden:example.org` or `!...`.
            case fixed(String)
        }

        public var room: Room
        /// What the device's user is called; NAME stands for the device's name.
        public var displayName: String
        public var events: [Event]
        public var receipts: Bool
        public var typing: Bool
        public var presence: Bool

        /// What becomes of a reading of one kind.
        public struct Event: Sendable {
            public enum MessageType: String, CaseIterable, Sendable {
                case notice = "m.notice"
                case text = "m.text"
            }

            /// nil: of every reading.
            public var when: Condition?
            public var messageType: MessageType
            /// Several readings within this time become one; nanoseconds.
            public var window: Int64?
            public var aggregate: Aggregate?
            /// Values that change by less are left out.
            public var deadband: DecimalNumber?
            public var priority: Int
            /// Afterwards it is of no use any more; nanoseconds.
            public var expiry: Int64?
            /// A newer one with the same key takes the place of an older one that still waits.
            public var replaceKey: String?
        }

        public enum Aggregate: String, CaseIterable, Sendable { case min, max, mean, last }

        /// `battery < 3.3`.
        public struct Condition: Equatable, Sendable {
            public enum Comparison: String, CaseIterable, Sendable {
                case less = "<"
                case lessOrEqual = "<="
                case greater = ">"
                case greaterOrEqual = ">="
                case equal = "=="
                case different = "!="
            }

            public var field: String
            public var comparison: Comparison
            public var value: DecimalNumber
        }

        static func read(_ section: YAMLSection, fields: [Payload.Field]) throws(FieldError) -> MatrixMapping {
            var events: [Event] = []
            for item in try section.sections("events") {
                events.append(try event(item, fields))
                try item.finish()
            }
            let mapping = MatrixMapping(
                room: try room(section), displayName: try section.string("display_name") ?? "NAME", events: events,
                receipts: try section.bool("receipts") ?? false, typing: try section.bool("typing") ?? false,
                presence: try section.bool("presence") ?? false)
            try section.finish()
            return mapping
        }

        private static func room(_ section: YAMLSection) throws(FieldError) -> Room {
            guard let text = try section.string("room") else { return .perDevice }
            switch text {
            case "per-device": return .perDevice
            case "per-site": return .perSite
            default:
                guard text.hasPrefix("#") && text.contains(":") || text.hasPrefix("!"), text.utf8.count <= 255 else {
                    throw section.failure(
                        "room",
                        "\(section.shown(text)) is neither per-device, per-site, an alias such as #garden:example.org nor a room id"
                    )
                }
                return .fixed(text)
            }
        }

        private static func event(_ item: YAMLSection, _ fields: [Payload.Field]) throws(FieldError) -> Event {
            let event = Event(
                when: try condition(item, fields),
                messageType: try item.choice(
                    "msgtype", Event.MessageType.allCases.map { ($0.rawValue, $0) }) ?? .notice,
                window: try item.seconds("aggregate_window_s", 1...2_592_000),
                aggregate: try item.choice("aggregate", Aggregate.allCases.map { ($0.rawValue, $0) }),
                deadband: try Payload.decimal(item, "deadband"),
                priority: Int(try item.integer("priority", 0...9) ?? 5),
                expiry: try item.seconds("expires_s", 1...31_536_000), replaceKey: try item.string("replace_key"))
            guard (event.window == nil) == (event.aggregate == nil) else {
                throw item.failure("aggregate", "aggregate and aggregate_window_s belong together")
            }
            return event
        }

        private static func condition(_ item: YAMLSection, _ fields: [Payload.Field]) throws(FieldError) -> Condition? {
            guard let text = try item.string("when") else { return nil }
            let words = text.split(separator: " ").map { String($0) }
            let signs = Condition.Comparison.allCases.map(\.rawValue).joined(separator: " ")
            guard words.count == 3, let comparison = Condition.Comparison(rawValue: words[1]),
                let value = DecimalNumber(Array(words[2].utf8))
            else {
                throw item.failure(
                    "when", "\(item.shown(text)) is not FIELD SIGN NUMBER with one of \(signs), such as battery < 3.3")
            }
            guard fields.contains(where: { $0.name == words[0] }) else {
                let names = fields.map(\.name).joined(separator: ", ")
                throw item.failure("when", "\(item.shown(words[0])) is not a field of the payload; there are: \(names)")
            }
            return Condition(field: words[0], comparison: comparison, value: value)
        }
    }
}
