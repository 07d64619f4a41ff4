/// A float by its shortest decimal digits: those that people and sensors write are few.
enum DecimalFloat {
    /// Exponent and mantissa; nil where the number has none, or where they are too large.
    static func packed(_ value: Double) -> [UInt8]? {
        guard value.isFinite, value != 0 || value.sign == .plus else { return nil }
        var mantissa: Int64 = 0
        var exponent = 0
        var isFraction = false
        var text = Array(value.description.utf8)
        if let mark = text.firstIndex(of: UInt8(ascii: "e")) {
            guard let power = Int(String(decoding: text[(mark + 1)...], as: UTF8.self)) else { return nil }
            exponent = power
            text.removeSubrange(mark...)
        }
        for byte in text {
            if byte == UInt8(ascii: ".") {
                isFraction = true
            } else if byte != UInt8(ascii: "-") {
                guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9"), mantissa < 1 << 56 else { return nil }
                mantissa = mantissa * 10 + Int64(byte - UInt8(ascii: "0"))
                if isFraction { exponent -= 1 }
            }
        }
        while mantissa != 0, mantissa % 10 == 0 {
            mantissa /= 10
            exponent += 1
        }
        if value < 0 { mantissa = -mantissa }
        guard let power = Int8(exactly: exponent) else { return nil }
        let packed = [UInt8(bitPattern: power)] + BigEndian.shortest(mantissa)
        return unpacked(packed)?.bitPattern == value.bitPattern ? packed : nil
    }

    static func unpacked(_ bytes: [UInt8]) -> Double? {
        guard let power = bytes.first, let mantissa = BigEndian.value(bytes.dropFirst()),
            let value = Double("\(mantissa)e\(Int8(bitPattern: power))"), value.isFinite
        else { return nil }
        return value
    }
}
