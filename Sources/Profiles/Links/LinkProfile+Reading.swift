internal import Foundation
internal import LinkModel

extension LinkProfile {
    /// Reads a link's file. Docs/Profiles.md has every key.
    public static func load(_ path: String) throws(FieldError) -> LinkProfile {
        let section = try YAMLSection.load(path)
        let base = URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
        return try read(section, name: base)
    }

    /// - Parameter name: where the section itself says none.
    public static func read(_ section: YAMLSection, name: String) throws(FieldError) -> LinkProfile {
        let carrier = try carrier(section)
        let profile = LinkProfile(
            name: try section.string("name") ?? name,
            description: try section.string("description")?.trimmedLine ?? "",
            kind: try section.choice("class", Kind.allCases.map { ($0.rawValue, $0) }) ?? .other,
            link: try RadioLink.read(section),
            carrier: carrier,
            allowsEncryption: try section.bool("encryption_allowed") ?? true,
            sources: try sources(section))
        try section.finish()
        return profile
    }

    private static func carrier(_ section: YAMLSection) throws(FieldError) -> Carrier {
        let words: [(String, Bool)] = [("udp", false), ("adapter", true)]
        let needsAdapter = try section.choice("carries", words) ?? false
        let adapter = try section.string("adapter")?.trimmedLine
        guard needsAdapter else {
            guard adapter == nil else {
                throw section.failure(
                    "adapter", "a link that carries udp needs none; carries: adapter says that it does")
            }
            return .udp
        }
        guard let adapter else {
            throw section.failure("carries", "adapter: has to say what would carry the datagrams")
        }
        return .adapter(adapter)
    }

    private static func sources(_ section: YAMLSection) throws(FieldError) -> [Source] {
        var sources: [Source] = []
        for item in try section.sections("sources") {
            let source = Source(
                fields: try item.strings("fields") ?? [],
                from: try item.required("from", "what the figures were taken from").trimmedLine,
                isVerified: try item.bool("verified") ?? false)
            guard !source.fields.isEmpty else { throw item.failure("fields", "is missing: keys of this file") }
            for field in source.fields where !section.has(path: field) {
                throw item.failure("fields", "\(item.shown(field)) does not stand in this file")
            }
            try item.finish()
            sources.append(source)
        }
        return sources
    }

    /// The keys that describe the link itself and that `sources` says nothing of, as they stand in the file.
    public static func fieldsWithoutSource(_ path: String) throws(FieldError) -> [String] {
        let section = try YAMLSection.load(path)
        let profile = try read(section, name: "")
        let known = profile.sources.flatMap(\.fields)
        let about = ["name", "description", "class", "carries", "adapter", "encryption_allowed", "sources"]
        var missing: [String] = []
        for key in section.keys where !about.contains(key) {
            let parts = ["up", "down"].contains(key) ? try section.section(key).keys.map { "\(key).\($0)" } : [key]
            missing += parts.filter { !known.contains($0) && !known.contains(key) }
        }
        return missing
    }
}

extension String {
    /// Without the line end that YAML's folded texts have.
    var trimmedLine: String { trimmingCharacters(in: .whitespacesAndNewlines) }
}
