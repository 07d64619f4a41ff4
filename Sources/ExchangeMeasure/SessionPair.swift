import CoAP
import CompactMatrix
import NoiseSodium
import SecureDatagram

/// Both ends of a session in one process: what one seals, the other opens.
struct SessionPair {
    enum Direction {
        case up, down
    }

    /// A message on its way, with the bytes of each layer.
    struct Carried {
        let number: UInt64
        /// As the other end has it.
        let message: Message
        let answered: UInt64?
        let coap: [UInt8]
        let datagram: [UInt8]
    }

    /// What the tool itself got wrong, or the code under it.
    enum Failure: Error {
        case handshake
        case notOpened
        case otherMessage
    }

    private(set) var device: Session<WireSuite>
    private(set) var gateway: Session<WireSuite>
    let context: CompactContext
    /// Frames whose answers may still come.
    private var waiting: (up: [UInt64], down: [UInt64]) = ([], [])

    /// Both messages of the handshake, with a request and its answer in them.
    struct Handshake {
        let message1: [UInt8]
        let message2: [UInt8]
        let request: [UInt8]
        let answer: [UInt8]
    }

    /// The number that stands for that of a frame in a handshake's messages: no frame has it.
    static let handshakeNumber = UInt64.max

    static func open(
        _ random: inout SeededBits, request: [UInt8] = [], answer: [UInt8] = []
    ) throws -> (pair: SessionPair, handshake: Handshake) {
        let keys = (device: random.bytes(32), gateway: random.bytes(32))
        guard let number = DeviceNumber(1) else { throw Failure.handshake }
        let initiator = try Initiator<WireSuite>(
            device: number,
            keys: HandshakeKeys(privateKey: keys.device, peerKey: WireSuite.publicKey(of: keys.gateway)),
            payload: FirstPayload(counter: 1, revision: 0, request: request), ephemeral: random.bytes(32))
        guard let parsed = FrameHeader.parse(initiator.message1, fromDevice: true) else { throw Failure.handshake }
        let responder = try Responder<WireSuite>(
            datagram: initiator.message1, parsed: parsed,
            keys: HandshakeKeys(privateKey: keys.gateway, peerKey: WireSuite.publicKey(of: keys.device)))
        let (message2, gateway) = try responder.reply(.accepted, answer: answer, ephemeral: random.bytes(32))
        let received = try initiator.receive(message2)
        guard received.answer == answer, responder.payload.request == request else { throw Failure.handshake }
        return (
            SessionPair(
                device: received.session, gateway: gateway, context: CompactContext(observationToken: [1])),
            Handshake(message1: initiator.message1, message2: message2, request: request, answer: answer)
        )
    }

    private init(device: Session<WireSuite>, gateway: Session<WireSuite>, context: CompactContext) {
        self.device = device
        self.gateway = gateway
        self.context = context
    }

    /// The number of the next frame that way.
    func nextNumber(_ direction: Direction) -> UInt64 {
        direction == .up ? device.nextNumber : gateway.nextNumber
    }

    /// Sends a message in the next frame: compact, sealed, opened, read.
    mutating func carry(_ wanted: Message, _ direction: Direction, answering: UInt64? = nil) throws -> Carried {
        var message = wanted
        message.options.sort { $0.number.rawValue < $1.number.rawValue }
        let number = nextNumber(direction)
        let coap = try CompactMessage.encode(message, frame: number, answered: answering, context: context)
        let datagram: [UInt8]
        let opened: Session<WireSuite>.Opened
        switch direction {
        case .up:
            datagram = try device.seal(coap).bytes
            guard let parsed = FrameHeader.parse(datagram, fromDevice: true) else { throw Failure.notOpened }
            opened = try gateway.open(datagram, parsed)
        case .down:
            datagram = try gateway.seal(coap).bytes
            guard let parsed = FrameHeader.parse(datagram, fromDevice: false) else { throw Failure.notOpened }
            opened = try device.open(datagram, parsed)
        }
        guard case .fresh(number, coap) = opened else { throw Failure.notOpened }
        let outstanding = direction == .up ? waiting.down : waiting.up
        let read = try CompactMessage.decode(coap, frame: number, outstanding: outstanding, context: context)
        guard read.message == message, read.answered == answering else { throw Failure.otherMessage }
        if let answering {
            // The frame that is answered has come, and the sender of it knows.
            if direction == .up {
                gateway.confirm(answering)
                waiting.down.removeAll { $0 == answering }
            } else {
                device.confirm(answering)
                waiting.up.removeAll { $0 == answering }
            }
        } else if direction == .up {
            // A new request: the answer to the one before has come.
            if number > 0, gateway.nextNumber > 0 { gateway.confirm(gateway.nextNumber - 1) }
            waiting.up.append(number)
        } else {
            waiting.down.append(number)
        }
        return Carried(number: number, message: message, answered: answering, coap: coap, datagram: datagram)
    }

    /// A confirmable request of a shape, in the frame of the next number.
    func request(_ resource: Resource, _ payload: [UInt8], options: [MessageOption] = []) -> Message {
        let number = device.nextNumber
        return Message(
            type: .confirmable, code: .post, messageID: CompactContext.messageID(number),
            token: CompactContext.token(number), options: [MessageOption(.uriPath, resource.segment)] + options,
            payload: payload)
    }

    /// The piggybacked answer to a request.
    func answer(_ code: Code, to number: UInt64, _ payload: [UInt8], options: [MessageOption] = []) -> Message {
        Message(
            type: .acknowledgement, code: code, messageID: CompactContext.messageID(number),
            token: CompactContext.token(number), options: options, payload: payload)
    }

    /// A confirmable notification in the frame of the gateway's next number.
    func notification(_ payload: [UInt8]) -> Message {
        let number = gateway.nextNumber
        return Message(
            type: .confirmable, code: .content, messageID: CompactContext.messageID(number),
            token: context.observationToken ?? [],
            options: [MessageOption(.observe, uint: number & 0xFF_FFFF)], payload: payload)
    }
}
