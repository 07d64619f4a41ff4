internal import Foundation

extension DeviceProfile {
    /// Reads a device's file. Docs/Profiles.md has every key.
    ///
    /// - Parameter installed: where its link is looked for.
    public static func load(_ path: String, _ installed: InstalledProfiles) throws(FieldError) -> DeviceProfile {
        let section = try YAMLSection.load(path)
        let base = URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
        return try read(section, name: base, installed)
    }

    public static func read(
        _ section: YAMLSection, name: String, _ installed: InstalledProfiles
    ) throws(FieldError) -> DeviceProfile {
        let about = try About.read(try section.section("profile"), name: name)
        let security = try Security.read(try section.section("security"))
        let link = try link(section, security, installed)
        let payload = try Payload.read(try section.section("payload"))
        var commands: [CommandDescription] = []
        for item in try section.sections("commands") {
            let command = try CommandDescription.read(item)
            guard !commands.contains(where: { $0.verb == command.verb }) else {
                throw item.failure("verb", "\(item.shown(command.verb)) stands here twice")
            }
            commands.append(command)
        }
        let profile = DeviceProfile(
            about: about, link: link, security: security, coap: try CoAPSettings.read(try section.section("coap")),
            payload: payload,
            matrix: try MatrixMapping.read(try section.section("matrix"), fields: payload.fields), commands: commands,
            power: try Power.read(try section.section("power")), limits: try Limits.read(try section.section("limits")),
            test: try Expectations.read(try section.section("test")))
        try section.finish()
        if let (place, key, problem) = profile.impossibility {
            throw section.has(path: place)
                ? try section.section(place).failure(key, problem) : section.failure("link", problem)
        }
        return profile
    }

    /// The name or path of a link, or the link itself.
    private static func link(
        _ section: YAMLSection, _ security: Security, _ installed: InstalledProfiles
    ) throws(FieldError) -> LinkProfile {
        let link: LinkProfile
        if section.isMapping("link") {
            link = try LinkProfile.read(try section.section("link"), name: "link")
        } else {
            let text = try section.required("link", "the name of a link profile, or a link's own keys")
            let path: String
            do {
                path = try installed.file(text, .links, relativeTo: section.resolve("."))
            } catch {
                throw section.failure("link", "\(section.shown(text)): \(error.problem)")
            }
            link = try LinkProfile.load(path)
        }
        if let problem = link.problem(encryptionPermitted: security.isEncryptionPermitted) {
            let way =
                link.allowsEncryption ? "" : "; security.encryption_permitted: true says that you have the permission"
            throw section.failure("link", problem + way)
        }
        return link
    }
}

extension DeviceProfile.About {
    /// The version of the format.
    static let schema: Int64 = 1

    static func read(_ section: YAMLSection, name: String) throws(FieldError) -> DeviceProfile.About {
        if let schema = try section.integer("schema", 1...Int64.max), schema > Self.schema {
            throw section.failure("schema", "\(schema) is newer than what this program reads: \(Self.schema)")
        }
        let firmware = try section.section("firmware")
        let about = DeviceProfile.About(
            name: try section.string("name") ?? name, description: try section.string("description")?.trimmedLine ?? "",
            version: try section.string("version"), vendor: try section.string("vendor"),
            model: try section.string("model"),
            firmware: DeviceProfile.Firmware(
                version: try firmware.string("version"), oldest: try firmware.string("min"),
                newest: try firmware.string("max")),
            licence: try section.string("licence"), docs: try section.string("docs"),
            tags: try section.strings("tags") ?? [],
            revision: UInt64(try section.integer("revision", 0...Int64.max) ?? 0))
        try firmware.finish()
        try section.finish()
        return about
    }
}

extension DeviceProfile.Limits {
    static func read(_ section: YAMLSection) throws(FieldError) -> DeviceProfile.Limits {
        let limits = DeviceProfile.Limits(
            messageBytes: try section.integer("message_bytes", 1...65_507).map { Int($0) },
            messagesPerHour: try section.integer("messages_per_hour", 1...1_000_000).map { Int($0) },
            fairShareGroup: try section.string("fair_share_group"))
        try section.finish()
        return limits
    }
}

extension DeviceProfile.Expectations {
    static func read(_ section: YAMLSection) throws(FieldError) -> DeviceProfile.Expectations {
        var seeds: [UInt64] = []
        for text in try section.strings("seeds") ?? [] {
            guard let seed = UInt64(text) else {
                throw section.failure("seeds", "\(section.shown(text)) is not a whole number from 0 to \(UInt64.max)")
            }
            seeds.append(seed)
        }
        var lines: [String: Int] = [:]
        for key in section.keys { lines[key] = section.failure(key, "").line }
        let expectations = DeviceProfile.Expectations(
            scenarios: (try section.strings("scenarios") ?? []).map { section.resolve($0) }, seeds: seeds,
            bytesPerMessage: try section.integer("bytes_per_message", 1...65_507).map { Int($0) },
            latency95: try section.seconds("p95_latency_s", 0.001...2_592_000), lines: lines)
        try section.finish()
        return expectations
    }
}
