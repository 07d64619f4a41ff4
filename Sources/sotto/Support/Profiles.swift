internal import Foundation
internal import LinkModel
internal import Links
internal import Profiles

extension InstalledProfiles {
    /// Those that this program finds.
    static let here = search(
        executable: try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"),
        environment: ProcessInfo.processInfo.environment)
}

extension Link {
    /// Nothing is known: timers are learnt, from the slowest that this project is made for.
    static let unknown = LinkProfile.unknown.link.timing
}

extension Failure {
    /// Of a configuration or a device's file; a profile that was named on the command line is `badInput`.
    init(_ error: FieldError, _ status: ExitStatus = .badConfiguration) {
        self.init(status, error.description)
    }
}

extension LinkProfile {
    /// What a person has to know before believing that a device can be reached over it; nil: nothing.
    var caution: String? {
        guard case .adapter(let adapter) = carrier else { return nil }
        return "\(name) does not carry UDP: on the real link this needs \(adapter)"
    }
}
