/// From a point's coordinate y on the Edwards curve to its u on the Montgomery curve (RFC 7748, section 4.1):
/// u = (1 + y) / (1 - y) modulo p = 2^255 - 19.
///
/// libsodium multiplies the base point of Ed25519 in half the time that it takes for the same point of X25519, since it has
/// a table for the one, but turns the former into the latter only after a check of the point that takes longer than
/// both. For public values only: secrets stay in libsodium.
enum MontgomeryCoordinate {
    /// - Parameter encoded: y in 32 bytes, little-endian, with the sign of x in the highest bit (RFC 8032, section 5.1.2).
    static func u(ofEdwards encoded: [UInt8]) -> [UInt8] {
        let y = FieldElement(encoded)
        return ((FieldElement.one + y) * (FieldElement.one - y).inverse).encoded
    }
}

/// A number modulo p, in five limbs of 51 bits and a few more.
private struct FieldElement {
    private var a, b, c, d, e: UInt64
    private static var mask: UInt64 { 1 << 51 - 1 }
    static var one: FieldElement { FieldElement(1, 0, 0, 0, 0) }

    private init(_ a: UInt64, _ b: UInt64, _ c: UInt64, _ d: UInt64, _ e: UInt64) {
        (self.a, self.b, self.c, self.d, self.e) = (a, b, c, d, e)
    }

    /// The highest of the 256 bits is not part of the number.
    init(_ littleEndian: [UInt8]) {
        let words = littleEndian.withUnsafeBytes { bytes in
            (0..<4).map { UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8 * $0, as: UInt64.self)) }
        }
        let low = UInt128(words[1]) << 64 | UInt128(words[0])
        let high = UInt128(words[3]) << 64 | UInt128(words[2])
        func limb(_ bits: UInt128) -> UInt64 { UInt64(truncatingIfNeeded: bits) & Self.mask }
        self.init(limb(low), limb(low >> 51), limb(low >> 102 | high << 26), limb(high >> 25), limb(high >> 76))
    }

    /// What is above 51 bits, to the limb above; what is above 255, `wrap` times to the lowest.
    private func carried(wrap: UInt64 = 19) -> FieldElement {
        var value = self
        value.b += a >> 51
        value.c += value.b >> 51
        value.d += value.c >> 51
        value.e += value.d >> 51
        return FieldElement(
            a & Self.mask + wrap * (value.e >> 51), value.b & Self.mask, value.c & Self.mask, value.d & Self.mask,
            value.e & Self.mask)
    }

    /// The number below p in 32 bytes, little-endian.
    var encoded: [UInt8] {
        // Below 2^255, then plus 19 (which wraps where it is p or more), then less 19 again, by p more and 2^255 less.
        var value = carried().carried()
        value.a += 19
        value = value.carried()
        let p = FieldElement(Self.mask - 18, Self.mask, Self.mask, Self.mask, Self.mask)
        value = (value + p).carried(wrap: 0)
        let low = UInt128(value.a) | UInt128(value.b) << 51 | UInt128(value.c) << 102
        let high = UInt128(value.c >> 26) | UInt128(value.d) << 25 | UInt128(value.e) << 76
        return withUnsafeBytes(of: (low.littleEndian, high.littleEndian)) { Array($0) }
    }

    static func + (x: FieldElement, y: FieldElement) -> FieldElement {
        FieldElement(x.a + y.a, x.b + y.b, x.c + y.c, x.d + y.d, x.e + y.e)
    }

    /// Plus 2p, so that no limb goes below zero.
    static func - (x: FieldElement, y: FieldElement) -> FieldElement {
        let twice = 2 * mask
        return FieldElement(
            x.a + (twice - 36) - y.a, x.b + twice - y.b, x.c + twice - y.c, x.d + twice - y.d, x.e + twice - y.e)
    }

    static func * (x: FieldElement, y: FieldElement) -> FieldElement {
        // What would be above 255 bits, 19 times to the lowest.
        let (b, c, d, e) = (19 &* y.b, 19 &* y.c, 19 &* y.d, 19 &* y.e)
        return FieldElement(
            sums: product(x.a, y.a) &+ product(x.b, e) &+ product(x.c, d) &+ product(x.d, c) &+ product(x.e, b),
            product(x.a, y.b) &+ product(x.b, y.a) &+ product(x.c, e) &+ product(x.d, d) &+ product(x.e, c),
            product(x.a, y.c) &+ product(x.b, y.b) &+ product(x.c, y.a) &+ product(x.d, e) &+ product(x.e, d),
            product(x.a, y.d) &+ product(x.b, y.c) &+ product(x.c, y.b) &+ product(x.d, y.a) &+ product(x.e, e),
            product(x.a, y.e) &+ product(x.b, y.d) &+ product(x.c, y.c) &+ product(x.d, y.b) &+ product(x.e, y.a))
    }

    /// The same with what comes twice in it multiplied once. Inlined, so that a run of them stays in registers.
    @inline(__always)
    private var squared: FieldElement {
        let (a2, b2, d19, e19) = (2 &* a, 2 &* b, 19 &* d, 19 &* e)
        return FieldElement(
            sums: product(a, a) &+ product(b2, e19) &+ product(2 &* c, d19),
            product(a2, b) &+ product(2 &* c, e19) &+ product(d, d19),
            product(a2, c) &+ product(b, b) &+ product(2 &* d, e19),
            product(a2, d) &+ product(b2, c) &+ product(e, e19),
            product(a2, e) &+ product(b2, d) &+ product(c, c))
    }

    private static func product(_ x: UInt64, _ y: UInt64) -> UInt128 { UInt128(x) &* UInt128(y) }
    private func product(_ x: UInt64, _ y: UInt64) -> UInt128 { Self.product(x, y) }

    @inline(__always)
    private init(sums a: UInt128, _ b: UInt128, _ c: UInt128, _ d: UInt128, _ e: UInt128) {
        func limb(_ sum: UInt128) -> UInt64 { UInt64(truncatingIfNeeded: sum) & Self.mask }
        func carry(_ sum: UInt128) -> UInt64 { UInt64(truncatingIfNeeded: sum >> 51) }
        let b = b &+ a >> 51
        let c = c &+ b >> 51
        let d = d &+ c >> 51
        let e = e &+ d >> 51
        let lowest = limb(a) &+ 19 &* carry(e)
        self.init(lowest & Self.mask, limb(b) &+ lowest >> 51, limb(c), limb(d), limb(e))
    }

    private func squared(_ times: Int) -> FieldElement {
        var value = self
        for _ in 0..<times { value = value.squared }
        return value
    }

    /// The power p - 2 (Fermat), by way of the powers 2^n - 1.
    var inverse: FieldElement {
        let power2 = squared(1)
        let power9 = power2.squared(2) * self
        let power11 = power9 * power2
        let ones5 = power11.squared(1) * power9
        let ones10 = ones5.squared(5) * ones5
        let ones20 = ones10.squared(10) * ones10
        let ones40 = ones20.squared(20) * ones20
        let ones50 = ones40.squared(10) * ones10
        let ones100 = ones50.squared(50) * ones50
        let ones200 = ones100.squared(100) * ones100
        let ones250 = ones200.squared(50) * ones50
        return ones250.squared(5) * power11
    }
}
