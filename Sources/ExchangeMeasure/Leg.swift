internal import CoAP

/// The bytes of one direction of an exchange.
public struct Leg: Equatable, Sendable {
    /// Payloads of the CoAP messages.
    public var body = 0
    /// CoAP messages, payloads included.
    public var coap = 0
    public var datagrams = 0
    /// UDP payloads.
    public var wire = 0

    mutating func add(_ carried: SessionPair.Carried) {
        body += carried.message.payload.count
        coap += carried.coap.count
        datagrams += 1
        wire += carried.datagram.count
    }
}

/// A row of the table: an exchange in one mode and one round.
public struct Row: Equatable, Sendable {
    public var name: String
    public var mode: Mode
    public var round: Round
    public var up = Leg()
    public var down = Leg()
    /// Every byte with its name, a line each; empty unless asked for.
    public var explanation: [String] = []

    public enum Mode: String, CaseIterable, Sendable {
        /// By meaning, what a sensor needs.
        case device
        /// Every value of the JSON.
        case exact
    }

    public enum Round: String, Sendable {
        /// In a new session.
        case first
        /// After it, with fresh values.
        case steady
    }

    public static let columns = [
        "case", "mode", "round", "body_up", "coap_up", "datagrams_up", "wire_up", "body_down", "coap_down",
        "datagrams_down", "wire_down",
    ]

    public var fields: [String] {
        [name, mode.rawValue, round.rawValue]
            + [up, down].flatMap { [$0.body, $0.coap, $0.datagrams, $0.wire].map { String($0) } }
    }
}
