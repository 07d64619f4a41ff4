internal import LinkModel

extension LossModel {
    /// A person knows the average and how long an outage lasts; the other ways are for those who have measured more.
    static func read(_ section: YAMLSection, _ basis: LossModel) throws(FieldError) -> LossModel {
        let average = try section.perMillion("loss_percent")
        let outage = try section.seconds("outage_s", 0.001...2_592_000)
        let within = try section.perMillion("loss_within_percent")
        let outside = try section.perMillion("loss_outside_percent")
        let bitErrors = try section.number("bit_error_rate", 0...0.5)
        let frames = try frames(section)
        let chain = try GilbertElliott.read(try section.section("gilbert_elliott"))
        let trace = try TimeTrace.read(try section.section("trace"))

        for (key, isGiven) in [
            ("loss_within_percent", within != nil), ("loss_outside_percent", outside != nil),
        ] where isGiven && outage == nil { throw section.failure(key, "is of no use without outage_s") }
        guard outage == nil || average != nil else {
            throw section.failure("outage_s", "is of no use without loss_percent")
        }
        let given: [(key: String, model: LossModel?)] = [
            ("loss_percent", average.map { average in .bernoulli(perMillion: average) }),
            ("bit_error_rate", bitErrors.map { .bitErrors(perTrillion: UInt64(($0 * 1e12).rounded())) }),
            ("lost_datagrams", frames.map { .frames($0) }), ("gilbert_elliott", chain.map { .gilbertElliott($0) }),
            ("trace", trace.map { .intervals($0) }),
        ].filter { $0.model != nil }
        guard given.count <= 1 else {
            throw section.failure(given[1].key, "\(given[0].key) says already what is lost")
        }
        guard let model = given.first?.model else { return basis }
        if case .bernoulli(0) = model { return .none }
        guard let average, let outage else { return model }
        return .outages(
            try outages(section, average, outage, within: within ?? 1_000_000, outside: outside ?? 0))
    }

    /// The share of time in which the link is bad follows from what is lost on average, within and outside.
    private static func outages(
        _ section: YAMLSection, _ average: UInt32, _ outage: Int64, within: UInt32, outside: UInt32
    ) throws(FieldError) -> Outages {
        guard within > outside, average >= outside, average < within else {
            throw section.failure(
                "loss_percent",
                "\(section.shown(try section.string("loss_percent") ?? "")) has to lie between loss_outside_percent and loss_within_percent (0 and 100 unless given)"
            )
        }
        let bad = UInt64(average - outside) * 1_000_000 / UInt64(within - outside)
        return Outages(
            averagePerMillion: UInt32(bad), meanOutage: outage, lossWithinPerMillion: within,
            lossOutsidePerMillion: outside)
    }

    private static func frames(_ section: YAMLSection) throws(FieldError) -> [Bool]? {
        let text = try section.string("lost_datagrams")
        guard let path = try section.filePath("lost_datagrams_file") else {
            guard let text else { return nil }
            guard text.utf8.count <= 65_536, text.utf8.allSatisfy({ $0 == 0x30 || $0 == 0x31 }) else {
                throw section.failure(
                    "lost_datagrams", "\(section.shown(text)): 0 (arrives) and 1 (lost) are expected")
            }
            return text.utf8.map { $0 == 0x31 }
        }
        guard text == nil else {
            throw section.failure("lost_datagrams_file", "lost_datagrams says already what is lost")
        }
        return try TraceFile.signs(path, section.failure("lost_datagrams_file", ""))
    }
}

extension LossModel.GilbertElliott {
    /// netem's `gemodel P R 1-H 1-K`.
    static func read(_ section: YAMLSection) throws(FieldError) -> LossModel.GilbertElliott? {
        let p = try section.perMillion("p_percent")
        let r = try section.perMillion("r_percent")
        let bad = try section.perMillion("loss_bad_percent")
        let good = try section.perMillion("loss_good_percent")
        try section.finish()
        guard !section.isEmpty else { return nil }
        guard let p else { throw section.failure("p_percent", "is missing: from good to bad") }
        guard let r else { throw section.failure("r_percent", "is missing: from bad to good") }
        return LossModel.GilbertElliott(p: p, r: r, lossBad: bad ?? 1_000_000, lossGood: good ?? 0)
    }
}

extension LossModel.TimeTrace {
    static func read(_ section: YAMLSection) throws(FieldError) -> LossModel.TimeTrace? {
        let period = try section.seconds("period_s", 0.001...31_536_000)
        var down = try section.ranges("down", within: period)
        let path = try section.filePath("file")
        try section.finish()
        guard !section.isEmpty else { return nil }
        if let path {
            guard down.isEmpty else { throw section.failure("file", "down says already when the link is down") }
            down = try TraceFile.ranges(path, within: period, section.failure("file", ""))
        }
        guard !down.isEmpty else {
            throw section.failure("down", "is missing: from_s and to_s of each outage, or a file with them")
        }
        return LossModel.TimeTrace(down: down, period: period)
    }
}
