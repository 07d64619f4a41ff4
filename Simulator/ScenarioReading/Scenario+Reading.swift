internal import Foundation
internal import LinkModel
public import Profiles
public import Simulation

extension Scenario {
    /// Reads a scenario's file. Docs/Simulator.md has every key.
    public static func load(_ path: String, profiles: InstalledProfiles) throws(FieldError) -> Scenario {
        try read(try YAMLSection.load(path), profiles: profiles)
    }

    public static func read(_ section: YAMLSection, profiles: InstalledProfiles) throws(FieldError) -> Scenario {
        let name = try section.string("name")
        _ = try section.string("description")
        let base = URL(fileURLWithPath: section.file).deletingPathExtension().lastPathComponent
        guard let duration = try section.seconds("duration_s", 1...315_360_000) else {
            throw section.failure("duration_s", "is missing: how long to simulate, in seconds; 86400 is a day")
        }
        var links = try readLinks(section, profiles)
        var devices: [DeviceGroup] = []
        for item in try section.sections("devices") {
            let group = try DeviceGroup.read(item, links: &links, profiles)
            guard !devices.contains(where: { $0.name == group.name }) else {
                throw item.failure("name", "\(item.shown(group.name)) is the name of other devices already")
            }
            devices.append(group)
        }
        guard !devices.isEmpty else { throw section.failure("devices", "is missing: a list of those that send") }
        var scenario = Scenario(
            name: name ?? base, seed: UInt64(try section.integer("seed", 0...Int64.max) ?? 1), duration: duration,
            links: links, homeserver: try Homeserver.read(try section.section("homeserver")), devices: devices,
            roomMessages: try readRoomMessages(section, devices))
        scenario.file = section.file
        try section.finish()
        return scenario
    }

    /// One under `link`, or several under `links`, each with a name; none where the devices' profiles bring theirs.
    private static func readLinks(
        _ section: YAMLSection, _ profiles: InstalledProfiles
    ) throws(FieldError) -> [NamedLink] {
        var links: [NamedLink] = []
        if let profile = try profiles.link(from: section, key: "link") {
            links.append(NamedLink(name: profile.name, link: profile.link))
        }
        for item in try section.sections("links") {
            let name = try item.required("name", "what devices call this link")
            guard let profile = try profiles.link(from: item, key: "link") else {
                throw item.failure("link", "is missing: the name of a link profile, a path, or the link itself")
            }
            guard !links.contains(where: { $0.name == name }) else {
                throw item.failure("name", "\(item.shown(name)) is the name of another link already")
            }
            try item.finish()
            links.append(NamedLink(name: name, link: profile.link))
        }
        return links
    }

    private static func readRoomMessages(
        _ section: YAMLSection, _ devices: [DeviceGroup]
    ) throws(FieldError) -> [RoomMessage] {
        var messages: [RoomMessage] = []
        for item in try section.sections("room_messages") {
            guard let time = try item.seconds("at_s", 0...315_360_000) else {
                throw item.failure("at_s", "is missing: when, in seconds from the begin")
            }
            let message = RoomMessage(
                time: time, device: try item.string("device"),
                text: try item.required("text", "what somebody writes in the room"))
            if let name = message.device, !devices.contains(where: { $0.has(name) }) {
                let names = devices.map { $0.count == 1 ? $0.name : "\($0.name)-1 to \($0.name)-\($0.count)" }
                throw item.failure(
                    "device", "\(item.shown(name)) is no device here; there are: \(names.joined(separator: ", "))")
            }
            try item.finish()
            messages.append(message)
        }
        return messages
    }
}

extension Scenario.Homeserver {
    static func read(_ section: YAMLSection) throws(FieldError) -> Scenario.Homeserver {
        var homeserver = Scenario.Homeserver()
        if let latency = try section.seconds("latency_s", 0...3600) { homeserver.latency = latency }
        if let jitter = try section.seconds("jitter_s", 0...3600) { homeserver.jitter = jitter }
        for item in try section.sections("outages") {
            guard let from = try item.seconds("from_s", 0...315_360_000) else {
                throw item.failure("from_s", "is missing")
            }
            guard let to = try item.seconds("to_s", 0...315_360_000) else { throw item.failure("to_s", "is missing") }
            guard to > from else {
                let (begin, end) = (try item.string("from_s") ?? "", try item.string("to_s") ?? "")
                throw item.failure("to_s", "\(item.shown(end)) is not after from_s: \(item.shown(begin))")
            }
            try item.finish()
            homeserver.outages.append(from..<to)
        }
        try section.finish()
        return homeserver
    }
}

extension DeviceGroup {
    /// Whether one of its devices is called so.
    fileprivate func has(_ device: String) -> Bool {
        count == 1 ? device == name : (1...count).contains { device == "\(name)-\($0)" }
    }
}
