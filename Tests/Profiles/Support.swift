import Foundation
import Profiles
import Testing

/// `Firmware-Profiles` of these sources.
let committed = InstalledProfiles(folders: [
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Firmware-Profiles").path
])

func parseLink(_ yaml: String) throws(FieldError) -> LinkProfile {
    try LinkProfile.read(try YAMLSection.parse(yaml, file: "x.yaml"), name: "x")
}

func parseDevice(_ yaml: String) throws(FieldError) -> DeviceProfile {
    try DeviceProfile.read(try YAMLSection.parse(yaml, file: "x.yaml"), name: "x", committed)
}

/// The error's text; empty where there is none.
func refusal<T>(_ body: () throws(FieldError) -> T) -> String {
    do throws(FieldError) {
        _ = try body()
        return ""
    } catch {
        return "\(error)"
    }
}

let leastDevice = """
    link: reference-100bps
    security: {pattern: KK}

    """
