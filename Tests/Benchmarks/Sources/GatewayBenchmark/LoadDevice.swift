import CoAP
import CompactMatrix
import NoiseSodium
import SecureDatagram

/// A device with a provisioned session that sends one text after the other.
struct LoadDevice {
    private var session: Session<WireSuite>
    private var messageID: UInt16 = 0
    /// On its way, and repeated as it is.
    private(set) var frame: [UInt8] = []
    var sentAt: Int64 = 0
    var firstSentAt: Int64 = 0

    init(_ session: Session<WireSuite>) { self.session = session }

    /// The next message's frame.
    mutating func next() throws -> [UInt8] {
        messageID &+= 1
        let message = Message(
            type: .confirmable, code: .post, messageID: messageID,
            options: [MessageOption(.uriPath, Resource.text.segment)],
            payload: Uplink.text("temperature 21.5 °C").body)
        frame = try session.seal(try message.encoded()).bytes
        return frame
    }

    /// Whether a datagram acknowledges the message that is on its way: on disk.
    mutating func accepts(_ datagram: [UInt8]) throws -> Bool {
        guard let parsed = FrameHeader.parse(datagram, fromDevice: false),
            case .fresh(_, let plaintext)? = try? session.open(datagram, parsed)
        else { return false }
        let message = try Message(decoding: plaintext)
        guard message.messageID == messageID else { return false }
        guard message.code == .changed else { throw Problem("a message was answered \(message.code)") }
        if let number = frameNumber { session.confirm(number) }
        frame = []
        return true
    }

    private var frameNumber: UInt64? { session.nextNumber == 0 ? nil : session.nextNumber - 1 }
}

struct Problem: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
