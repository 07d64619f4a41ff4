internal import LinkModel
internal import Links

extension RadioLink {
    /// Top-level values are those of both directions; `up` (towards the gateway) and `down` override them.
    static func read(_ section: YAMLSection) throws(FieldError) -> RadioLink {
        let both = try Direction.read(section, Direction(Framing(.rate(.unlimited))))
        let upSection = try section.section("up")
        let downSection = try section.section("down")
        let up = try Direction.read(upSection, both)
        let down = try Direction.read(downSection, both)
        let knowsUp = try knowsRate(up, upSection, section)
        let knowsDown = try knowsRate(down, downSection, section)
        try upSection.finish()
        try downSection.finish()
        var link = RadioLink(
            up: up, down: down, duplex: try duplex(section), medium: try Medium.read(section),
            downlink: try downlink(section, bands: down.bands), windows: try windows(section))
        link.isRateKnown = knowsUp && knowsDown
        if let processing = try section.seconds("processing_s", 0...3600) { link.processing = processing }
        return link
    }

    /// Whether it is said how long a datagram takes, be it that it takes no time.
    private static func knowsRate(
        _ direction: Direction, _ sections: YAMLSection...
    ) throws(FieldError) -> Bool {
        if direction.framing.airtime != .rate(.unlimited) { return true }
        for section in sections where try section.string("rate_bps") != nil { return true }
        return false
    }

    private static func duplex(_ section: YAMLSection) throws(FieldError) -> Duplex {
        let isHalf = try section.choice("duplex", [("full", false), ("half", true)]) ?? false
        let turnaround = try section.seconds("turnaround_s", 0...3600)
        guard isHalf || turnaround == nil else {
            throw section.failure("turnaround_s", "is of no use without duplex: half")
        }
        return isHalf ? .half(turnaround: turnaround ?? 0) : .full
    }

    private static func downlink(_ section: YAMLSection, bands: [SubBand]) throws(FieldError) -> DownlinkRule {
        let isAfterUplink = try section.choice("downlink", [("any-time", false), ("after-uplink", true)]) ?? false
        let items = try section.sections("downlink_openings")
        guard isAfterUplink else {
            guard items.isEmpty else {
                throw section.failure("downlink_openings", "is of no use without downlink: after-uplink")
            }
            return .anyTime
        }
        var openings: [DownlinkRule.Opening] = []
        for item in items {
            guard let delay = try item.seconds("delay_s", 0...86_400) else {
                throw item.failure("delay_s", "is missing: seconds from the end of the uplink")
            }
            var band: Int?
            if let name = try item.string("band") {
                band = bands.firstIndex { $0.name == name }
                guard band != nil else {
                    let names = bands.map(\.name).joined(separator: ", ")
                    throw item.failure(
                        "band", "\(item.shown(name)) is no band of the direction down; there are: \(names)")
                }
            }
            openings.append(.init(delay: delay, band: band))
            try item.finish()
        }
        guard !openings.isEmpty else {
            throw section.failure("downlink", "after-uplink needs downlink_openings: when the device listens")
        }
        return .afterUplink(openings)
    }

    private static func windows(_ section: YAMLSection) throws(FieldError) -> ContactWindows? {
        let part = try section.section("windows")
        let period = try part.seconds("period_s", 0.001...31_536_000)
        let open = try part.ranges("open", within: period)
        try part.finish()
        guard !part.isEmpty else { return nil }
        guard !open.isEmpty else { throw part.failure("open", "is missing: from_s and to_s of each window") }
        return ContactWindows(open: open, period: period)
    }
}

extension Medium {
    static func read(_ section: YAMLSection) throws(FieldError) -> Medium {
        enum Word { case dedicated, scheduled, aloha, slotted, listening }
        let word =
            try section.choice(
                "medium",
                [
                    ("dedicated", Word.dedicated), ("scheduled", .scheduled), ("aloha", .aloha),
                    ("slotted-aloha", .slotted), ("listen-before-talk", .listening),
                ]) ?? .dedicated
        let slot = try section.seconds("slot_s", 0...3600)
        let counts = try section.numbers("contention_slots", count: 2, 1...65_536)
        let deafness = try section.seconds("deafness_s", 0...3600)
        let captureSection = try section.section("capture")
        let capture = try Capture.read(captureSection)
        let isShared = [.aloha, .slotted, .listening].contains(word)
        let uses: [(key: String, isGiven: Bool, isUseful: Bool, with: String)] = [
            ("slot_s", slot != nil, word == .slotted || word == .listening, "slotted-aloha or listen-before-talk"),
            ("contention_slots", counts != nil, word == .listening, "listen-before-talk"),
            ("deafness_s", deafness != nil, word == .listening, "listen-before-talk"),
            ("capture", capture != nil, isShared, "aloha, slotted-aloha or listen-before-talk"),
        ]
        for use in uses where use.isGiven && !use.isUseful {
            throw section.failure(use.key, "is of no use without medium: \(use.with)")
        }
        func needed() throws(FieldError) -> Int64 {
            guard let slot, slot > 0 else { throw section.failure("slot_s", "is missing: the length of a slot") }
            return slot
        }
        switch word {
        case .dedicated: return .dedicated
        case .scheduled: return .scheduled
        case .aloha: return .shared(.aloha, capture)
        case .slotted: return .shared(.slottedAloha(slot: try needed()), capture)
        case .listening:
            let least = counts.map { Int($0[0]) } ?? 8
            let listening = ListenBeforeTalk(
                slot: try needed(), leastSlots: least, mostSlots: counts.map { Int($0[1]) } ?? 256,
                deafness: deafness ?? 0)
            return .shared(.listenBeforeTalk(listening), capture)
        }
    }
}

extension Medium.Capture {
    static func read(_ section: YAMLSection) throws(FieldError) -> Medium.Capture? {
        let margin = try section.number("margin_db", 0...100)
        let spread = try section.number("spread_db", 0...200)
        let harmless = try section.seconds("harmless_s", 0...3600)
        try section.finish()
        guard !section.isEmpty else { return nil }
        return Medium.Capture(
            margin: margin.map { Int(($0 * 100).rounded()) }, spread: Int(((spread ?? 0) * 100).rounded()),
            harmless: harmless ?? 0)
    }
}
