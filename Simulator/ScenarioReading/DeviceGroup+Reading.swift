internal import CompactMatrix
internal import Foundation
internal import Profiles
internal import Simulation

extension DeviceGroup {
    /// - Parameter links: those of the scenario; a device's profile may bring another.
    static func read(
        _ section: YAMLSection, links: inout [Scenario.NamedLink], _ profiles: InstalledProfiles
    ) throws(FieldError) -> DeviceGroup {
        let name = try section.required("name", "what the devices are called; several get a number besides")
        let allowed = name.utf8.allSatisfy {
            switch $0 {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
            default: false
            }
        }
        guard allowed, name.utf8.count <= 48 else {
            throw section.failure("name", "\(section.shown(name)): letters, digits, \".\", \"_\" and \"-\" are allowed")
        }
        var group = DeviceGroup(name: name, count: Int(try section.integer("count", 1...100_000) ?? 1))
        group.line = section.failure("name", "").line
        let profile = try profiles.device(from: section, key: "profile")
        if let link = try section.string("link") {
            guard let index = links.firstIndex(where: { $0.name == link }) else {
                let names = links.map(\.name).joined(separator: ", ")
                throw section.failure(
                    "link", "\(section.shown(link)) is no link of this scenario; there are: \(names)")
            }
            group.link = index
        } else if let link = profile?.link {
            group.link = links.firstIndex { $0.name == link.name } ?? links.count
            if group.link == links.count { links.append(.init(name: link.name, link: link.link)) }
        } else if links.isEmpty {
            throw section.failure("link", "is missing: the scenario has no link, and the device no profile with one")
        }
        group.start = try section.seconds("start_s", 0...315_360_000) ?? 0
        group.spread = try section.seconds("spread_s", 0...315_360_000) ?? 0
        group.watches = try section.bool("watches") ?? false
        let words: [(String, Bool)] = [("sotto", false), ("datagrams", true)]
        if try section.choice("stack", words) ?? false {
            group.stack = .datagrams(
                DatagramStack(
                    confirmEvery: Int(try section.integer("confirm_every", 0...1_000_000) ?? 0),
                    answerBytes: Int(try section.integer("answer_bytes", 1...1280) ?? 17),
                    handshakeUp: Int(try section.integer("handshake_up_bytes", 0...1280) ?? 0),
                    handshakeDown: Int(try section.integer("handshake_down_bytes", 0...1280) ?? 0)))
        }
        group.isProvisioned = try section.bool("provisioned") ?? profile.map { $0.security.pattern == .provisioned }
        for item in try section.sections("traffic") {
            group.traffic.append(try Traffic.read(item, otherwise: profile?.simulatedContent ?? .text(24)))
        }
        if group.traffic.isEmpty, let profile {
            guard let traffic = profile.simulatedTraffic else {
                throw section.failure("traffic", "is missing: \(profile.about.name) has no power.interval_s")
            }
            group.traffic = [traffic]
        }
        group.template = profile?.simulatedTemplate
        group.power = profile?.simulatedPower
        if section.isMapping("power") { group.power = try Power.read(try section.section("power")) }
        try section.finish()
        return group
    }
}

extension DeviceGroup.Traffic {
    private enum Kind { case periodic, poisson, bursts, saturated, file }

