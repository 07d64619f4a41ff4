public import CompactMatrix

extension DeviceProfile {
    /// What a reading is on the air.
    public struct Payload: Sendable {
        public enum Codec: Equatable, Sendable {
            /// CBOR that describes itself: names and units travel.
            case cbor
            /// The bits of the values and nothing else.
            case template(PayloadTemplate)
        }

        /// What the device measures, for either codec.
        public struct Field: Equatable, Sendable {
            public var name: String
            /// SenML (RFC 8428 section 12.1); empty for a number without one.
            public var unit: String
            public var description: String?
            /// What the sensor can measure.
            public var least: DecimalNumber?
            public var most: DecimalNumber?
        }

        public var codec: Codec
        /// The version of the static dictionary; 0: none.
        public var dictionary: Int
        public var fields: [Field]
        public var examples: [Example]

        public static let mostExamples = 100

        /// The payload alone of a device's file, of which nothing else need be there.
        public static func load(_ path: String) throws(FieldError) -> Payload {
            try read(try YAMLSection.load(path).section("payload"))
        }

        static func read(_ section: YAMLSection) throws(FieldError) -> Payload {
            let isTemplate = try section.choice("codec", [("cbor", false), ("template", true)]) ?? false
            var fields: [Field] = []
            var packed: [PayloadTemplate.Field] = []
            let items = try section.sections("fields")
            guard items.count <= PayloadTemplate.mostFields else {
                throw section.failure("fields", "\(items.count) are too many: at most \(PayloadTemplate.mostFields)")
            }
            for item in items {
                let field = try field(item)
                guard !fields.contains(where: { $0.name == field.name }) else {
                    throw item.failure("name", "\(item.shown(field.name)) is the name of another field too")
                }
                fields.append(field)
                let place = try packedField(item, field)
                if isTemplate {
                    packed.append(place)
                } else {
                    for key in ["bits", "scale", "offset", "can_be_missing"] where item.has(path: key) {
                        throw item.failure(key, "is of no use without codec: template")
                    }
                }
                try item.finish()
            }
            let codec: Codec = isTemplate ? .template(try template(packed, items, section)) : .cbor
            let dictionary = Int(try section.integer("dictionary", 0...255) ?? 0)
            let exampleItems = try section.sections("examples")
            guard exampleItems.count <= mostExamples else {
                throw section.failure("examples", "\(exampleItems.count) are too many: at most \(mostExamples)")
            }
            var payload = Payload(codec: codec, dictionary: dictionary, fields: fields, examples: [])
            for item in exampleItems { payload.examples.append(try Example.read(item, of: payload)) }
            try section.finish()
            return payload
        }

        private static func field(_ item: YAMLSection) throws(FieldError) -> Field {
            let name = try item.required("name", "SenML: letters, digits and -:./_")
            guard name.utf8.count <= 64, name.utf8.allSatisfy({ nameBytes.contains($0) }) else {
                throw item.failure(
                    "name",
                    "\(item.shown(name)): letters, digits and -:./_ are allowed, at most 64 (RFC 8428 section 4.5.1)")
            }
            let unit = try item.string("unit") ?? ""
            guard unit.isEmpty || SenMLUnits.all.contains(unit) else {
                let near = SenMLUnits.meant[unit].map { "; is \"\($0)\" meant?" } ?? ""
                throw item.failure("unit", "\(item.shown(unit)) is not a unit of SenML (RFC 8428, 8798)\(near)")
            }
            let least = try decimal(item, "min")
            let most = try decimal(item, "max")
            return Field(
                name: name, unit: unit, description: try item.string("description")?.trimmedLine, least: least,
                most: most)
        }

        private static let nameBytes = Array(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-:./_".utf8)

        private static func packedField(_ item: YAMLSection, _ field: Field) throws(FieldError) -> PayloadTemplate.Field
        {
            let bits = try item.integer("bits", 1...53)
            return PayloadTemplate.Field(
                name: field.name, unit: field.unit, bits: Int(bits ?? 0), scale: try decimal(item, "scale") ?? .one,
                offset: try decimal(item, "offset") ?? .zero, canBeMissing: try item.bool("can_be_missing") ?? false)
        }

        private static func template(
            _ packed: [PayloadTemplate.Field], _ items: [YAMLSection], _ section: YAMLSection
        ) throws(FieldError) -> PayloadTemplate {
            for (place, item) in zip(packed, items) where place.bits == 0 {
                throw item.failure("bits", "is missing: 1 to 53")
            }
            do throws(PayloadTemplate.Fault) {
                return try PayloadTemplate(packed)
            } catch {
                switch error {
                case .noFields, .tooManyFields:
                    throw section.failure("fields", "a template has 1 to \(PayloadTemplate.mostFields) of them")
                case .field(let index):
                    throw items[index].failure(
                        "scale",
                        "scale 0, or a value of this field is none that Matrix carries: mantissa within +-(2^53 - 1), "
                            + "exponent within +-18")
                }
            }
        }

        static func decimal(_ item: YAMLSection, _ key: String) throws(FieldError) -> DecimalNumber? {
            guard let text = try item.string(key) else { return nil }
            guard let value = DecimalNumber(Array(text.utf8)) else {
                throw item.failure(key, "\(item.shown(text)) is not a decimal such as 0.1 with at most 15 digits")
            }
            return value
        }

        /// What travels for a reading.
        public func uplink(_ reading: Reading) throws(PayloadTemplate.Misfit) -> Uplink {
            switch codec {
            case .cbor: .reading(reading)
            case .template(let template): .packedReading(try template.encode(reading))
            }
        }
    }
}
