public import CompactMatrix
internal import Foundation

/// Where profiles lie, and how one is named: by its name where it is installed, otherwise by its path.
public struct InstalledProfiles: Sendable {
    public enum Kind: String, Sendable {
        case links, devices

        var singular: String { self == .links ? "link" : "device" }
    }

    /// Folders with `links` and `devices` in them; the first one that has a name counts.
    public var folders: [String]

    public init(folders: [String]) {
        self.folders = folders
    }

    /// `SOTTO_PROFILES` where it is set. Otherwise what belongs to the program: `../share/sotto/profiles` beside its
    /// folder, or `Firmware-Profiles` of the sources that it was built from; then those of the system.
    ///
    /// - Parameter executable: the running program, nil where it is not known.
    public static func search(
        executable: String?, environment: [String: String]
    ) -> InstalledProfiles {
        if let folder = environment["SOTTO_PROFILES"], !folder.isEmpty { return InstalledProfiles(folders: [folder]) }
        var folders: [String] = []
        if let executable {
            var folder = URL(fileURLWithPath: executable).resolvingSymlinksInPath().deletingLastPathComponent()
            folders.append(folder.deletingLastPathComponent().appendingPathComponent("share/sotto/profiles").path)
            while folder.path != "/" {
                let manifest = folder.appendingPathComponent("Package.swift").path
                if FileManager.default.fileExists(atPath: manifest) {
                    folders.append(folder.appendingPathComponent("Firmware-Profiles").path)
                    break
                }
                folder = folder.deletingLastPathComponent()
            }
        }
        return InstalledProfiles(folders: folders + ["/usr/local/share/sotto/profiles", "/usr/share/sotto/profiles"])
    }

    /// The file of a profile: a text with a slash, or with a YAML file's ending, is a path; anything else a name.
    ///
    /// - Parameter directory: what a relative path is relative to; nil: the working directory.
    public func file(_ text: String, _ kind: Kind, relativeTo directory: String? = nil) throws(FieldError) -> String {
        if Self.isPath(text) {
            guard let directory, !text.hasPrefix("/") else { return text }
            return directory + "/" + text
        }
        for folder in folders {
            let path = "\(folder)/\(kind.rawValue)/\(text).yaml"
            if FileManager.default.fileExists(atPath: path) { return path }
        }
        throw FieldError(
            file: text,
            problem:
                "no \(kind.singular) profile of this name is installed; sotto profile list shows them, and a path has a "
                + "slash or ends in .yaml")
    }

    static func isPath(_ text: String) -> Bool {
        text.contains("/") || text.hasSuffix(".yaml") || text.hasSuffix(".yml") || text == "." || text == ".."
            || text.isEmpty
    }

    /// The names that are installed, sorted.
    public func names(_ kind: Kind) -> [String] {
        var names: Set<String> = []
        for folder in folders {
            let files = (try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(kind.rawValue)")) ?? []
            names.formUnion(files.filter { $0.hasSuffix(".yaml") }.map { String($0.dropLast(5)) })
        }
        return names.sorted()
    }

    // MARK: Firmware

    /// How a firmware packs its readings; nil: they describe themselves.
    public func template(
        of firmware: String, relativeTo directory: String? = nil
    ) throws(FieldError) -> PayloadTemplate? {
        guard
            case .template(let template) = try DeviceProfile.Payload.load(
                try file(firmware, .devices, relativeTo: directory)
            ).codec
        else { return nil }
        return template
    }

    // MARK: Links

    /// - Parameter encryptionPermitted: somebody holds a permission to encrypt where the rules of the link forbid it.
    public func link(
        _ text: String, relativeTo directory: String? = nil, encryptionPermitted: Bool
    ) throws(FieldError) -> LinkProfile {
        let profile = try LinkProfile.load(try file(text, .links, relativeTo: directory))
        if let problem = profile.problem(encryptionPermitted: encryptionPermitted) {
            throw FieldError(file: text, problem: problem)
        }
        return profile
    }

    /// The value of `key` in another file: the name or the path of a link, or the link itself; nil where it is absent.
    /// `KEY_encryption_permitted: true` beside it is the permission.
    public func link(from section: YAMLSection, key: String) throws(FieldError) -> LinkProfile? {
        let permission = key + "_encryption_permitted"
        let isPermitted = try section.bool(permission) ?? false
        let profile: LinkProfile
        if section.isMapping(key) {
            profile = try LinkProfile.read(try section.section(key), name: key)
        } else {
            guard let text = try section.string(key) else { return nil }
            let path: String
            do {
                path = try file(text, .links, relativeTo: section.resolve("."))
            } catch {
                throw section.failure(key, "\(section.shown(text)): \(error.problem)")
            }
            profile = try LinkProfile.load(path)
        }
        if let problem = profile.problem(encryptionPermitted: isPermitted) {
            let way = profile.allowsEncryption ? "" : "; \(permission): true says that you have the permission"
            throw section.failure(key, problem + way)
        }
        return profile
    }
}

extension LinkProfile {
    /// Why Sotto cannot speak over it; nil: it can.
    public func problem(encryptionPermitted: Bool) -> String? {
        if let problem = smallestFrameProblem { return problem }
        guard !allowsEncryption, !encryptionPermitted else { return nil }
        return "\(name) is a link of amateur radio, where most countries forbid encryption, and Sotto always encrypts"
    }
}
