internal import Foundation

/// Figures as people read them.
enum Figure {
    /// `2.79 s`, `41.2 ms`, `27 min`.
    static func seconds(_ nanoseconds: Int64) -> String {
        let seconds = Double(nanoseconds) / 1e9
        switch seconds.magnitude {
        case 0: return "0 s"
        case ..<0.001: return "\(short(seconds * 1e6)) µs"
        case ..<1: return "\(short(seconds * 1000)) ms"
        case ..<600: return "\(short(seconds)) s"
        case ..<36_000: return "\(short(seconds / 60)) min"
        case ..<864_000: return "\(short(seconds / 3600)) h"
        default: return "\(short(seconds / 86_400)) days"
        }
    }

    /// Three digits that count.
    static func short(_ value: Double) -> String {
        switch value.magnitude {
        case 0: "0"
        case ..<10: String(format: "%.2f", value)
        case ..<100: String(format: "%.1f", value)
        default: String(format: "%.0f", value)
        }
    }
}
