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

    var text: String { ReadingText.text(of: measurements) }

    func value(unixMilliseconds: Int64) -> JSONValue {
        let fields = measurements.map { measurement -> JSONValue in
            [
                "n": .string(measurement.name), "u": .string(measurement.unit), "m": .integer(measurement.mantissa),
                "e": .integer(Int64(measurement.exponent)),
            ]
        }
        return ["v": 1, "ts": .integer(unixMilliseconds), "f": .array(fields)]
    }
}
