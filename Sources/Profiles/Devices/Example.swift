public import CompactMatrix
internal import GatewayCore

extension DeviceProfile {
    /// A reading, what travels for it, and what stands in the room then. A profile's examples are its tests.
    public struct Example: Sendable {
        public var values: [MeasuredValue]
        /// The CoAP payload.
        public var bytes: [UInt8]
        /// What people see in the room.
        public var body: String
        public var line: Int

        public var reading: Reading { Reading(measurements: values) }

        static func read(_ item: YAMLSection, of payload: Payload) throws(FieldError) -> Example {
            let section = try item.section("values")
            var values: [MeasuredValue] = []
            for (name, text) in try section.entries() {
                guard let field = payload.fields.first(where: { $0.name == name }) else {
                    let names = payload.fields.map(\.name).joined(separator: ", ")
                    throw section.failure(name, "is not a field of this payload; there are: \(names)")
                }
                guard let value = MeasuredValue.decimal(Array(text.utf8)) else {
                    throw section.failure(name, "\(section.shown(text)) is not a decimal such as 21.5")
                }
                let number = DecimalNumber(mantissa: value.mantissa, exponent: value.exponent)
                if let least = field.least, number.isBelow(least) {
                    throw section.failure(name, "\(text) is below the field's min")
                }
                if let most = field.most, most.isBelow(number) {
                    throw section.failure(name, "\(text) is above the field's max")
                }
                values.append(
                    MeasuredValue(name: name, unit: field.unit, mantissa: value.mantissa, exponent: value.exponent))
            }
            guard !values.isEmpty else { throw item.failure("values", "is missing: a value for each field") }
            let hex = try item.required("hex", "the bytes that travel, in hexadecimal")
            guard let bytes = Hex.bytes(hex) else {
                throw item.failure("hex", "\(item.shown(hex)) is not an even number of hexadecimal digits")
            }
            let example = Example(
                values: values, bytes: bytes, body: try item.required("body", "what stands in the room"),
                line: item.failure("hex", "").line ?? 1)
            try item.finish()
            return example
        }

        /// Encodes, decodes and shows it as device and gateway do; what differs from the profile, nil for nothing.
        public func problem(with payload: Payload) -> (field: String, problem: String)? {
            let uplink: Uplink
            do throws(PayloadTemplate.Misfit) {
                uplink = try payload.uplink(reading)
            } catch {
                return ("values", Self.text(of: error))
            }
            guard uplink.body == bytes else {
                return ("hex", "these values travel as \(Hex.text(uplink.body)), not as \(Hex.text(bytes))")
            }
            var arrived = values
            if case .template(let template) = payload.codec {
                guard let reading = template.decode(bytes) else { return ("hex", "the template does not decode this") }
                arrived = reading.measurements
            }
            let text = ReadingText.text(of: arrived)
            guard text == body else { return ("body", "in the room stands \"\(text)\"") }
            return nil
        }

        private static func text(of misfit: PayloadTemplate.Misfit) -> String {
            switch misfit {
            case .unknownValue: "a value has no field in the template"
            case .missingValue: "a field without can_be_missing has no value"
            case .betweenSteps: "a value lies between two steps of its field's scale"
            case .outOfRange: "a value does not fit into the bits of its field"
            case .hasTime: "the template has no place for a time"
            }
        }
    }
}
