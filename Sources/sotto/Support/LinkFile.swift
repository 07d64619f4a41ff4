internal import Links

/// A link as YAML describes it: a file of its own, or a section of another file.
enum LinkFile {
    static func load(_ path: String) throws -> Link {
        let section = try YAMLSection.load(path)
        return try read(section)
    }

    /// The value of `key`: the path of a link file, or the link itself; nil where it is absent.
    static func load(from parent: YAMLSection, key: String) throws -> Link? {
        if parent.isMapping(key) { return try read(parent.section(key)) }
        return try parent.filePath(key).map { try load($0) }
    }

    /// Top-level values are those of both directions; `up` and `down` override them.
    static func read(_ section: YAMLSection) throws -> Link {
        _ = try section.string("name")
        _ = try section.string("description")
        let both = try direction(section, Link.Direction(bitsPerSecond: 0))
        let up = try section.section("up")
        let down = try section.section("down")
        var link = Link(up: try direction(up, both), down: try direction(down, both))
        link.isRateKnown = try hasRate(section) || hasRate(up) && hasRate(down)
        if let seconds = try section.number("processing_s", 0...3600) { link.processing = nanoseconds(seconds) }
        for part in [up, down, section] { try part.finish() }
        return link
    }

    private static func hasRate(_ section: YAMLSection) throws -> Bool {
        try section.integer("rate_bps", 0...10_000_000_000) != nil
    }

    private static func direction(_ section: YAMLSection, _ basis: Link.Direction) throws -> Link.Direction {
        var direction = basis
        if let rate = try section.integer("rate_bps", 0...10_000_000_000) { direction.bitsPerSecond = UInt64(rate) }
        if let seconds = try section.number("latency_s", 0...86_400) { direction.latency = nanoseconds(seconds) }
        if let seconds = try section.number("jitter_s", 0...86_400) { direction.jitter = nanoseconds(seconds) }
        if let percent = try section.number("loss_percent", 0...100) { direction.lossPerMillion = perMillion(percent) }
        if let bytes = try section.integer("overhead_bytes", 0...1000) { direction.overheadBytes = Int(bytes) }
        if let bytes = try section.integer("mtu_bytes", 19...65_507) { direction.mtu = Int(bytes) }
        if let bytes = try section.integer("queue_bytes", 0...1_000_000_000) { direction.queueLimit = Int(bytes) }
        return direction
    }

    static func nanoseconds(_ seconds: Double) -> Int64 { Int64((seconds * 1e9).rounded()) }

    static func perMillion(_ percent: Double) -> UInt32 { UInt32((percent * 10_000).rounded()) }
}
