public import CompactMatrix
public import LinkModel

/// What is to be simulated. Times are nanoseconds from the begin, or lengths.
public struct Scenario: Sendable {
    /// A link with a gateway of its own at its end.
    public struct NamedLink: Sendable {
        public var name: String
        public var link: RadioLink

        public init(name: String, link: RadioLink) {
            self.name = name
            self.link = link
        }
    }

    /// A homeserver as far as a gateway notices.
    public struct Homeserver: Sendable {
        /// From a call to its answer, and what is added to it at most.
        public var latency: Int64
        public var jitter: Int64
        /// It cannot be reached then.
        public var outages: [Range<Int64>]

        public init(latency: Int64 = 200_000_000, jitter: Int64 = 0, outages: [Range<Int64>] = []) {
            self.latency = latency
            self.jitter = jitter
            self.outages = outages
        }
    }

    /// Something that a person writes in the room of a device, or of all devices.
    public struct RoomMessage: Sendable {
        public var time: Int64
        /// nil: one for each device.
        public var device: String?
        /// `!NAME VERB` makes a command of it; NAME stands for the device's name.
        public var text: String

        public init(time: Int64, device: String?, text: String) {
            self.time = time
            self.device = device
            self.text = text
        }
    }

    public var name: String
    public var seed: UInt64
    public var duration: Int64
    public var links: [NamedLink]
    public var homeserver: Homeserver
    public var devices: [DeviceGroup]
    public var roomMessages: [RoomMessage]
    /// Where it is from; nil: from no file.
    public var file: String?

    public init(
        name: String, seed: UInt64 = 1, duration: Int64, links: [NamedLink], homeserver: Homeserver = Homeserver(),
        devices: [DeviceGroup], roomMessages: [RoomMessage] = []
    ) {
        self.name = name
        self.seed = seed
        self.duration = duration
        self.links = links
        self.homeserver = homeserver
        self.devices = devices
        self.roomMessages = roomMessages
    }
}

/// Devices that are alike.
public struct DeviceGroup: Sendable {
    public enum Stack: Equatable, Sendable {
        /// The real machines: Noise, CoAP, compact Matrix.
        case sotto
        /// Datagrams of a given length without any protocol in them.
        case datagrams(DatagramStack)
    }

    /// Devices of which only the datagrams are of interest: how many get through a shared channel.
    public struct DatagramStack: Equatable, Sendable {
        /// Every so many is confirmed by the gateway and repeated until it is; 0: none.
        public var confirmEvery: Int
        public var answerBytes: Int
        /// The first datagram is longer by this, and confirmed by a longer answer; 0: no handshake.
        public var handshakeUp: Int
        public var handshakeDown: Int

        public init(confirmEvery: Int = 0, answerBytes: Int = 17, handshakeUp: Int = 0, handshakeDown: Int = 0) {
            self.confirmEvery = confirmEvery
            self.answerBytes = answerBytes
            self.handshakeUp = handshakeUp
            self.handshakeDown = handshakeDown
        }
    }

    public enum Pattern: Equatable, Sendable {
        /// From `start` on, each up to `jitter` late.
        case periodic(every: Int64, jitter: Int64)
        /// At random, so often on average.
        case poisson(mean: Int64)
        case bursts(every: Int64, messages: Int, gap: Int64)
        /// As soon as the one before has ended.
        case saturated
        /// At these times.
        case times([Int64])
    }

    public enum Content: Sendable {
        /// A text of so many characters.
        case text(Int)
        case reading([MeasuredValue])
        /// A reading as the group's template makes it.
        case packed([UInt8])

        public var uplink: Uplink {
            switch self {
            case .text(let length): .text(String(repeating: "x", count: length))
            case .reading(let values): .reading(Reading(measurements: values))
            case .packed(let bytes): .packedReading(bytes)
            }
        }
    }

    public struct Traffic: Sendable {
        public var pattern: Pattern
        public var content: Content

        public init(_ pattern: Pattern, _ content: Content) {
            self.pattern = pattern
            self.content = content
        }
    }

    /// What a device draws from its battery in each state: microamperes and millivolts.
    public struct Power: Equatable, Sendable {
        public var millivolts: Int64
        public var transmitting: Int64
        public var receiving: Int64
        public var sleeping: Int64
        /// It listens all the time that it does not send; otherwise while something arrives for it.
        public var alwaysListens: Bool
        /// In milliampere-hours; 0: no battery.
        public var battery: Int64
        /// What of it can be used, in percent.
        public var usablePercent: Int64

        public init(
            millivolts: Int64, transmitting: Int64, receiving: Int64, sleeping: Int64, alwaysListens: Bool = false,
            battery: Int64 = 0, usablePercent: Int64 = 80
        ) {
            self.millivolts = millivolts
            self.transmitting = transmitting
            self.receiving = receiving
            self.sleeping = sleeping
            self.alwaysListens = alwaysListens
            self.battery = battery
            self.usablePercent = usablePercent
        }
    }

    public var name: String
    public var count: Int
    /// An index of the scenario's links.
    public var link: Int
    public var stack: Stack
    public var traffic: [Traffic]
    /// The first device begins then, the others at random within `spread`.
    public var start: Int64
    public var spread: Int64
    /// Wants to hear what is written in its room.
    public var watches: Bool
    public var power: Power?
    /// Its session was put onto both sides, and it never shakes hands; nil: where the link carries no handshake.
    public var isProvisioned: Bool?
    /// How its firmware packs readings, as the gateway knows it; nil: they describe themselves.
    public var template: PayloadTemplate?
    /// Where it stands in the scenario's file.
    public var line: Int?

    /// The least that a link has to carry for handshakes, which never fragment: bytes of UDP payload.
    public static let handshakeMTU = 128

    /// Whether it lives by a provisioned session on that link.
    public func isProvisioned(on link: RadioLink) -> Bool {
        isProvisioned ?? (min(link.up.mtu, link.down.mtu) < Self.handshakeMTU)
    }

    public init(
        name: String, count: Int = 1, link: Int = 0, stack: Stack = .sotto, traffic: [Traffic] = [], start: Int64 = 0,
        spread: Int64 = 0, watches: Bool = false, power: Power? = nil, isProvisioned: Bool? = nil,
        template: PayloadTemplate? = nil
    ) {
        self.name = name
        self.count = count
        self.link = link
        self.stack = stack
        self.traffic = traffic
        self.start = start
        self.spread = spread
        self.watches = watches
        self.power = power
        self.isProvisioned = isProvisioned
        self.template = template
    }
}
