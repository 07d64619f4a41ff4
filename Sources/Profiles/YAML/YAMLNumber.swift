/// Numbers as a person writes them in a file, and as an error shows them again.
enum YAMLNumber {
    /// Decimal only: `Double` alone would take `0x10`, `nan` and `inf` as well.
    static func parse(_ text: String) -> Double? {
        guard text.utf8.count <= 40, text.utf8.allSatisfy({ allowed.contains($0) }), let value = Double(text),
            value.isFinite
        else { return nil }
        return value
    }

    private static let allowed = Array("0123456789.+-eE".utf8)

    /// `86400` and not `86400.0`.
    static func text(_ value: Double) -> String {
        value == value.rounded() && value.magnitude < 1e15 ? String(Int64(value)) : String(value)
    }

    /// The unit is in the key; who wrote one behind the number as well has to be told.
    static func unit(of key: String) -> String {
        let units = [
            ("_bps", "bit/s"), ("_bytes", "bytes"), ("_percent", "percent"), ("_s", "seconds"), ("_hz", "Hz"),
            ("_ma", "mA"), ("_ua", "µA"), ("_mah", "mAh"), ("_mj", "mJ"), ("_v", "V"), ("_db", "dB"), ("_days", "days"),
        ]
        guard let unit = units.first(where: { key.hasSuffix($0.0) }) else { return "" }
        return " (\(unit.1); the unit is not written)"
    }
}
