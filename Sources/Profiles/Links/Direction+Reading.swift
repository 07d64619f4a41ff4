internal import LinkModel

extension RadioLink.Direction {
    /// - Parameter basis: what holds where the section says nothing.
    static func read(_ section: YAMLSection, _ basis: RadioLink.Direction) throws(FieldError) -> RadioLink.Direction {
        var direction = basis
        direction.framing = try Framing.read(section, basis.framing)
        if let bytes = try section.integer("mtu_bytes", 0...65_507) { direction.mtu = Int(bytes) }
        if let latency = try section.seconds("latency_s", 0...2_592_000) { direction.latency = latency }
        direction.jitter = try jitter(section, basis.jitter)
        if let keepsOrder = try section.bool("keeps_order") { direction.keepsOrder = keepsOrder }
        direction.loss = try LossModel.read(section, basis.loss)
        if let share = try section.perMillion("duplication_percent") { direction.duplicationPerMillion = share }
        if let share = try section.perMillion("reordering_percent") { direction.reorderingPerMillion = share }
        if let delay = try section.seconds("reordering_s", 0...86_400) { direction.reorderingDelay = delay }
        if let share = try section.perMillion("corruption_percent") { direction.corruptionPerMillion = share }
        direction.queue = try QueueLimit.read(section, basis.queue)
        let bands = try SubBand.read(section)
        if !bands.isEmpty { direction.bands = bands }
        let quota = try section.integer("messages_per_day", 1...10_000_000)
        if let quota { direction.quota = Quota(datagrams: Int(quota)) }
        return direction
    }

    private static func jitter(_ section: YAMLSection, _ basis: Jitter) throws(FieldError) -> Jitter {
        let spread = try section.seconds("jitter_s", 0...86_400)
        let tables: [(String, DelayTable?)] = [
            ("uniform", nil), ("normal", DelayTable.normal), ("exponential", DelayTable.exponential),
        ]
        let table = try section.choice("jitter_distribution", tables)
        guard let spread else {
            guard table == nil else {
                throw section.failure("jitter_distribution", "is of no use without jitter_s")
            }
            return basis
        }
        guard spread > 0 else { return .none }
        guard let table, let table else { return .uniform(upTo: spread) }
        return .table(table, spread: spread)
    }
}

extension QueueLimit {
    static func read(_ section: YAMLSection, _ basis: QueueLimit) throws(FieldError) -> QueueLimit {
        var queue = basis
        if let bytes = try section.integer("queue_bytes", 0...1_000_000_000) { queue.bytes = Int(bytes) }
        if let frames = try section.integer("queue_datagrams", 1...1_000_000) { queue.frames = Int(frames) }
        if let age = try section.seconds("queue_age_s", 0.001...31_536_000) { queue.age = age }
        let policies: [(String, Policy)] = [("drop-newest", .dropNewest), ("drop-oldest", .dropOldest)]
        if let policy = try section.choice("queue_policy", policies) { queue.policy = policy }
        return queue
    }
}

extension SubBand {
    static func read(_ section: YAMLSection) throws(FieldError) -> [SubBand] {
        var bands: [SubBand] = []
        for item in try section.sections("bands") {
            let name = try item.required("name", "what tells the bands apart")
            let channels = try item.integer("channels", 1...1000) ?? 1
            let share = try item.perMillion("duty_percent")
            let window = try item.seconds("duty_window_s", 1...2_592_000)
            guard share != 0 else { throw item.failure("duty_percent", "with 0 nothing could ever be sent") }
            guard share != nil || window == nil else {
                throw item.failure("duty_window_s", "is of no use without duty_percent")
            }
            let duty = share.map { DutyLimit(perMillion: $0, window: window ?? 3_600_000_000_000) }
            bands.append(SubBand(name: name, channels: Int(channels), duty: duty))
            try item.finish()
        }
        for (index, band) in bands.enumerated() where bands[..<index].contains(where: { $0.name == band.name }) {
            throw section.failure("bands", "\(section.shown(band.name)) is the name of two of them")
        }
        return bands
    }
}
