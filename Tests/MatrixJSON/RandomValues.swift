import MatrixJSON
import TestSupport

extension JSONValue {
    /// A value of any kind that JSON can say.
    ///
    /// - Parameter floats: whether floats may come up, which the CBOR of a device leaves out.
    static func random(_ random: inout SplitMix64, floats: Bool = true, depth: Int = 0) -> JSONValue {
        switch random.below(depth < 5 ? 10 : 7) {
        case 0: return .null
        case 1: return .bool(random.chance(50))
        case 2, 3:
            let edges: [Int64] = [
                0, -1, 23, 24, -24, -25, 255, 256, 65_535, 65_536, 4_294_967_295, 4_294_967_296, 9_007_199_254_740_991,
                .max,
                .min,
            ]
            if random.chance(20) { return .integer(edges[random.below(edges.count)]) }
            return .integer(Int64(bitPattern: random.next()) >> Int64(random.below(64)))
        case 4 where floats:
            // Halves, singles and doubles, subnormal ones of each, and those that look like integers.
            let value: Double =
                switch random.below(4) {
                case 0: Double(Float16(bitPattern: UInt16(truncatingIfNeeded: random.next())))
                case 1: Double(Float(bitPattern: UInt32(truncatingIfNeeded: random.next())))
                case 2: Double(bitPattern: random.next())
                default: Double(random.below(2_000_001) - 1_000_000) / [1, 10, 100, 1_000][random.below(4)]
                }
            return .double(value.isFinite ? value : -0.0)
        case 4, 5, 6: return .string(text(&random))
        case 7: return .array((0..<random.below(6)).map { _ in .random(&random, floats: floats, depth: depth + 1) })
        default:
            // Now and then more members than are compared one by one.
            let count = random.chance(3) ? 17 + random.below(20) : random.below(6)
            return .object(
                JSONObject(
                    (0..<count).map { _ in
                        JSONObject.Member(key: text(&random), value: .random(&random, floats: floats, depth: depth + 1))
                    }))
        }
    }

    private static func text(_ random: inout SplitMix64) -> String {
        let special: [Unicode.Scalar] = ["\"", "\\", "/", "\n", "\u{0}", "\u{1f}", "\u{7f}", "e", "\u{301}", "\u{e9}"]
        var text = ""
        for _ in 0..<(random.chance(5) ? 24 + random.below(300) : random.below(12)) {
            let scalar: Unicode.Scalar? =
                switch random.below(4) {
                case 0: special[random.below(special.count)]
                case 1: Unicode.Scalar(UInt32(random.next() % 0x11_0000))
                default: Unicode.Scalar(UInt32(0x20 + random.below(0x5F)))
                }
            text.unicodeScalars.append(scalar ?? "\u{fffd}")
        }
        return text
    }
}
