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
    /// - Parameter tokenBytes: 0: in the compact form, which says neither message id nor token; otherwise as RFC 7252 has
    ///   it, with a token of so many bytes.
    public init(_ resource: Resource, bodyBytes: Int, tokenBytes: Int = 0) {
        let frame: UInt64 = 1
        let isCompact = tokenBytes <= 0
        let id = CompactContext.messageID(frame)
        let token = isCompact ? CompactContext.token(frame) : [UInt8](repeating: 0, count: min(8, tokenBytes))
        let request = Message(
            type: .confirmable, code: .post, messageID: id, token: token,
            options: [MessageOption(.uriPath, resource.segment)], payload: [0])
        let answer = Message(type: .acknowledgement, code: .changed, messageID: id, token: token)
        body = bodyBytes
        // Neither can fail: both are within all of CoAP's limits.
        if isCompact {
            let context = CompactContext()
            coap = ((try? CompactMessage.encode(request, frame: frame, context: context).count) ?? 1) - 1
            answerCoAP =
                (try? CompactMessage.encode(answer, frame: frame + 1, answered: frame, context: context).count) ?? 0
        } else {
            coap = ((try? request.encoded().count) ?? 1) - 1
            answerCoAP = (try? answer.encoded().count) ?? 0
        }
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
        return MessageBytes(resource, bodyBytes: body, tokenBytes: coap.tokenBytes)
    }
}
