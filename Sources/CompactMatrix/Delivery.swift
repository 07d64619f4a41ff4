public import CBOR

/// What arrives at a device.
public struct Delivery: Sendable {
    public enum Content: Sendable {
        case message(String)
        /// `!DEVICE VERB [KEY=VALUE ...]` of somebody who may command it; arguments in the order written.
        case command(verb: String, arguments: [(key: String, value: String)])
    }

    /// The Matrix user.
    public var sender: String
    /// The homeserver's time of the event, in seconds of Unix time.
    public var unixSeconds: UInt64
    public var content: Content

    public init(sender: String, unixSeconds: UInt64, content: Content) {
        self.sender = sender
        self.unixSeconds = unixSeconds
        self.content = content
    }

    /// Bytes of the longest body that a gateway sends, in blocks where a message of the link is too short for it.
    public static var longestBody: Int { 4096 }

    /// `[sender, time, text]` for a message, `[sender, time, verb, {key: value}]` for a command.
    public var body: [UInt8] {
        var writer = CBORWriter()
        switch content {
        case .message(let text):
            writer.array(3)
            writer.text(sender)
            writer.unsigned(unixSeconds)
            writer.text(text)
        case .command(let verb, let arguments):
            writer.array(4)
            writer.text(sender)
            writer.unsigned(unixSeconds)
            writer.text(verb)
            writer.map(arguments.count)
            for argument in arguments {
                writer.text(argument.key)
                writer.text(argument.value)
            }
        }
        return writer.bytes
    }

    public init(decoding body: [UInt8]) throws(CBORError) {
        var reader = CBORReader(body)
        let count = try reader.array()
        guard count == 3 || count == 4 else { throw .unexpectedType(at: 0) }
        sender = try reader.text()
        unixSeconds = try reader.unsigned()
        let text = try reader.text()
        if count == 4 {
            var arguments: [(key: String, value: String)] = []
            for _ in 0..<(try reader.map()) {
                let key = try reader.text()
                arguments.append((key, try reader.text()))
            }
            content = .command(verb: text, arguments: arguments)
        } else {
            content = .message(text)
        }
        try reader.finish()
    }
}
