public import CoAP

/// A request that both ends of a session know beforehand: what is not in it is the payload.
public struct RequestShape: Equatable, Sendable {
    public var method: Code
    /// All of them, in the order of their numbers.
    public var options: [MessageOption]

    public init(_ method: Code, _ options: [MessageOption]) {
        self.method = method
        self.options = options
    }

    init(_ method: Code, _ resource: Resource, observe: UInt64? = nil) {
        var options: [MessageOption] = []
        if let observe { options.append(MessageOption(.observe, uint: observe)) }
        options.append(MessageOption(.uriPath, resource.segment))
        self.init(method, options)
    }

    /// The gateway's resources; only ever added to, up to `CompactHeader.mostShapes`.
    public static var standard: [RequestShape] {
        [
            RequestShape(.post, .text), RequestShape(.post, .reading), RequestShape(.post, .event),
            RequestShape(.get, .messages, observe: 0), RequestShape(.get, .messages, observe: 1),
            RequestShape(.get, .messages), RequestShape(.post, .packedReading),
            RequestShape(.post, .exchange),
        ]
    }
}
