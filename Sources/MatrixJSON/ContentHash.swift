/// Tells byte strings apart quickly. Whoever chooses them can make two with one hash: it only ever says what to compare.
enum ContentHash {
    static func of(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64 {
        let raw = UnsafeRawBufferPointer(bytes)
        var hash = UInt64(truncatingIfNeeded: raw.count)
        var place = 0
        while raw.count - place >= 8 {
            hash = mix(hash ^ raw.loadUnaligned(fromByteOffset: place, as: UInt64.self))
            place += 8
        }
        var rest: UInt64 = 0
        while place < raw.count {
            rest = rest << 8 | UInt64(raw[place])
            place += 1
        }
        return mix(hash ^ rest)
    }

    private static func mix(_ value: UInt64) -> UInt64 {
        let product = value &* 0x9E37_79B9_7F4A_7C15
        return product ^ product >> 29
    }

    /// - Precondition: `whole` has as many bytes from `start` on.
    static func areEqual(
        _ whole: UnsafeBufferPointer<UInt8>, from start: Int, _ bytes: UnsafeBufferPointer<UInt8>
    ) -> Bool {
        for place in 0..<bytes.count where whole[start + place] != bytes[place] { return false }
        return true
    }

    /// Whether one of these occurs twice. Their order is lost.
    static func hasDuplicates(_ hashes: inout [UInt64], from start: Int) -> Bool {
        let count = hashes.count - start
        if count <= 16 {
            for one in start..<max(start, hashes.count - 1) {
                for other in one + 1..<hashes.count where hashes[one] == hashes[other] { return true }
            }
            return false
        }
        hashes[start...].sort()
        for one in start..<hashes.count - 1 where hashes[one] == hashes[one + 1] { return true }
        return false
    }
}
