public import CompactMatrix

/// A reading as people see it in the room.
public enum ReadingText {
    /// `temperature 21.5 °C, humidity 40 %, battery 3.71 V`.
    public static func text(of measurements: [MeasuredValue]) -> String {
        measurements.map { measurement in
            let unit = symbol(of: measurement.unit)
            let number = decimal(measurement.mantissa, measurement.exponent)
            return "\(measurement.name) \(number)\(unit.isEmpty ? "" : " ")\(unit)"
        }
        .joined(separator: ", ")
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
