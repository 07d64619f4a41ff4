internal import CBOR
internal import CompactMatrix

/// What a device has to remember over a restart. Stored whole before the datagrams leave that depend on it.
struct DeviceSnapshot {
    /// A request under way, with what it takes to repeat its very datagram.
    struct Pending {
        /// The CoAP message.
        var message: [UInt8]
        /// The frame as sent; empty where it is a message 1, which is made again from `ephemeral`.
        var datagram: [UInt8]
        var frameNumber: UInt64
        /// The ephemeral key of the handshake; empty where the session stood.
        var ephemeral: [UInt8]
        /// Of a body that goes up in blocks, of which the message is one; nil: it is whole.
        var upload: Upload?
    }

    /// How far a body has come that goes up in blocks.
    struct Upload {
        var body: [UInt8]
        var exponent: UInt8
        /// Bytes that the gateway has.
        var sent: Int
    }

    /// The one before knew no compact headers, the one before that no blocks.
    static let version: UInt64 = 5
    private static let versionWithoutHeld: UInt64 = 4
    private static let versionWithoutBlocks: UInt64 = 3

    var handshakeCounter: UInt64 = 0
    var nextMessageID: UInt16 = 0
    /// Names the newest delivery.
    var newestName: DeliveryName?
    /// The number, in `session`, of the newest frame that brought a delivery.
    var newestDelivery: UInt64?
    var session: [UInt8]?
    var previousSession: [UInt8]?
    var pending: Pending?
    /// Names a delivery that came in blocks, was heard, and is still to be confirmed.
    var unconfirmedTag: [UInt8] = []
    /// The next request is to bring a new session along.
    var wantsSession = false
    /// When the session was first looked at by a device with a clock.
    var sessionSinceUnixMilliseconds: Int64?
    /// Frames of the session whose answers may still come.
    var held: [UInt64] = []

    init() {}

    var encoded: [UInt8] {
        var writer = CBORWriter()
        writer.array(12)
        writer.unsigned(Self.version)
        writer.unsigned(handshakeCounter)
        writer.unsigned(UInt64(nextMessageID))
        writer.unsigned(newestName.map { $0.rawValue + 1 } ?? 0)
        writer.bytes(session ?? [])
        writer.bytes(previousSession ?? [])
        if let pending {
            writer.array(pending.upload == nil ? 4 : 7)
            writer.bytes(pending.message)
            writer.bytes(pending.datagram)
            writer.unsigned(pending.frameNumber)
            writer.bytes(pending.ephemeral)
            if let upload = pending.upload {
                writer.bytes(upload.body)
                writer.unsigned(UInt64(upload.exponent))
                writer.unsigned(UInt64(upload.sent))
            }
        } else {
            writer.array(0)
        }
        writer.unsigned(newestDelivery.map { $0 + 1 } ?? 0)
        writer.unsigned(wantsSession ? 1 : 0)
        writer.unsigned(sessionSinceUnixMilliseconds.map { UInt64(max($0, 0)) } ?? 0)
        writer.bytes(unconfirmedTag)
        writer.array(held.count)
        for frame in held { writer.unsigned(frame) }
        return writer.bytes
    }

    init(decoding bytes: [UInt8]) throws(DeviceStateError) {
        do throws(CBORError) {
            var reader = CBORReader(bytes)
            let fields = try reader.array()
            let version = try reader.unsigned()
            switch (version, fields) {
            case (Self.version, 12), (Self.versionWithoutHeld, 11), (Self.versionWithoutBlocks, 10): break
            default: throw CBORError.unexpectedType(at: 1)
            }
            handshakeCounter = try reader.unsigned()
            nextMessageID = UInt16(truncatingIfNeeded: try reader.unsigned())
            let sequence = try reader.unsigned()
            newestName = sequence == 0 ? nil : DeliveryName(rawValue: sequence - 1)
            let session = try reader.bytes()
            self.session = session.isEmpty ? nil : session
            let previous = try reader.bytes()
            previousSession = previous.isEmpty ? nil : previous
            let pendingFields = try reader.array()
            if pendingFields == 4 || pendingFields == 7 {
                pending = Pending(
                    message: try reader.bytes(), datagram: try reader.bytes(), frameNumber: try reader.unsigned(),
                    ephemeral: try reader.bytes())
            }
            if pendingFields == 7 {
                pending?.upload = Upload(
                    body: try reader.bytes(), exponent: UInt8(truncatingIfNeeded: try reader.unsigned()),
                    sent: Int(truncatingIfNeeded: try reader.unsigned()))
            }
            let newest = try reader.unsigned()
            newestDelivery = newest == 0 ? nil : newest - 1
            wantsSession = try reader.unsigned() == 1
            let since = try reader.unsigned()
            sessionSinceUnixMilliseconds = since == 0 ? nil : Int64(clamping: since)
            if fields >= 11 { unconfirmedTag = try reader.bytes() }
            if fields >= 12 {
                for _ in 0..<(try reader.array()) { held.append(try reader.unsigned()) }
            }
            try reader.finish()
        } catch {
            throw .unreadable
        }
    }
}

/// Why a device's stored state cannot be used.
public enum DeviceStateError: Error, Equatable, Sendable {
    /// Damaged, or written by a newer version. Going on without it could use a frame number twice.
    case unreadable
}