    static func read(
        _ section: YAMLSection, otherwise: DeviceGroup.Content
    ) throws(FieldError) -> DeviceGroup.Traffic {
        let words: [(String, Kind)] = [
            ("periodic", .periodic), ("poisson", .poisson), ("bursts", .bursts), ("saturated", .saturated),
            ("file", .file),
        ]
        guard let kind = try section.choice("pattern", words) else {
            throw section.failure("pattern", "is missing: one of \(words.map { $0.0 }.joined(separator: ", "))")
        }
        func time(_ key: String) throws(FieldError) -> Int64 {
            guard let time = try section.seconds(key, 0.001...315_360_000) else {
                throw section.failure(key, "is missing: seconds")
            }
            return time
        }
        let pattern: DeviceGroup.Pattern
        switch kind {
        case .periodic:
            pattern = .periodic(
                every: try time("every_s"), jitter: try section.seconds("jitter_s", 0...315_360_000) ?? 0)
        case .poisson: pattern = .poisson(mean: try time("mean_s"))
        case .bursts:
            pattern = .bursts(
                every: try time("every_s"), messages: Int(try section.integer("messages", 1...1_000_000) ?? 5),
                gap: try section.seconds("gap_s", 0...315_360_000) ?? 0)
        case .saturated: pattern = .saturated
        case .file: pattern = .times(try times(section))
        }
        let content: DeviceGroup.Content
        if let values = try section.strings("reading") {
            content = .reading(try values.map { text throws(FieldError) in try value(text, section) })
        } else {
            content = try section.integer("text_bytes", 1...60_000).map { .text(Int($0)) } ?? otherwise
        }
        try section.finish()
        return DeviceGroup.Traffic(pattern, content)
    }

    /// `NAME=VALUE:UNIT`.
    private static func value(_ text: String, _ section: YAMLSection) throws(FieldError) -> MeasuredValue {
        let parts = text.split(separator: "=", maxSplits: 1)
        let rest = parts.count == 2 ? parts[1].split(separator: ":", maxSplits: 1) : []
        guard let digits = rest.first, let decimal = MeasuredValue.decimal(Array(digits.utf8)) else {
            throw section.failure(
                "reading",
                "\(section.shown(text)): NAME=VALUE or NAME=VALUE:UNIT is expected, such as temperature=21.5:Cel")
        }
        return MeasuredValue(
            name: String(parts[0]), unit: rest.count == 2 ? String(rest[1]) : "", mantissa: decimal.mantissa,
            exponent: decimal.exponent)
    }

    /// The first column of a file: seconds from the begin, rising.
    private static func times(_ section: YAMLSection) throws(FieldError) -> [Int64] {
        guard let path = try section.filePath("file") else {
            throw section.failure("file", "is missing: a CSV file with a time in seconds in each line")
        }
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw section.failure("file", "\(section.shown(path)) cannot be read")
        }
        var times: [Int64] = []
        for (number, line) in text.split(whereSeparator: \.isNewline).enumerated() {
            let field = line.split(separator: ",").first.map(String.init) ?? ""
            guard let seconds = Double(field.trimmingCharacters(in: .whitespaces)), seconds >= 0, seconds < 3.2e8 else {
                if number == 0 { continue }
                throw FieldError(
                    file: path, line: number + 1, problem: "\"\(field)\" is not a number of seconds from 0 to 320000000"
                )
            }
            let time = YAMLSection.nanoseconds(seconds)
            if let last = times.last, time < last {
                throw FieldError(
                    file: path, line: number + 1, problem: "\"\(field)\" is before the time of the line above")
            }
            times.append(time)
        }
        return times
    }
}

extension DeviceGroup.Power {
    static func read(_ section: YAMLSection) throws(FieldError) -> DeviceGroup.Power {
        func micro(_ key: String, _ scale: Double) throws(FieldError) -> Int64 {
            guard let value = try section.number(key, 0...100_000) else { throw section.failure(key, "is missing") }
            return Int64((value * scale).rounded())
        }
        let power = DeviceGroup.Power(
            millivolts: try micro("volts", 1000), transmitting: try micro("transmit_ma", 1000),
            receiving: try micro("receive_ma", 1000), sleeping: try micro("sleep_ua", 1),
            alwaysListens: try section.bool("always_listens") ?? false,
            battery: try section.integer("battery_mah", 1...10_000_000) ?? 0,
            usablePercent: try section.integer("usable_percent", 1...100) ?? 80)
        try section.finish()
        return power
    }
}
