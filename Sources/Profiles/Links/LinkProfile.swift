public import LinkModel
internal import Links

/// A link as a file describes it: its physics, what carries it, and where its figures are from.
public struct LinkProfile: Equatable, Sendable {
    /// What the link is, so that a list can be sorted.
    public enum Kind: String, CaseIterable, Sendable {
        case reference, lpwan, mesh, cellular, satellite, hf, vhf, short, plc, acoustic, other
    }

    /// How datagrams get onto it.
    public enum Carrier: Equatable, Sendable {
        /// It carries UDP: devices and gateways run on it as they are.
        case udp
        /// Something that does not come with Sotto has to stand on both sides; this says what.
        case adapter(String)
    }

    /// Where some of the figures are from.
    public struct Source: Equatable, Sendable {
        /// Keys of the file, `down.mtu_bytes` for one of a direction.
        public var fields: [String]
        public var from: String
        /// Whether they were read there, or computed from what was. What was not is a proposal to start from.
        public var isVerified: Bool
    }

    public var name: String
    public var description: String
    public var kind: Kind
    public var link: RadioLink
    public var carrier: Carrier
    /// Most countries' rules of amateur radio forbid to obscure the meaning of what is sent.
    public var allowsEncryption: Bool
    public var sources: [Source]

    /// 100 bit/s and 2 s: nothing is known, so timers are learnt, from the slowest that this project is made for.
    public static let unknown = LinkProfile(
        name: "unknown", description: "Nothing is known of it.", kind: .reference,
        link: RadioLink(
            up: .init(Framing(.rate(Rate(bits: 100))), latency: 2_000_000_000),
            down: .init(Framing(.rate(Rate(bits: 100))), latency: 2_000_000_000), isRateKnown: false),
        carrier: .udp, allowsEncryption: true, sources: [])

    /// So fast that it does not matter.
    public static let unlimited = LinkProfile(
        name: "unlimited", description: "Not a limit.", kind: .other,
        link: RadioLink(up: .init(Framing(.rate(.unlimited))), down: .init(Framing(.rate(.unlimited)))),
        carrier: .udp, allowsEncryption: true, sources: [])
}
