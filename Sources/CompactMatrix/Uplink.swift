internal import CBOR

/// What a device sends to its room. Docs/Protocol.md gives the bytes.
public enum Uplink: Sendable {
    case text(String)
    case reading(Reading)
    /// Any event: its type, and its content as a CBOR map.
    case event(type: String, content: [UInt8])
    /// What a `PayloadTemplate` makes of a reading.
    case packedReading([UInt8])

    public var resource: Resource {
        switch self {
        case .text: .text
        case .reading: .reading
        case .event: .event
        case .packedReading: .packedReading
        }
    }

    /// Bytes of the longest body that a gateway takes, in blocks where a message of the link is too short for it.
    public static var longestBody: Int { 16_384 }

    /// The body of the request.
    public var body: [UInt8] {
        var writer = CBORWriter()
        switch self {
        case .text(let text):
            writer.text(text)
        case .reading(let reading):
            reading.write(to: &writer)
        case .event(let type, let content):
            writer.array(2)
            writer.text(type)
            writer.raw(content)
        case .packedReading(let bytes):
            writer.raw(bytes)
        }
        return writer.bytes
    }
}

/// Values measured together.
public struct Reading: Sendable {
    /// When they were measured, in seconds of Unix time; nil: when the gateway receives them.
    public var unixSeconds: UInt32?
    public var measurements: [MeasuredValue]

    public init(unixSeconds: UInt32? = nil, measurements: [MeasuredValue]) {
        self.unixSeconds = unixSeconds
        self.measurements = measurements
    }

    /// One flat array: the time where it is given, then name, unit, mantissa, exponent of each value.
    func write(to writer: inout CBORWriter) {
        writer.array(measurements.count * 4 + (unixSeconds == nil ? 0 : 1))
        if let unixSeconds { writer.unsigned(UInt64(unixSeconds)) }
        for measurement in measurements {
            writer.text(measurement.name)
            writer.text(measurement.unit)
            writer.integer(measurement.mantissa)
            writer.integer(Int64(measurement.exponent))
        }
    }
}
