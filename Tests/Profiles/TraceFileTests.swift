import Foundation
import LinkModel
import Profiles
import Testing

@Suite("Losses recorded in files of their own")
struct TraceFileTests {
    /// Reads a link beside a file `trace` with that content; its loss, or what is wrong.
    private func read(_ yaml: String, _ content: String) throws -> (loss: LossModel?, problem: String) {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try content.write(to: folder.appendingPathComponent("trace"), atomically: true, encoding: .utf8)
        let file = folder.appendingPathComponent("x.yaml").path
        do throws(FieldError) {
            return (try LinkProfile.read(try YAMLSection.parse(yaml, file: file), name: "x").link.up.loss, "")
        } catch {
            return (nil, error.description.replacing(folder.path + "/", with: ""))
        }
    }

    @Test("outages as lines of two numbers, with a heading and remarks")
    func outages() throws {
        let yaml = "trace: {file: trace, period_s: 100}\n"
        let read = try read(yaml, "from,to\n# measured in May\n1.5, 3\r\n\n10,20.25\n")
        #expect(
            read.loss
                == .intervals(
                    .init(
                        down: [1_500_000_000..<3_000_000_000, 10_000_000_000..<20_250_000_000], period: 100_000_000_000)
                ), "\(read.problem)")
    }

    @Test("a sign for each datagram")
    func signs() throws {
        let read = try read("lost_datagrams_file: trace\n", "# 2026-05-01\n0 0 1\n1,0\n")
        #expect(read.loss == .frames([false, false, true, true, false]), "\(read.problem)")
    }

    @Test("what is wrong in such a file is named with its line")
    func wrong() throws {
        let trace = "trace: {file: trace, period_s: 100}\n"
        let signs = "lost_datagrams_file: trace\n"
        for (yaml, content, expected) in [
            (trace, "1,2\n2.5\n", "trace:2: \"2.5\" is not FROM,TO: two numbers from 0 to 31536000, in seconds"),
            (trace, "1,2\n5,4\n", "trace:2: \"5,4\" does not end after it begins"),
            (trace, "1,2\n1.5,4\n", "trace:2: \"1.5,4\" begins before the end of the one before it"),
            (trace, "1,200\n", "trace:1: \"1,200\" ends after period_s"),
            (trace, "1,1e999\n", "trace:1: \"1,1e999\" is not FROM,TO"),
            (trace, "# nothing\n", "x.yaml:1: trace.down: is missing"),
            ("trace: {file: nowhere}\n", "", "x.yaml:1: trace.file: \"nowhere\" cannot be read"),
            (
                "trace: {file: trace, down: [{from_s: 0, to_s: 1}]}\n", "1,2\n",
                "x.yaml:1: trace.file: down says already"
            ),
            (signs, "0102\n", "trace:1: \"0102\": 0 (arrives) and 1 (lost) are expected"),
            (signs, "", "trace: is empty"),
            ("lost_datagrams: 01\n" + signs, "1\n", "x.yaml:2: lost_datagrams_file: lost_datagrams says already"),
        ] {
            let problem = try read(yaml, content).problem
            #expect(problem.hasPrefix(expected), "\(problem)")
        }
    }
}
