/// What is remembered of an accepted frame: enough of its tag to notice that another one came under its number.
struct Witness: Equatable, Sendable {
    var number: UInt64
    private var end: UInt64

    /// - Parameter tag: 16 bytes.
    init(number: UInt64, tag: ArraySlice<UInt8>) {
        self.number = number
        end = 0
        for byte in tag.suffix(8) { end = end << 8 | UInt64(byte) }
    }
}
