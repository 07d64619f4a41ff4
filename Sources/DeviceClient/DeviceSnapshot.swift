internal import CBOR

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
    }

    static let version: UInt64 = 3

    var handshakeCounter: UInt64 = 0
    var nextMessageID: UInt16 = 0
    /// Observe value of the newest delivery.
    var lastSequence: UInt64?
    /// The number, in `session`, of the newest frame that brought a delivery.
    var newestDelivery: UInt64?
    var session: [UInt8]?
    var previousSession: [UInt8]?
    var pending: Pending?
    /// The next request is to bring a new session along.
    var wantsSession = false
    /// When the session was first looked at by a device with a clock.
    var sessionSinceUnixMilliseconds: Int64?

    init() {}

    var encoded: [UInt8] {
        var writer = CBORWriter()
        writer.array(10)
        writer.unsigned(Self.version)
        writer.unsigned(handshakeCounter)
        writer.unsigned(UInt64(nextMessageID))
        writer.unsigned(lastSequence.map { $0 + 1 } ?? 0)
        writer.bytes(session ?? [])
        writer.bytes(previousSession ?? [])
        if let pending {
            writer.array(4)
            writer.bytes(pending.message)
            writer.bytes(pending.datagram)
            writer.unsigned(pending.frameNumber)
            writer.bytes(pending.ephemeral)
        } else {
            writer.array(0)
        }
        writer.unsigned(newestDelivery.map { $0 + 1 } ?? 0)
        writer.unsigned(wantsSession ? 1 : 0)
        writer.unsigned(sessionSinceUnixMilliseconds.map { UInt64(max($0, 0)) } ?? 0)
        return writer.bytes
    }

    init(decoding bytes: [UInt8]) throws(DeviceStateError) {
        do throws(CBORError) {
            var reader = CBORReader(bytes)
            let fields = try reader.array()
            let version = try reader.unsigned()
            guard version == Self.version else { throw CBORError.unexpectedType(at: 1) }
            guard fields == 10 else { throw CBORError.unexpectedType(at: 0) }
            handshakeCounter = try reader.unsigned()
            nextMessageID = UInt16(truncatingIfNeeded: try reader.unsigned())
            let sequence = try reader.unsigned()
            lastSequence = sequence == 0 ? nil : sequence - 1
            let session = try reader.bytes()
            self.session = session.isEmpty ? nil : session
            let previous = try reader.bytes()
            previousSession = previous.isEmpty ? nil : previous
            if try reader.array() == 4 {
                pending = Pending(
                    message: try reader.bytes(), datagram: try reader.bytes(), frameNumber: try reader.unsigned(),
                    ephemeral: try reader.bytes())
            }
            let newest = try reader.unsigned()
            newestDelivery = newest == 0 ? nil : newest - 1
            wantsSession = try reader.unsigned() == 1
            let since = try reader.unsigned()
            sessionSinceUnixMilliseconds = since == 0 ? nil : Int64(clamping: since)
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
