internal import CoAP
public import CompactMatrix
internal import LinkModel

/// What a message measures on a link, layer by layer; the session is up, and the device's number below 128.
public struct MessageBytes: Equatable, Sendable, Encodable {
    /// A transport frame's header and tag: first byte, device number and 16 bytes up; without the number down.
    public static let frameUp = 18
    public static let frameDown = 17
    /// The shortest MTU with which a handshake fits into one datagram; a handshake never fragments.
    public static let handshakeMTU = 128

    public var body: Int
    /// Header, options and payload marker.
    public var coap: Int
    /// Of the empty answer.
    public var answerCoAP: Int

    /// UDP payload, as the link is handed it.
    public var up: Int { Self.frameUp + coap + body }
    public var down: Int { Self.frameDown + answerCoAP }

    /// A confirmable request with this body, and the piggybacked answer without one.
    ///
    /// - Parameter verbatimTokenBytes: of a CoAP stack that speaks as RFC 7252 has it; nil: headers are compact.
    public init(_ resource: Resource, bodyBytes: Int, verbatimTokenBytes: Int? = nil) {
        let token =
            verbatimTokenBytes.map { [UInt8](repeating: 0, count: max(0, min(8, $0))) } ?? CompactContext.token(0)
        let request = Message(
            type: .confirmable, code: .post, messageID: 0, token: token,
            options: [MessageOption(.uriPath, resource.segment)], payload: [0])
        let answer = Message(type: .acknowledgement, code: .changed, messageID: 0, token: token)
        body = bodyBytes
        // None can fail: all are within CoAP's limits.
        var requestBytes = (try? request.encoded()) ?? []
        var answerBytes = (try? answer.encoded()) ?? []
        if verbatimTokenBytes == nil {
            var conversation = CompactConversation(session: [], lifetime: 1)
            requestBytes = (try? conversation.encode(requestBytes, frame: 0, now: 0)) ?? requestBytes
            answerBytes =
                (try? CompactConversation.encode(
                    answer: answerBytes, frame: 0, answered: 0, form: .short)) ?? answerBytes
        }
        coap = requestBytes.count - 1
        answerCoAP = answerBytes.count
    }

    /// `18 (frame) + 1 (CoAP) + 4 (body) = 23`.
    public var sumUp: String { "\(Self.frameUp) (frame) + \(coap) (CoAP) + \(body) (body) = \(up)" }
    var sumDown: String { "\(Self.frameDown) (frame) + \(answerCoAP) (CoAP) = \(down)" }
}

extension LinkProfile {
    /// Why not even the shortest frame gets through, with the sum; nil: it does.
    public var smallestFrameProblem: String? {
        let least = MessageBytes.frameUp + 1
        if link.up.mtu < least {
            return
                "\(name) carries \(link.up.mtu) bytes up; the shortest frame has \(MessageBytes.frameUp) + 1 = \(least)"
        }
        let leastDown = MessageBytes.frameDown + 1
        if link.down.mtu < leastDown {
            return
                "\(name) carries \(link.down.mtu) bytes down; the shortest frame has \(MessageBytes.frameDown) + 1 = "
                + "\(leastDown), so that nothing could be acknowledged"
        }
        return nil
    }
}

extension DeviceProfile {
    /// What its first example measures; without examples a reading of 12 bytes.
    public var messageBytes: MessageBytes { messageBytes(of: payload.examples.first) }

    public func messageBytes(of example: Example?) -> MessageBytes {
        var resource = Resource.reading
        if case .template = payload.codec { resource = .packedReading }
        var body = example?.bytes.count ?? 12
        if example == nil, case .template(let template) = payload.codec { body = template.byteCount }
        return MessageBytes(resource, bodyBytes: body, verbatimTokenBytes: coap.verbatimTokenBytes)
    }
}
