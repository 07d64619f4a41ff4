public import CoAP

/// The resources that the ETSI test descriptions for CoAP name, and `/time`: what a checker of conformance asks of a server.
///
/// It reads no clock: `now` is the owner's monotonic time in nanoseconds.
public struct ConformanceSite: Sendable {
    /// What is to be done about a request.
    public enum Handling: Equatable, Sendable {
        case answer(Response)
        /// Acknowledge now, answer after as many nanoseconds.
        case separate(Response, after: Int64)
        /// Register the client as an observer; confirmable notifications or not.
        case observe(Observable, Response, confirmable: Bool)
        case stopObserving(Response)
    }

    /// What can be observed.
    public enum Observable: Int, CaseIterable, Sendable {
        case obs, obsNon, obsLarge, obsPumping
    }

    /// What observers are told: a new state, or the end.
    public struct Change: Equatable, Sendable {
        public var resource: Observable
        public var response: Response
        /// Observers are forgotten without a word: what a restart of the server would do.
        public var isForgotten = false
    }

    struct Representation: Equatable, Sendable {
        var payload: [UInt8]
        var format: UInt64

        init(_ text: String, format: UInt64 = 0) {
            payload = Array(text.utf8)
            self.format = format
        }

        init(_ payload: [UInt8], format: UInt64 = 0) {
            self.payload = payload
            self.format = format
        }

        var eTag: [UInt8] {
            var hash: UInt32 = 0x811C_9DC5
            for byte in payload + [UInt8(truncatingIfNeeded: format)] { hash = (hash ^ UInt32(byte)) &* 0x0100_0193 }
            return [UInt8(hash >> 24), UInt8(hash >> 16 & 0xFF), UInt8(hash >> 8 & 0xFF), UInt8(hash & 0xFF)]
        }
    }

    /// Changes that observers have to be told of; the owner takes them.
    public var changes: [Change] = []
    var test = Representation("Hello, CoAP")
    var validate = Representation("one state of several")
    /// What clients have made, by its path.
    var created: [String: Representation] = [:]
    var largeUpdate = Representation(Self.text(1280))
    var largeCreations = 0
    /// What was put to `/obs`; it counts on by itself a full period later.
    var put: (representation: Representation, lastTick: UInt64)?
    var ticks: UInt64 = 0
    private var nextTick: Int64
    private let unixOffset: Int64

    /// How often `/obs` and its like change.
    public static let period: Int64 = 5_000_000_000

    /// - Parameter unixNanoseconds: the time of day at `now`; `/time` goes on from there.
    public init(now: Int64, unixNanoseconds: Int64) {
        nextTick = now + Self.period
        unixOffset = unixNanoseconds - now
    }

    /// When `tick` wants to be called.
    public var deadline: Int64 { nextTick }

    /// Changes what changes by itself.
    public mutating func tick(now: Int64) {
        guard now >= nextTick else { return }
        nextTick = now + Self.period
        ticks += 1
        if let last = put?.lastTick, ticks > last { put = nil }
        for resource in Observable.allCases { changes.append(Change(resource: resource, response: state(resource))) }
    }

    public func state(_ resource: Observable) -> Response {
        switch resource {
        case .obs: content(observed, maxAge: 5)
        case .obsNon: content(Representation("\(ticks)"), maxAge: 5)
        case .obsLarge: content(Representation(Array("\(ticks) ".utf8) + Self.text(1280)), maxAge: 5)
        // In blocks and in one message by turns (OBS_14).
        case .obsPumping:
            content(Representation(Array("\(ticks) ".utf8) + Self.text(ticks % 2 == 0 ? 1280 : 60)), maxAge: 5)
        }
    }

    var observed: Representation { put?.representation ?? Representation("\(ticks)") }

    func time(_ now: Int64) -> Representation {
        Representation("\((now + unixOffset) / 1_000_000_000)")
    }

    func content(_ representation: Representation, maxAge: UInt64? = nil, eTag: Bool = false) -> Response {
        var options = [MessageOption(.contentFormat, uint: representation.format)]
        if let maxAge { options.append(MessageOption(.maxAge, uint: maxAge)) }
        if eTag { options.append(MessageOption(.eTag, representation.eTag)) }
        return Response(.content, options: options, payload: representation.payload)
    }

    /// Lines of 64 bytes, so that a block shows where it belongs.
    static func text(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        var line = 0
        while bytes.count < count {
            let label = Array("\(line): ".utf8)
            bytes += label + [UInt8](repeating: UInt8(ascii: "a") + UInt8(line % 26), count: 63 - label.count)
            bytes.append(UInt8(ascii: "\n"))
            line += 1
        }
        return Array(bytes.prefix(count))
    }
}
