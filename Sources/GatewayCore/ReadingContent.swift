internal import CompactMatrix
internal import MatrixJSON

/// A reading as it stands in the room: readable text, and the exact numbers with SenML names and units (RFC 8428).
struct ReadingContent {
    let unixSeconds: Int64?
    private let measurements: [MeasuredValue]

    /// From the flat array that travels: the time where it is given, then name, unit, mantissa, exponent of each.
    init?(_ items: [JSONValue]) {
        var rest = items[...]
        if case .integer(let seconds)? = rest.first {
            guard seconds >= 0, seconds <= Int64(UInt32.max) else { return nil }
            unixSeconds = seconds
            rest = rest.dropFirst()
        } else {
            unixSeconds = nil
        }
        guard !rest.isEmpty, rest.count % 4 == 0 else { return nil }
        var measurements: [MeasuredValue] = []
        while rest.count >= 4 {
            let start = rest.startIndex
            guard case .string(let name) = rest[start], !name.isEmpty, case .string(let unit) = rest[start + 1],
                case .integer(let mantissa) = rest[start + 2], case .integer(let exponent) = rest[start + 3],
                mantissa.magnitude <= UInt64(MeasuredValue.largestMantissa),
                MeasuredValue.exponents.contains(Int(exponent))
            else { return nil }
            measurements.append(MeasuredValue(name: name, unit: unit, mantissa: mantissa, exponent: Int(exponent)))
            rest = rest.dropFirst(4)
        }
        self.measurements = measurements
    }

    /// `temperature 21.5 °C, humidity 40 %, battery 3.71 V`.
    var text: String {
        measurements.map { measurement in
            let unit = Self.symbol(of: measurement.unit)
            let number = Self.decimal(measurement.mantissa, measurement.exponent)
            return "\(measurement.name) \(number)\(unit.isEmpty ? "" : " ")\(unit)"
        }
        .joined(separator: ", ")
    }

    func value(unixMilliseconds: Int64) -> JSONValue {
        let fields = measurements.map { measurement -> JSONValue in
            [
                "n": .string(measurement.name), "u": .string(measurement.unit), "m": .integer(measurement.mantissa),
                "e": .integer(Int64(measurement.exponent)),
            ]
        }
        return ["v": 1, "ts": .integer(unixMilliseconds), "f": .array(fields)]
    }

    /// SenML units whose name is not what a person writes (RFC 8428 section 12.1, RFC 8798).
    private static func symbol(of unit: String) -> String {
        switch unit {
        case "Cel": "°C"
        case "%RH", "%EL", "/": unit == "/" ? "" : "%"
        case "deg": "°"
        case "Ohm": "Ω"
        case "m2": "m²"
        case "m3": "m³"
        case "m/s2": "m/s²"
        default: unit
        }
    }

    /// `mantissa * 10^exponent` in plain decimal digits, none of them invented or lost.
    static func decimal(_ mantissa: Int64, _ exponent: Int) -> String {
        let sign = mantissa < 0 ? "-" : ""
        var digits = String(mantissa.magnitude)
        if exponent >= 0 { return sign + (mantissa == 0 ? digits : digits + String(repeating: "0", count: exponent)) }
        if digits.count <= -exponent { digits = String(repeating: "0", count: -exponent - digits.count + 1) + digits }
        let point = digits.index(digits.endIndex, offsetBy: exponent)
        return "\(sign)\(digits[..<point]).\(digits[point...])"
    }
}
