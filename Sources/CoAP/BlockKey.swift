/// What makes two requests parts of one operation: method, every option that belongs to the cache key, and Request-Tag
/// (RFC 7959 section 2.4, RFC 9175 section 3.3). The payload does not count: each block has another.
public struct BlockKey: Equatable, Sendable {
    /// To be stored, and to be made from again.
    public let bytes: [UInt8]

    public init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    public init(_ request: Request) {
        var bytes = [request.method.rawValue]
        for option in request.options where Self.counts(option.number) {
            // The length in front: "a", "b" is another path than "ab".
            bytes.append(UInt8(option.number.rawValue >> 8))
            bytes.append(UInt8(option.number.rawValue & 0xFF))
            bytes.append(UInt8(truncatingIfNeeded: option.value.count >> 8))
            bytes.append(UInt8(truncatingIfNeeded: option.value.count))
            bytes.append(contentsOf: option.value)
        }
        self.bytes = bytes
    }

    var count: Int { bytes.count }

    private static func counts(_ number: OptionNumber) -> Bool {
        switch number {
        // The first request of several may observe, and each may have its own say about answers.
        case .block1, .block2, .qBlock1, .qBlock2, .observe, .noResponse, .ifMatch, .ifNoneMatch, .contentFormat: false
        // NoCacheKey (RFC 7252 section 5.4.6).
        default: number.rawValue & 0x1E != 0x1C
        }
    }
}
