internal import Noise

extension Session {
    private static var version: UInt8 { 3 }
    /// Without witnesses.
    private static var versionBefore: UInt8 { 2 }

    /// The session as it has to be stored: keys in clear, so a secret file or a sealed column.
    public func encoded() -> [UInt8] {
        var bytes: [UInt8] = [Self.version, role.rawValue, UInt8(id.count)]
        bytes += id
        Self.append(UInt64(device.rawValue), to: &bytes)
        Self.append(leaseEnd, to: &bytes)
        Self.append(confirmed.map { $0 + 1 } ?? 0, to: &bytes)
        Self.append(received.highest.map { $0 + 1 } ?? 0, to: &bytes)
        Self.append(received.bits.0, to: &bytes)
        Self.append(received.bits.1, to: &bytes)
        Self.append(received.bits.2, to: &bytes)
        Self.append(sending.epoch, to: &bytes)
        bytes += sending.key.bytes
        Self.append(receiving.epoch, to: &bytes)
        bytes += receiving.key.bytes
        bytes.append(receiving.previousKey == nil ? 0 : 1)
        bytes += receiving.previousKey?.bytes ?? []
        return bytes + witnesses.encoded
    }

    /// Reads `encoded()` back. The next number is the end of the lease: what was used of it is not known.
    public init?(decoding bytes: [UInt8]) {
        var reader = SnapshotReader(bytes)
        guard let version = reader.byte(), version == Self.version || version == Self.versionBefore,
            let role = reader.byte().flatMap({ Role(rawValue: $0) }),
            let idLength = reader.byte(), let id = reader.bytes(Int(idLength)),
            let rawDevice = reader.uint64(), rawDevice <= UInt64(DeviceNumber.largest),
            let device = DeviceNumber(UInt32(rawDevice)),
            let leaseEnd = reader.uint64(), let confirmed = reader.uint64(), let highest = reader.uint64(),
            let bits0 = reader.uint64(), let bits1 = reader.uint64(), let bits2 = reader.uint64(),
            let sending = Self.key(from: &reader), let receiving = Self.key(from: &reader),
            let hasPrevious = reader.byte(), hasPrevious <= 1
        else { return nil }
        var previous: CipherKey<Suite>?
        if hasPrevious == 1 {
            guard let bytes = reader.bytes(32) else { return nil }
            previous = CipherKey(bytes)
        }
        var witnesses = Witnesses()
        if version == Self.version {
            guard let bytes = reader.bytes(2 * Witnesses.kept) else { return nil }
            witnesses = Witnesses(bytes)
        }
        guard reader.isAtEnd else { return nil }
        self.init(
            id: id, role: role, device: device, nextNumber: leaseEnd, leaseEnd: leaseEnd,
            confirmed: confirmed == 0 ? nil : confirmed - 1,
            received: ReplayWindow(highest: highest == 0 ? nil : highest - 1, bits: (bits0, bits1, bits2)),
            witnesses: witnesses, sending: sending, receiving: EpochKeys(receiving, previousKey: previous))
    }

    private static func key(from reader: inout SnapshotReader) -> EpochKey<Suite>? {
        guard let epoch = reader.uint64(), let key = reader.bytes(32) else { return nil }
        return EpochKey(epoch: epoch, key: CipherKey(key))
    }

    private static func append(_ value: UInt64, to bytes: inout [UInt8]) {
        var shift: UInt64 = 64
        while shift > 0 {
            shift -= 8
            bytes.append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }
}

/// Reads the fixed fields of a stored session.
struct SnapshotReader {
    private let all: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) {
        all = bytes
    }

    var isAtEnd: Bool { position == all.count }

    mutating func byte() -> UInt8? {
        bytes(1)?[0]
    }

    mutating func bytes(_ count: Int) -> [UInt8]? {
        guard position + count <= all.count else { return nil }
        defer { position += count }
        return Array(all[position..<position + count])
    }

    mutating func uint64() -> UInt64? {
        guard let eight = bytes(8) else { return nil }
        var value: UInt64 = 0
        for byte in eight { value = value << 8 | UInt64(byte) }
        return value
    }
}
