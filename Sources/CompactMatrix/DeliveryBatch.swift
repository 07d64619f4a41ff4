public import CBOR

/// Deliveries that travel together, in a session that remembers identifiers.
///
/// A sequence of CBOR items: for each delivery the sender, as text or as the integer of an `IdentifierReference`; the time, in
/// seconds of Unix time for the first, then as the difference to the one before; and what was said: a text, an array of verb
/// and arguments, or a byte string with an event in compact Matrix.
public enum DeliveryBatch {
    public enum Content: Sendable {
        case said(Delivery.Content)
        /// Any other event: an object of type and content in compact Matrix.
        case event([UInt8])
    }

    public struct Item: Sendable {
        /// The Matrix user.
        public var sender: String
        public var unixSeconds: UInt64
        public var content: Content

        public init(sender: String, unixSeconds: UInt64, content: Content) {
            self.sender = sender
            self.unixSeconds = unixSeconds
            self.content = content
        }
    }

    /// Why bytes are no batch.
    public enum Refusal: Error, Equatable, Sendable {
        case malformed(CBORError)
        /// A reference to what is not remembered: to be answered so, and sent again in words.
        case unknownReference
    }

    public static func encode(_ items: [Item], _ pass: inout IdentifierPass) -> [UInt8] {
        var writer = CBORWriter()
        var latest: UInt64?
        for item in items {
            if let reference = pass.write(Array(item.sender.utf8)) {
                writer.integer(reference)
            } else {
                writer.text(item.sender)
            }
            if let latest {
                writer.integer(Int64(truncatingIfNeeded: item.unixSeconds &- latest))
            } else {
                writer.unsigned(item.unixSeconds)
            }
            latest = item.unixSeconds
            switch item.content {
            case .said(.message(let text)): writer.text(text)
            case .said(.command(let verb, let arguments)):
                writer.array(2)
                writer.text(verb)
                writer.map(arguments.count)
                for argument in arguments {
                    writer.text(argument.key)
                    writer.text(argument.value)
                }
            case .event(let bytes): writer.bytes(bytes)
            }
        }
        return writer.bytes
    }

    public static func decode(_ bytes: [UInt8], _ pass: inout IdentifierPass) throws(Refusal) -> [Item] {
        var isUnknown = false
        do throws(CBORError) {
            return try items(bytes, &pass, &isUnknown)
        } catch {
            if isUnknown { throw .unknownReference }
            throw .malformed(error)
        }
    }

    private static func items(
        _ bytes: [UInt8], _ pass: inout IdentifierPass, _ isUnknown: inout Bool
    ) throws(CBORError) -> [Item] {
        var reader = CBORReader(bytes)
        var items: [Item] = []
        var latest: UInt64?
        while !reader.isAtEnd {
            let start = reader.position
            let sender: String
            if bytes[start] >> 5 < 2 {
                guard let known = pass.read(reference: try reader.integer()) else {
                    isUnknown = true
                    throw .outOfRange(at: start)
                }
                guard let text = CBORReader.string(known) else { throw .invalidText(at: start) }
                sender = text
            } else {
                sender = try reader.text()
                pass.read(Array(sender.utf8))
            }
            let time: UInt64
            if let latest {
                time = latest &+ UInt64(bitPattern: try reader.integer())
            } else {
                time = try reader.unsigned()
            }
            latest = time
            items.append(Item(sender: sender, unixSeconds: time, content: try content(&reader, bytes)))
        }
        return items
    }

    private static func content(_ reader: inout CBORReader, _ bytes: [UInt8]) throws(CBORError) -> Content {
        guard !reader.isAtEnd else { throw .truncated(at: reader.position) }
        switch bytes[reader.position] >> 5 {
        case 2: return .event(try reader.bytes())
        case 3: return .said(.message(try reader.text()))
        default:
            let start = reader.position
            guard try reader.array() == 2 else { throw .unexpectedType(at: start) }
            let verb = try reader.text()
            var arguments: [(key: String, value: String)] = []
            for _ in 0..<(try reader.map()) {
                let key = try reader.text()
                arguments.append((key, try reader.text()))
            }
            return .said(.command(verb: verb, arguments: arguments))
        }
    }
}
