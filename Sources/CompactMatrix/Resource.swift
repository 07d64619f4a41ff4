/// The gateway's resources, each one byte of Uri-Path.
public enum Resource: UInt8, Sendable {
    /// POST: a text for the device's room.
    case text = 0x74
    /// POST: a reading.
    case reading = 0x72
    /// POST: any event.
    case event = 0x65
    /// POST: a reading by the template of the device's profile.
    case packedReading = 0x70
    /// POST: a request of the client-server or server-server API in compact Matrix, answered by its answer.
    case exchange = 0x78
    /// GET with Observe: what arrives for the device.
    case messages = 0x6D

    /// The value of its only Uri-Path option.
    public var segment: [UInt8] { [rawValue] }

    /// The resource at a path, nil for an unknown one.
    public init?(path: [[UInt8]]) {
        guard path.count == 1, path[0].count == 1, let resource = Resource(rawValue: path[0][0]) else { return nil }
        self = resource
    }
}
