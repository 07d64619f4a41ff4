/// What a firmware is and does, as its gateway, the simulator and whoever builds it have to know: one file for each.
public struct DeviceProfile: Sendable {
    public var about: About
    public var link: LinkProfile
    public var security: Security
    public var coap: CoAPSettings
    public var payload: Payload
    public var matrix: MatrixMapping
    public var commands: [CommandDescription]
    public var power: Power
    public var limits: Limits
    public var test: Expectations

    /// Whose firmware it is.
    public struct About: Equatable, Sendable {
        public var name: String
        public var description: String
        public var version: String?
        public var vendor: String?
        public var model: String?
        public var firmware: Firmware
        public var licence: String?
        public var docs: String?
        public var tags: [String]
        /// What a handshake carries, so that both ends notice different profiles.
        public var revision: UInt64
    }

    /// Versions of the firmware that the profile is for.
    public struct Firmware: Equatable, Sendable {
        public var version: String?
        public var oldest: String?
        public var newest: String?
    }

    /// What the device never exceeds.
    public struct Limits: Equatable, Sendable {
        /// The largest body, in bytes.
        public var messageBytes: Int?
        public var messagesPerHour: Int?
        /// Devices of one group share what they may send.
        public var fairShareGroup: String?
    }

    /// What tests of the profile expect.
    public struct Expectations: Equatable, Sendable {
        public var scenarios: [String]
        public var seeds: [UInt64]
        /// Of the datagram that carries the first example, frame and CoAP included.
        public var bytesPerMessage: Int?
        /// Nanoseconds, in each of the scenarios.
        public var latency95: Int64?
        /// Where each of these keys stands in the file.
        public var lines: [String: Int]
    }
}
