/// What a document from outside may cost, JSON and CBOR alike.
public struct DocumentLimits: Sendable, Equatable {
    /// Length of the input in bytes.
    public var maximumBytes: Int
    /// Arrays and objects within one another; 1 allows no nesting, 0 no container.
    public var maximumDepth: Int
    /// Values of any kind, containers included, keys not. A value takes up to 50 bytes of memory or so for one of input.
    public var maximumValues: Int

    public init(maximumBytes: Int = 16 << 20, maximumDepth: Int = 128, maximumValues: Int = 1_000_000) {
        self.maximumBytes = maximumBytes
        self.maximumDepth = maximumDepth
        self.maximumValues = maximumValues
    }

    /// 16 MiB, 128 levels, a million values: an answer of a homeserver.
    public static let standard = DocumentLimits()

    /// 64 KiB, 32 levels, 16,384 values: what one event or one request of a device may be (Matrix events end at 65,536 bytes).
    public static let event = DocumentLimits(maximumBytes: 65_536, maximumDepth: 32, maximumValues: 16_384)
}
