import Foundation
import Simulation
import Testing

@Suite("Logs that are kept")
struct ReplayTests {
    /// Scripts/replay does the same with a release build.
    @Test(
        "a scenario's log and datagrams are those that are kept, byte for byte",
        arguments: GoldenScenarios.all.map(\.name))
    func kept(name: String) throws {
        let scenario = try #require(GoldenScenarios.all.first { $0.name == name })
        let url = try #require(
            Bundle.module.url(forResource: name, withExtension: "txt", subdirectory: "Logs"))
        let kept = try String(contentsOf: url, encoding: .utf8)
        let text = try GoldenScenarios.text(of: scenario)
        // The first line that differs, and not the whole of both.
        let lines = zip(kept.split(separator: "\n"), text.split(separator: "\n")).enumerated()
        let difference = lines.first { $0.element.0 != $0.element.1 }
        #expect(
            kept == text,
            """
            line \((difference?.offset ?? 0) + 1) was "\(difference?.element.0 ?? "")" and is now \
            "\(difference?.element.1 ?? "")"; where that is meant to be, Scripts/replay --write writes the logs anew
            """)
    }
}
