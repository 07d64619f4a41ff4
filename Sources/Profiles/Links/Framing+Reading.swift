internal import LinkModel

extension Framing {
    static func read(_ section: YAMLSection, _ basis: Framing) throws(FieldError) -> Framing {
        var framing = basis
        let rate = try Rate.read(section, "rate_bps")
        let lora = try LoRaModulation.read(try section.section("lora"))
        let blocks = try blocks(try section.section("blocks"))
        let given = [("rate_bps", rate), ("lora", lora), ("blocks", blocks)].filter { $0.1 != nil }
        guard given.count <= 1 else {
            throw section.failure(
                given[1].0, "one of rate_bps, lora and blocks says how long a datagram takes, not two")
        }
        if let airtime = given.first?.1 { framing.airtime = airtime }
        if let bytes = try section.integer("overhead_bytes", 0...1000) { framing.overheadBytes = Int(bytes) }
        if let fixed = try section.seconds("fixed_s", 0...3600) { framing.fixed = fixed }
        if let copies = try section.integer("copies", 1...100) { framing.copies = Int(copies) }
        return framing
    }

    private static func blocks(_ section: YAMLSection) throws(FieldError) -> Airtime? {
        let bytes = try section.integer("bytes", 1...65_507)
        let duration = try section.seconds("duration_s", 0.001...86_400)
        try section.finish()
        guard !section.isEmpty else { return nil }
        guard let bytes else { throw section.failure("bytes", "is missing: what a block holds") }
        guard let duration else { throw section.failure("duration_s", "is missing: how long a block takes") }
        return .blocks(bytes: Int(bytes), duration: duration)
    }
}

extension Rate {
    /// A number, or a fraction such as 10400/3: exact either way.
    static func read(_ section: YAMLSection, _ key: String) throws(FieldError) -> Framing.Airtime? {
        guard let text = try section.string(key) else { return nil }
        guard let rate = Rate(text) else {
            throw section.failure(
                key,
                "\(section.shown(text)) is neither a number from 0 (too fast to matter) to 10000000000 with at most 6 "
                    + "decimals nor a fraction such as 10400/3 (bit/s; the unit is not written)")
        }
        return .rate(rate)
    }

    private init?(_ text: String) {
        let most: UInt64 = 10_000_000_000
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard text.utf8.count <= 30, let first = parts.first, parts.count <= 2 else { return nil }
        if parts.count == 2 {
            guard let bits = UInt64(first), let seconds = UInt64(parts[1]), (1...1_000_000).contains(seconds),
                bits >= 1, bits <= 1_000_000_000_000, bits / seconds <= most
            else { return nil }
            self.init(bits: bits, seconds: seconds)
            return
        }
        let digits = first.split(separator: ".", omittingEmptySubsequences: false)
        guard digits.count <= 2, let whole = UInt64(digits[0]), whole <= most else { return nil }
        guard digits.count == 2 else {
            self.init(bits: whole)
            return
        }
        // 10^10 bit/s with 6 decimals would exceed what a rate holds.
        var decimals = digits[1]
        while decimals.last == "0" { decimals = decimals.dropLast() }
        guard decimals.count <= 6, decimals.allSatisfy({ $0.isASCII && $0.isNumber }) else { return nil }
        var scale: UInt64 = 1
        for _ in decimals { scale *= 10 }
        let bits = whole * scale + (UInt64(decimals) ?? 0)
        guard bits <= 1_000_000_000_000 else { return nil }
        self.init(bits: bits, seconds: scale)
    }
}

extension LoRaModulation {
    static func read(_ section: YAMLSection) throws(FieldError) -> Framing.Airtime? {
        let factor = try section.integer("spreading_factor", 5...12)
        let bandwidth = try section.integer("bandwidth_hz", 7_000...2_000_000)
        let rates: [(String, Int)] = [("4/5", 1), ("4/6", 2), ("4/7", 3), ("4/8", 4)]
        let coding = try section.choice("coding_rate", rates) ?? 1
        let preamble = try section.integer("preamble_symbols", 6...65_535) ?? 8
        let optimisations: [(String, LowDataRateOptimisation)] = [
            ("automatic", .automatic), ("on", .on), ("off", .off),
        ]
        let optimisation = try section.choice("low_data_rate", optimisations) ?? .automatic
        let hasCRC = try section.bool("crc") ?? true
        let hasHeader = try section.bool("explicit_header") ?? true
        try section.finish()
        guard !section.isEmpty else { return nil }
        guard let factor else { throw section.failure("spreading_factor", "is missing: 5 to 12") }
        guard let bandwidth else { throw section.failure("bandwidth_hz", "is missing: 125000 for most") }
        return .lora(
            LoRaModulation(
                spreadingFactor: Int(factor), bandwidth: Int(bandwidth), codingRate: coding,
                preambleSymbols: Int(preamble), lowDataRateOptimisation: optimisation, hasCRC: hasCRC,
                hasExplicitHeader: hasHeader))
    }
}
