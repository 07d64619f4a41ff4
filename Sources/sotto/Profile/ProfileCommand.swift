internal import ArgumentParser
internal import Foundation
internal import Profiles

struct ProfileCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "profile", abstract: "Looks at profiles of links and of devices, and says what follows from them.",
        discussion: """
            A profile is named by its name where it is installed, by its path otherwise. A file with security: describes a \
            device, another one a link. Docs/Profiles.md has every key.
            """,
        subcommands: [CheckProfileCommand.self, ExplainProfileCommand.self, ListProfilesCommand.self])
}

/// A profile that was named on the command line.
enum NamedProfile {
    case link(LinkProfile, file: String)
    case device(DeviceProfile, file: String)

    /// A name may be a device's or a link's; devices are looked for first.
    static func load(_ text: String) throws -> NamedProfile {
        let installed = InstalledProfiles.here
        let file: String
        do throws(FieldError) {
            if let device = try? installed.file(text, .devices) {
                file = device
            } else {
                file = try installed.file(text, .links)
            }
        } catch {
            throw Failure(
                .unknownProfile,
                "\(text): no profile of this name is installed; sotto profile list shows them, and a path has a slash or ends "
                    + "in .yaml")
        }
        do throws(FieldError) {
            if try YAMLSection.load(file).keys.contains("security") {
                return .device(try DeviceProfile.load(file, installed), file: file)
            }
            return .link(try LinkProfile.load(file), file: file)
        } catch {
            throw Failure(error, .badInput)
        }
    }
}
