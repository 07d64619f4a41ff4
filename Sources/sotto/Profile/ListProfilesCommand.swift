internal import ArgumentParser
internal import Profiles

struct ListProfilesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists the profiles that are installed.",
        discussion: "SOTTO_PROFILES names another folder with links and devices in it.")

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let installed = InstalledProfiles.here
        var entries: [Entry] = []
        for name in installed.names(.links) { entries.append(Self.link(name, installed)) }
        for name in installed.names(.devices) { entries.append(Self.device(name, installed)) }
        if json {
            try printJSON(entries)
            return
        }
        if entries.isEmpty { say("no profiles are installed; looked in \(installed.folders.joined(separator: ", "))") }
        let width = entries.map(\.name.count).max() ?? 0
        for entry in entries {
            let name = entry.name + String(repeating: " ", count: width - entry.name.count)
            print("\(name)  \(entry.kind.padded(11))\(entry.carries.padded(9))\(entry.description)")
        }
    }

    struct Entry: Encodable {
        var name: String
        /// `device`, or what kind of link.
        var kind: String
        var carries: String
        var description: String
        var allowsEncryption: Bool?
        var canRun: Bool
    }

    private static func link(_ name: String, _ installed: InstalledProfiles) -> Entry {
        do throws(FieldError) {
            let profile = try LinkProfile.load(try installed.file(name, .links))
            return Entry(
                name: name, kind: profile.kind.rawValue, carries: profile.carrier == .udp ? "udp" : "adapter",
                description: profile.description, allowsEncryption: profile.allowsEncryption,
                canRun: profile.smallestFrameProblem == nil)
        } catch {
            return Entry(name: name, kind: "wrong", carries: "-", description: "\(error)", canRun: false)
        }
    }

    private static func device(_ name: String, _ installed: InstalledProfiles) -> Entry {
        do throws(FieldError) {
            let profile = try DeviceProfile.load(try installed.file(name, .devices), installed)
            return Entry(
                name: name, kind: "device", carries: profile.link.carrier == .udp ? "udp" : "adapter",
                description: profile.about.description, allowsEncryption: nil, canRun: true)
        } catch {
            return Entry(name: name, kind: "wrong", carries: "-", description: "\(error)", canRun: false)
        }
    }
}

extension String {
    fileprivate func padded(_ width: Int) -> String { self + String(repeating: " ", count: max(1, width - count)) }
}
