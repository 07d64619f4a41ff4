/// Integers that look like milliseconds of Unix time: from 2004 on, thirteen digits and more.
enum Milliseconds {
    static let range: Range<Int64> = 1 << 40..<1 << 48
    /// 2020-01-01T00:00:00Z: five bytes reach from there to 2054.
    static let epoch: Int64 = 1_577_836_800_000

    /// Five bytes since the epoch, or six since 1970.
    static func packed(_ value: Int64) -> [UInt8] {
        let since = value - epoch
        guard since >= 0, since < 1 << 40 else { return BigEndian.bytes(value, count: 6) }
        return BigEndian.bytes(since, count: 5)
    }

    static func unpacked(_ bytes: [UInt8]) -> Int64? {
        guard bytes.count == 5 || bytes.count == 6 else { return nil }
        let value = bytes.reduce(0) { $0 << 8 | Int64($1) } + (bytes.count == 5 ? epoch : 0)
        return range.contains(value) && packed(value).count == bytes.count ? value : nil
    }
}

/// Integers in bytes, the most significant first.
enum BigEndian {
    static func bytes(_ value: Int64, count: Int) -> [UInt8] {
        (0..<count).reversed().map { UInt8(truncatingIfNeeded: value >> Int64($0 * 8)) }
    }

    /// The fewest bytes of two's complement that hold it.
    static func shortest(_ value: Int64) -> [UInt8] {
        var count = 1
        while count < 8, value >> Int64(count * 8 - 1) != 0, value >> Int64(count * 8 - 1) != -1 { count += 1 }
        return bytes(value, count: count)
    }

    /// nil: not the fewest bytes.
    static func value(_ bytes: ArraySlice<UInt8>) -> Int64? {
        guard let first = bytes.first, bytes.count <= 8 else { return nil }
        let value = bytes.dropFirst().reduce(Int64(Int8(bitPattern: first))) { $0 << 8 | Int64($1) }
        return shortest(value).count == bytes.count ? value : nil
    }
}
